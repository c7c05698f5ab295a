"""The interstitial: from a `Page` decision to an `Answer`.

One HTML document that asks for nothing else: its style and its script are constants, so that their
hashes make the policy. Every value is escaped in one place: by the template (Jinja2 autoescape), or
where it is put into a shape that the template has rendered.
"""

from __future__ import annotations

import gzip
import secrets
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from markupsafe import Markup, escape

from ..decision.entries import AppEntry
from ..decision.handoffs import TECHNIQUES
from ..decision.model import Destination, Goal, Page, Platform, Step, Trigger, Visitor
from ..web.accept import takes_gzip
from ..web.answers import BARE_POLICY, HTML, NO_STORE, Answer, csp, template_text
from . import languages
from .dress import Dress

if TYPE_CHECKING:
    import jinja2

SHAPES = 512
# Two thirds smaller in less than a tenth of a millisecond; higher levels win little more.
GZIP_LEVEL = 1

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


class TemplateError(ValueError):
    """The site's own template cannot be used; the message says why."""


class Look(NamedTuple):
    """What a page looks like, apart from its visitor: the key of its cached shape.

    `steps` are technique, trigger, settle time in milliseconds, whether there is a button, and
    whether the host app asks first.
    """

    app: str | None
    platform: Platform
    service: str
    call: Literal["open", "play"]
    goal: Goal
    retry: bool
    steps: tuple[tuple[str, Trigger, int, bool, bool], ...]
    is_measured: bool
    has_menu_marker: bool
    language: str

    @property
    def slot_names(self) -> list[str]:
        """The names of what a visit fills in."""
        names = [f"uri{at}" for at, step in enumerate(self.steps) if step[3]]
        names += ["link", "stay", "token"]
        optional = (("beacon", self.is_measured), ("menu_marker", self.has_menu_marker))
        return names + [name for name, is_there in optional if is_there]

    def page(self, slots: Mapping[str, str]) -> Page:
        """A page of this look, filled with these texts."""
        steps = (
            Step(technique, trigger, slots.get(f"uri{at}"), settle_ms, "", asks)
            for at, (technique, trigger, settle_ms, _, asks) in enumerate(self.steps)
        )
        return Page(
            reason="",
            visitor=Visitor("in-app", self.app, self.platform),
            destination=Destination("", self.service, "", None, "", self.goal, call=self.call),
            rule="",
            steps=tuple(steps),
            stay=slots["stay"],
            link=slots["link"],
            token=slots["token"],
            retry=self.retry,
            beacon=slots.get("beacon", ""),
            menu_marker=slots.get("menu_marker", ""),
        )


class Interstitial:
    """The page of one set of rules: its template, style, script and policy are made once.

    `dress` is the site's, `apps` supply the host apps' names and menus, `marker` is the name of the
    query parameter, `template` the path of the site's own template. Raises TemplateError.
    """

    def __init__(
        self, dress: Dress, apps: Mapping[str, AppEntry], marker: str, template: str | None = None
    ) -> None:
        self.template = template
        self._dress = dress
        self._apps = apps
        self._marker = marker
        self._style = template_text(__package__, "interstitial.css").strip() + dress.style
        self._script = template_text(__package__, "interstitial.js").strip()
        self._own = _own_template(template) if template else None
        self._shape = lru_cache(maxsize=SHAPES)(self._render_shape)
        if template:
            self._check_template(template)
        images = dress.image_policy
        self._policy = csp(BARE_POLICY, script=self._script, style=self._style, more=images)
        self._reporting_policy = f"{self._policy}; connect-src 'self'"

    def answer(
        self, decision: Page, accept_language: str = "", accept_encoding: str = ""
    ) -> Answer:
        """The page in the visitor's language, or the rules'; with gzip where it is accepted."""
        language = self._dress.language
        if language == "auto":
            language = languages.choose(accept_language)
        body = self._body(decision, language)
        policy = self._reporting_policy if decision.beacon else self._policy
        more = [("Content-Language", language), ("Content-Security-Policy", policy)]
        if takes_gzip(accept_encoding):
            body = gzip.compress(body, GZIP_LEVEL, mtime=0)
            more += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
        length = ("Content-Length", str(len(body)))
        return Answer("200 OK", (HTML, length, *NO_STORE, *more), body)

    def _template(self) -> jinja2.Template:
        return self._own or _shipped_template()

    def _check_template(self, template: str) -> None:
        """Render once: a site's own template fails at the start, and not before a visitor."""
        try:
            self._template().render(self._values(SAMPLE, languages.FALLBACK))
        except Exception as error:
            raise TemplateError(f"{template}: {error}") from None

    def _body(self, decision: Page, language: str) -> bytes:
        """Render the page: its shape once for every look, then only what a visit fills in.

        A template of the site's own is rendered whole, for it may do anything with a value.
        """
        if self.template:
            return self._template().render(self._values(decision, language)).encode("utf-8")
        return (self._shape(_look(decision, language)) % _filling(decision)).encode("utf-8")

    def _render_shape(self, look: Look) -> str:
        """The page's text as a format string, with a slot for each of a visit's own values."""
        edge = secrets.token_hex(8)  # nothing that a site writes can be mistaken for a slot
        slots = {name: f"{edge}-{name}-{edge}" for name in look.slot_names}
        text = self._template().render(self._values(look.page(slots), look.language))
        text = text.replace("%", "%%")
        for name, slot in slots.items():
            text = text.replace(slot, f"%({name})s")
        return text

    def _values(self, decision: Page, language: str) -> dict[str, Any]:
        """What the template reads; the names are public, for sites have templates of their own."""
        words = languages.words(language)
        app = self._apps.get(decision.visitor.app or "")
        goal, call = decision.destination.goal, decision.destination.call
        names = {
            "service": decision.destination.name,
            "app": app.name if app else words["this_app"],
        }
        heading = words["heading_app" if goal == "app" else "heading_browser"].format_map(names)
        return {
            "language": language,
            "words": words,
            "page": self._dress,
            "title": self._dress.title or heading,
            "heading": heading,
            "buttons": [_button(step, call, words, names) for step in decision.steps if step.uri],
            "menu": _menu(app, decision.visitor.platform, words, names),
            "link": decision.link,
            "stay": decision.stay,
            "retry": decision.retry,
            "marker": self._marker,
            "token": decision.token,
            "beacon": decision.beacon,
            "by_hand": decision.menu_marker,
            "style": Markup(self._style),  # noqa: S704 - a constant and a checked colour
            "script": Markup(self._script),  # noqa: S704 - a constant
        }


