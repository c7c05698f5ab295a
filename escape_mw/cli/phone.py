"""A page with a phone on it, whose screen shows what a visitor in a host app gets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from html import escape
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, quote, urlsplit

import jinja2
from werkzeug.wrappers import Response

from ..web.answers import template_text
from .agents import INSTAGRAM_IOS, SAFARI, TIKTOK_ANDROID, TIKTOK_IOS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

VISITORS = {
    "tiktok-ios": ("TikTok on iPhone", TIKTOK_IOS),
    "tiktok-android": ("TikTok on Android", TIKTOK_ANDROID),
    "instagram-ios": ("Instagram on iPhone", INSTAGRAM_IOS),
    "safari": ("Safari on iPhone", SAFARI),
}
SCREENS = "/as/"
SHOW = "/show"
LEAVES = (
    "<!doctype html><html lang=en><title>A redirect</title><meta name=viewport content="
    "'width=device-width'><body style='font:1rem/1.5 system-ui;padding:2rem 1.25rem'>"
    "<p>A redirect, without a page, to</p><p><b style='overflow-wrap:anywhere'>%s</b></p>"
)


class Choice(NamedTuple):
    """Something to choose beside the phone: values of a parameter, with what they are called.

    `chosen` is the one to begin with, the first if "".
    """

    name: str
    label: str
    options: Sequence[tuple[str, str]]
    chosen: str = ""


def phone_page(title: str, intro: str, action: str, choices: Sequence[Choice]) -> Response:
    """The page; what is chosen goes to `action`, whose answer is the phone's screen."""
    text = _template().render(
        title=title, intro=intro, action=action, choices=choices, host="site.example", width=390
    )
    return Response(text, content_type="text/html; charset=utf-8")


@cache
def _template() -> jinja2.Template:
    return jinja2.Environment(autoescape=True).from_string(template_text(__package__, "phone.html"))


class Phone:
    """A WSGI application: a page with a phone, what its screen shows, and else a site as it is.

    `sites` are the same site on several days, by what the day is called; `pages` its paths.
    """

    def __init__(
        self, sites: Mapping[str, WSGIApplication], pages: Sequence[tuple[str, str]], intro: str
    ) -> None:
        self._sites = dict(enumerate(sites.values()))
        self._days = [(str(number), name) for number, name in enumerate(sites)]
        self._pages = pages
        self._intro = intro

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve the page, a screen, or the site."""
        path = environ.get("PATH_INFO", "")
        if path == "/":
            return self._page()(environ, start_response)
        if path == SHOW:
            return self._shown(environ)(environ, start_response)
        if path.startswith(SCREENS):
            return self._screen(environ)(environ, start_response)
        return self._sites[0](environ, start_response)

    def _page(self) -> Response:
        visitors = [(key, name) for key, (name, _) in VISITORS.items()]
        choices = [
            Choice("visitor", "Who asks", visitors),
            Choice("page", "For which page", self._pages),
            Choice("day", "When", self._days),
        ]
        return phone_page("What your listeners get", self._intro, SHOW, choices)

    def _shown(self, environ: WSGIEnvironment) -> Response:
        asked = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
        visitor, day = asked.get("visitor", ""), asked.get("day", "")
        place = f"{SCREENS}{quote(visitor, safe='')}/{quote(day, safe='')}"
        return Response(status=302, headers={"Location": place + quote(asked.get("page", "/"))})

    def _screen(self, environ: WSGIEnvironment) -> Response:
        """The site's answer to this visitor, fit for a frame of the page's own."""
        visitor, day, path = (*environ["PATH_INFO"].removeprefix(SCREENS).split("/", 2), "", "")[:3]
        if visitor not in VISITORS or day not in dict(self._days):
            return Response("Phone not found.\n", status=404)
        mounted = {
            **environ,
            "SCRIPT_NAME": f"{environ.get('SCRIPT_NAME', '')}{SCREENS}{visitor}/{day}",
            "PATH_INFO": f"/{path}",
            "HTTP_USER_AGENT": VISITORS[visitor][1],
            "HTTP_SEC_FETCH_DEST": "document",  # a phone has no frame
        }
        answer = Response.from_app(self._sites[int(day)], mounted, buffered=True)
        location = answer.headers.get("Location", "")
        if urlsplit(location).netloc not in ("", environ.get("HTTP_HOST")):
            return leaves(location)
        return framed(answer)


def leaves(location: str) -> Response:
    """What the phone shows where a bare redirect leads away."""
    return Response(LEAVES % escape(location), content_type="text/html; charset=utf-8")


def framed(answer: Response) -> Response:
    """The same answer, with permission to show it in a frame of this site."""
    policy = answer.headers.get("Content-Security-Policy", "")
    answer.headers["Content-Security-Policy"] = policy.replace(
        "frame-ancestors 'none'", "frame-ancestors 'self'"
    )
    return answer
