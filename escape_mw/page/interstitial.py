"""The interstitial: from a `Page` decision to an `Answer`.

One HTML document that asks for nothing else but its artwork. Every value is escaped in one place:
by the template (Jinja2 autoescape).
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..decision.decisions import Page
from ..decision.dress import NAMES, UNDRESSED, Dress
from ..decision.entries import AppEntry
from ..decision.model import Destination, Step, Visitor
from ..web.accept import takes_gzip
from ..web.answers import HTML, NO_STORE, Answer, template_text
from . import languages
from .refusals import images_of, refusals, style_refusals
from .sentences import Speaker, heading_of, preview_image, site_name_of
from .skin import Skin, skin_of

if TYPE_CHECKING:
    import jinja2

# Two thirds smaller in less than a tenth of a millisecond; higher levels win little more.
GZIP_LEVEL = 1

SAMPLE = Page(
    reason="escape",
    visitor=Visitor("webview", None, "android"),
    destination=Destination(
        "spotify", "Spotify", "track", None, "https://open.spotify.com/", "app"
    ),
    rule="sample",
    steps=(Step("intent", "tap", "intent://open.spotify.com/#Intent;end", 2000, "inferred"),),
    stay="https://open.spotify.com/",
    link="https://open.spotify.com/",
    token="sample",  # noqa: S106 - nothing secret
)


class TemplateError(ValueError):
    """The site's own template cannot be used; the message says why."""


class Interstitial:
    """The page of one set of rules, in the dress of each decision.

    `apps` supply the host apps' names and menus, `marker` is the name of the query parameter.
    """

    def __init__(self, apps: Mapping[str, AppEntry], marker: str) -> None:
        self._apps = apps
        self._marker = marker
        self._templates: dict[str, jinja2.Template] = {}
        self._styles: dict[str, str] = {}
        self._tried: set[tuple[str, frozenset[str]]] = set()

    def add_template(self, dress: Dress) -> None:
        """Take the template of the site's own that a dress names. Raises TemplateError.

        It is rendered with that dress and without any: what is wrong with it shows at the start,
        and not before a visitor. Dresses that say the same things are tried once.
        """
        if not (path := dress.template):
            return
        if path not in self._templates:
            self._templates[path] = _own_template(path)
        for one in (UNDRESSED, dress):
            shape = path, frozenset(name for name in NAMES if getattr(one, name) is not None)
            if shape in self._tried:
                continue
            try:
                self._templates[path].render(self._sample(one))
            except Exception as error:
                raise TemplateError(f"{path}: {error}") from None
            self._tried.add(shape)

    def add_style(self, dress: Dress) -> None:
        """Take the style that a dress names; it follows the shipped one. Raises TemplateError."""
        if not (path := dress.style) or path in self._styles:
            return
        text = _read(path).strip()
        for refused in ("</style", "\0"):
            if refused in text.lower():
                raise TemplateError(f"{path}: a style cannot contain {refused!r}")
        self._styles[path] = f"\n{text}"

    def refusals(self, dress: Dress) -> Iterator[tuple[str, str]]:
        """The file, and what of it the page's policy refuses: of a dress's template and style."""
        images = images_of(dress)
        if dress.style:
            for refused in style_refusals(self._styles[dress.style], images):
                yield dress.style, refused
        if dress.template:
            text = self._templates[dress.template].render(self._sample(dress))
            for refused in refusals(text, skin_of(None, ()), images):
                yield dress.template, refused

    def _sample(self, dress: Dress) -> dict[str, Any]:
        page = replace(SAMPLE, dress=dress)
        return self._values(page, skin_of(None, ()), languages.FALLBACK)

    def answer(
        self,
        decision: Page,
        accept_language: str = "",
        accept_encoding: str = "",
        *more: tuple[str, str],
    ) -> Answer:
        """The page in the visitor's language, or the dress's; with gzip where it is accepted.

        `more` are further headers.
        """
        dress = decision.dress
        language = dress.language or "auto"
        if language == "auto":
            language = languages.choose(accept_language)
        to = decision.destination
        colour = to.colour if to.goal == "app" else None  # a browser's button is of no service
        style = self._styles[dress.style] if dress.style else ""
        skin = skin_of(dress.accent or colour, (dress.artwork, dress.logo), style)
        template = self._templates[dress.template] if dress.template else _shipped_template()
        body = template.render(self._values(decision, skin, language)).encode("utf-8")
        policy = skin.reporting_policy if decision.beacon else skin.policy
        own = [("Content-Language", language), ("Content-Security-Policy", policy)]
        if takes_gzip(accept_encoding):
            body = gzip.compress(body, GZIP_LEVEL, mtime=0)
            own += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
        length = ("Content-Length", str(len(body)))
        return Answer("200 OK", (HTML, length, *NO_STORE, *more, *own), body)

    def _values(self, decision: Page, skin: Skin, language: str) -> dict[str, Any]:
        """What the template reads; the names are public, for sites have templates of their own."""
        words = languages.words(language)
        speaker = Speaker(words, decision, self._apps.get(decision.visitor.app or ""))
        dress = decision.dress
        steps = [speaker.button(step) for step in decision.steps if step.uri]
        return {
            "language": language,
            "words": words,
            "page": dress,
            "heading": heading_of(decision),
            "site_name": site_name_of(decision),
            "why": speaker.failed() if decision.retry else speaker.why(),
            "buttons": steps,
            "menu": speaker.menu(language),
            "search": speaker.search(dress.title, dress.artist) if len(steps) == 1 else None,
            "link": decision.link,
            "pasted": speaker.pasted(),
            "stay": decision.stay,
            "stay_label": speaker.stay(),
            "address": decision.address,
            "home": decision.home,
            "preview_image": preview_image(dress.artwork, decision.address),
            "marker": self._marker,
            "token": decision.token,
            "beacon": decision.beacon,
            "menu_marker": decision.menu_marker,
            "style": skin.style,
            "script": skin.script,
        }


def _own_template(path: str) -> jinja2.Template:
    """The site's own template.

    It may extend the shipped one as "interstitial.html" and replace its blocks.
    """
    import jinja2  # noqa: PLC0415 - slow to import, and a request that passes never needs it

    environment = _environment(jinja2.FileSystemLoader(Path(path).parent))
    try:
        return environment.from_string(_read(path))
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(f"{path}:{error.lineno}: {error.message}") from None
    except SyntaxError as error:  # of the Python that Jinja makes of it
        raise TemplateError(f"{path}: {error.msg}") from None


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8-sig")  # some editors write the mark
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TemplateError(f"{path!r} cannot be read: {reason}") from None


@cache
def _shipped_template() -> jinja2.Template:
    """The shipped template, compiled once for the process, as its first page is asked for."""
    return _environment().get_template("interstitial.html")


def _environment(*folders: jinja2.BaseLoader) -> jinja2.Environment:
    import jinja2  # noqa: PLC0415

    shipped = {"interstitial.html": template_text(__package__, "interstitial.html")}
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.DictLoader(shipped), *folders]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
