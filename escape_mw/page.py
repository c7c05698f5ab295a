"""The interstitial: from a `Page` decision to an `Answer`.

One HTML document, no other request: its style and its script are constants, so that their hashes make the policy.
Every value is escaped in one place, the template (Jinja2 autoescape).
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import secrets
from dataclasses import replace
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape
from werkzeug.http import parse_accept_header

from . import languages
from .entries import AppEntry
from .model import Answer, Destination, Page, Redirect, Step, Visitor
from .schema import PageOptions

LABELS = {
    "intent-app": "open_service",
    "app-scheme": "open_service",
    "https-link": "open_service",
    "x-safari": "open_safari",
    "x-safari-window": "open_safari",
    "chrome-ios": "open_chrome",
}
# No escape answer may be kept by anybody: it is right for one visitor's app only (RFC 9111; Fastly and Cloudflare docs).
COMMON = (
    ("Cache-Control", "no-store"),
    ("CDN-Cache-Control", "no-store"),
    ("Surrogate-Control", "no-store"),
    ("Vary", "User-Agent"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)
SHAPES = 512
EDGE = secrets.token_hex(
    8
)  # marks the place of a value; nothing that a site writes can be mistaken for it
SLOT = re.compile(rf"{EDGE}(\d+){EDGE}", re.ASCII)
GZIP_LEVEL = (
    1  # two thirds smaller in less than a tenth of a millisecond; higher levels win little more
)
HTML = ("Content-Type", "text/html; charset=utf-8")
BARE_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


SAMPLE = Page(
    reason="sample",
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


class Interstitial:
    """The page of one set of rules: its template, style, script and policy are made once.

    `options` dress it, `apps` supply the host apps' names and menus, `marker` is the name of our query parameter,
    `template` the path of the site's own template. Raises TemplateError.
    """

    def __init__(
        self,
        options: PageOptions,
        apps: dict[str, AppEntry],
        marker: str,
        template: str | None = None,
    ) -> None:
        self.template = template
        self._options = options
        self._apps = apps
        self._marker = marker
        self._style = static("interstitial.css").strip() + _accent(options.accent)
        self._script = static("interstitial.js").strip()
        self._template = _template(template)
        self._shape = lru_cache(maxsize=SHAPES)(self._render_shape)
        artwork = options.artwork or ""
        images = (
            f"; img-src {'data:' if artwork.startswith('data:') else chr(39) + 'self' + chr(39)}"
            if artwork
            else ""
        )
        if template:
            self._try(template)
        self._policy = f"{BARE_POLICY}; script-src {source_hash(self._script)}; style-src {source_hash(self._style)}{images}"
        self._reporting_policy = f"{self._policy}; connect-src 'self'"

    def _try(self, template: str) -> None:
        """Render once, so that a site's own template fails at the start and not before a visitor."""
        try:
            self._template.render(self._values(SAMPLE, languages.FALLBACK))
        except Exception as error:
            raise TemplateError(f"{template}: {error}") from None

    def answer(
        self, decision: Page, accept_language: str = "", accept_encoding: str = ""
    ) -> Answer:
        """Render the page in the visitor's language, or in the one that the rules say; with gzip where it is taken."""
        language = (
            languages.choose(accept_language)
            if self._options.language == "auto"
            else self._options.language
        )
        body = self._body(decision, language)
        policy = self._reporting_policy if decision.beacon else self._policy
        more = [*COMMON, ("Content-Language", language), ("Content-Security-Policy", policy)]
        if _takes_gzip(accept_encoding[:200]):
            body = gzip.compress(body, GZIP_LEVEL, mtime=0)
            more += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
        return Answer("200 OK", (HTML, ("Content-Length", str(len(body))), *more), body)

    def _body(self, decision: Page, language: str) -> bytes:
        """Render the page: its shape once for every kind of visitor, then only what differs from visit to visit.

        A template of the site's own is rendered whole, for it may do anything with a value.
        """
        if self.template:
            return self._template.render(self._values(decision, language)).encode("utf-8")
        values = [step.uri for step in decision.steps if step.uri] + [
            decision.link,
            decision.stay,
            decision.token,
            decision.beacon,
            decision.by_hand,
        ]
        rungs = tuple(
            replace(step, uri=None if step.uri is None else "") for step in decision.steps
        )
        blank = replace(decision.destination, id=None, url="", app_uri=None)
        plain = replace(
            decision,
            destination=blank,
            steps=rungs,
            link="",
            stay="",
            token="",
            rule="",
            journey=None,
            beacon=decision.beacon and "/",
            by_hand=decision.by_hand and "/",
        )
        shape = self._shape(plain, language)
        return "".join(
            part if at % 2 == 0 else escape(values[int(part)]) for at, part in enumerate(shape)
        ).encode("utf-8")

    def _render_shape(self, decision: Page, language: str) -> list[str]:
        """The page's text in pieces: every other one is the number of the value that stands there."""
        slots = iter(range(99))
        steps = tuple(
            step if step.uri is None else replace(step, uri=_slot(next(slots)))
            for step in decision.steps
        )
        link, stay, token, beacon, by_hand = (_slot(next(slots)) for _ in range(5))
        slotted = replace(
            decision,
            steps=steps,
            link=link,
            stay=stay,
            token=token,
            beacon=decision.beacon and beacon,
            by_hand=decision.by_hand and by_hand,
        )
        text = self._template.render(self._values(slotted, language))
        return SLOT.split(text)

    def _values(self, decision: Page, language: str) -> dict[str, Any]:
        words = languages.words(language)
        app = self._apps.get(decision.visitor.app or "")
        names = {
            "service": decision.destination.name,
            "app": app.name if app else words["this_app"],
        }
        heading = words[
            "heading_app" if decision.destination.goal == "app" else "heading_browser"
        ].format_map(names)
        buttons = [_button(step, words, names) for step in decision.steps if step.uri]
        return {
            "language": language,
            "words": words,
            "page": self._options,
            "title": self._options.title or heading,
            "heading": heading,
            "buttons": buttons,
            "menu": _menu(app, decision.visitor.platform, words, names),
            "link": decision.link,
            "stay": decision.stay,
            "retry": decision.retry,
            "marker": self._marker,
            "token": decision.token,
            "beacon": decision.beacon,
            "by_hand": decision.by_hand,
            "style": Markup(self._style),  # noqa: S704 - constants of ours
            "script": Markup(self._script),  # noqa: S704
        }