def _look(page: Page, language: str) -> Look:
    goal = page.destination.goal
    return Look(
        page.visitor.app,
        page.visitor.platform,
        page.destination.name if goal == "app" else "",  # no word for a browser names it
        page.destination.call,
        goal,
        page.retry,
        tuple(
            [
                (step.technique, step.trigger, step.settle_ms, bool(step.uri), step.asks)
                for step in page.steps
            ]
        ),
        bool(page.beacon),
        bool(page.menu_marker),
        language,
    )


def _filling(page: Page) -> dict[str, str]:
    """What a visit fills in, by the names of the slots."""
    filling: dict[str, str] = {
        f"uri{at}": escape(step.uri) for at, step in enumerate(page.steps) if step.uri
    }
    for name in ("link", "stay", "token", "beacon", "menu_marker"):
        filling[name] = escape(getattr(page, name))
    return filling


def _button(
    step: Step, call: str, words: Mapping[str, str], names: Mapping[str, str]
) -> dict[str, Any]:
    technique = TECHNIQUES[step.technique]
    label = f"{call}_service" if technique.label == "open_service" else technique.label
    return {
        "uri": step.uri,
        "technique": step.technique,
        "trigger": step.trigger,
        "settle_ms": step.settle_ms,
        "opens": technique.opens,
        "label": words[label].format_map(names),
        "hint": words["confirm"].format_map(names) if step.asks else None,
    }


def _menu(
    app: AppEntry | None, platform: str, words: Mapping[str, str], names: Mapping[str, str]
) -> dict[str, Any]:
    """The host app's own way out: what to do, and what the drawing needs if the corner is known."""
    known = app.menu.get(platform) if app else None
    intro = words["menu_intro"].format_map(names)
    if known is None:
        text = words["menu_unknown"].format_map(names)
        return {"intro": intro, "text": text, "corner": None}
    key = f"menu_{known.corner.replace('-', '_')}" if known.corner else "menu_somewhere"
    sign = words["share_sign"] if known.sign == "share" else known.sign
    text = words[key].format_map({**names, "sign": sign, "label": known.label})
    return {"intro": intro, "text": text, "corner": known.corner, "upright": known.sign == "⋮"}


def _own_template(path: str) -> jinja2.Template:
    """The site's own template.

    It may extend the shipped one as "interstitial.html" and replace its blocks.
    """
    import jinja2  # noqa: PLC0415 - slow to import, and a request that passes never needs it

    environment = _environment(jinja2.FileSystemLoader(Path(path).parent))
    try:
        return environment.from_string(Path(path).read_text("utf-8"))
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(f"{path}:{error.lineno}: {error.message}") from None
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
