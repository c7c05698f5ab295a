"""The lab's pages: one HTML document each, in English.

Their style and script are constants, so that their hashes make the policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from markupsafe import Markup

from ..web.answers import HTML, NO_STORE, Answer, csp, template_text
from .qr import svg

if TYPE_CHECKING:
    import jinja2

HEADINGS = (("app", "To the music app"), ("browser", "To the real browser"))
BASE_POLICY = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
# Kept by nobody and found by nobody; and the link's token goes nowhere as a referrer.
HIDDEN = (*NO_STORE, ("X-Robots-Tag", "noindex"))
BLANK: dict[str, object] = {
    "rows": [],
    "headings": HEADINGS,
    "link": "",
    "code": "",
    "here": "",
    "anew": "",
    "saw": "",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One technique as the page shows it.

    `name` is its id on the page, `title` what it is, `known` what the table says of it, `uri` what
    its button opens (None: `words` say what to do) and `opens` how, `wait` for how long in
    milliseconds, `sightings` what may have been seen and its label, `result` how it
    went so far, `fires` what the page opens without a tap.
    """

    name: str
    goal: str
    title: str
    known: str
    uri: str | None
    opens: str
    words: str
    wait: int
    sightings: tuple[tuple[str, str], ...]
    result: str = ""
    worked: bool = False
    fires: str | None = None


def trial_page(title: str, rows: list[Row], *, token: str, query: str) -> Answer:
    """The page with every row.

    `query` is that of its own address in this session; `token` begins a new one.
    """
    texts = (
        "Tap a technique. If your browser opens and says that it worked, come back: that is"
        " recorded. If not, say what you saw.",
        "What is kept: the day, this app and its version, the technique and how it went."
        " Nothing about you.",
    )
    return _answer(
        "200 OK",
        title=title,
        texts=texts,
        rows=rows,
        here=f"lab{query}",
        anew=f"lab?token={token}",
        saw=f"lab/saw{query}",
    )


def notice(
    title: str, *texts: str, status: str = "200 OK", link: str = "", scanned: bool = False
) -> Answer:
    """A page that only says something, and shows a link to copy, and to be `scanned`."""
    code = _picture(link) if scanned else ""
    return _answer(status, title=title, texts=texts, link=link, code=code)


def see_other(location: str) -> Answer:
    """Back to the page after an answer was taken."""
    own = (("Location", location), HTML, ("Content-Length", "0"))
    headers = (*own, *HIDDEN, ("Content-Security-Policy", BASE_POLICY))
    return Answer("303 See Other", headers, b"")


def _answer(status: str, **values: object) -> Answer:
    style = template_text(__package__, "lab.css").strip()
    script = template_text(__package__, "lab.js").strip()
    constants = {"style": Markup(style), "script": Markup(script)}  # noqa: S704 - constants
    body = _template().render(BLANK | values | constants).encode("utf-8")
    length = ("Content-Length", str(len(body)))
    policy = ("Content-Security-Policy", csp(BASE_POLICY, script=script, style=style))
    return Answer(status, (HTML, length, *HIDDEN, ("Content-Language", "en"), policy), body)


def _picture(link: str) -> Markup:
    """The link as a QR code; nothing without segno, or if the link is too long for one."""
    try:
        return Markup(svg(link))  # noqa: S704 - paths and numbers
    except (ModuleNotFoundError, ValueError):
        return Markup()


@cache
def _template() -> jinja2.Template:
    import jinja2  # noqa: PLC0415 - slow to import

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(template_text(__package__, "lab.html"))