@lru_cache(maxsize=128)
def _takes_gzip(accept_encoding: str) -> bool:
    return parse_accept_header(accept_encoding)["gzip"] > 0


def _slot(number: int) -> str:
    return f"{EDGE}{number}{EDGE}"


def redirect(decision: Redirect) -> Answer:
    """A bare redirect. 302, because the next visit may be answered otherwise."""
    headers = (
        ("Location", decision.location),
        HTML,
        ("Content-Length", "0"),
        *COMMON,
        ("Content-Security-Policy", BARE_POLICY),
    )
    return Answer("302 Found", headers, b"")


def _button(step: Step, words: dict[str, str], names: dict[str, str]) -> dict[str, Any]:
    return {
        "uri": step.uri,
        "technique": step.technique,
        "trigger": step.trigger,
        "settle_ms": step.settle_ms,
        "window": step.technique == "x-safari-window",
        "label": words[LABELS.get(step.technique, "open_browser")].format_map(names),
        "hint": words["confirm"].format_map(names) if step.technique == "extbrowser" else None,
    }


def _menu(
    app: AppEntry | None, platform: str, words: dict[str, str], names: dict[str, str]
) -> dict[str, Any]:
    """The host app's own way out: what to do, and what the drawing needs, where the facts know the corner."""
    known = app.menu.get(platform) if app else None  # type: ignore[call-overload]
    intro = words["menu_intro"].format_map(names)
    if known is None:
        return {"intro": intro, "text": words["menu_unknown"].format_map(names), "corner": None}
    key = f"menu_{known.corner.replace('-', '_')}" if known.corner else "menu_somewhere"
    sign = words["share_sign"] if known.sign == "share" else known.sign
    text = words[key].format_map(names | {"sign": sign, "label": known.label})
    return {"intro": intro, "text": text, "corner": known.corner, "upright": known.sign == "⋮"}


@cache
def static(name: str) -> str:
    """The text of a file of the page; read once, for a process may give up the right to read it."""
    return files(__package__).joinpath("templates", name).read_text("utf-8")


class TemplateError(ValueError):
    """The site's own template cannot be used; the message says why."""


def _template(override: str | None) -> jinja2.Template:
    """The shipped template, or the site's own, which may extend it as "interstitial.html" and replace its blocks."""
    shipped = jinja2.DictLoader({"interstitial.html": static("interstitial.html")})
    folders = [jinja2.FileSystemLoader(Path(override).parent)] if override else []
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([shipped, *folders]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    if override is None:
        return environment.get_template("interstitial.html")
    try:
        return environment.from_string(Path(override).read_text("utf-8"))
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(f"{override}:{error.lineno}: {error.message}") from None
    except (OSError, ValueError) as error:
        raise TemplateError(
            f"{override!r} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from None


def _accent(accent: str | None) -> str:
    """The site's colour for the button, with black or white on it, whichever is read better (WCAG 2.2, relative luminance)."""
    if accent is None:
        return ""
    channels = [int(accent[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    )
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    label = "#000" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "#fff"
    return f"\n.button{{background:{accent};color:{label}}}"


def source_hash(text: str) -> str:
    """What a Content-Security-Policy calls an inline script or style by (W3C CSP3, 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"
