"""A small label's site, to try the middleware on: it knows nothing of us."""

from __future__ import annotations

from functools import cache
from typing import Any

import jinja2
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from ..web.answers import template_text
from ..wsgi import EscapeMiddleware
from .agents import TIKTOK_ANDROID, TIKTOK_IOS
from .phone import Phone

ALBUM = "https://open.spotify.com/album/6dVIqQ8qmQ5GBnJ9shOYGE"
REDIRECTS = {
    "/listen": "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC?si=harbour",
    "/apple": "https://music.apple.com/us/album/harbour-lights/1440857781?i=1440857786",
    "/smart": "https://paperlanterns.lnk.to/harbourlights?utm_source=bio",
}
PAGES: dict[str, dict[str, Any]] = {
    "/": {
        "title": "Harbour Lights",
        "cover": "harbour-lights",
        "note": "out now",
        "links": [
            ("listen", "Listen on Spotify"),
            ("apple", "Listen on Apple Music"),
            ("smart", "Choose another service"),
            ("presave", "Pre-save the next one: Night Ferry"),
        ],
    },
    "/presave": {
        "title": "Night Ferry",
        "cover": "night-ferry",
        "note": "the pre-save: in your own browser, where you are signed in, one tap does it",
        "links": [("./", "Pre-save on Spotify"), ("./", "Pre-save on Apple Music")],
    },
}
SHOWN = [
    ("/listen", "A link to the song on Spotify"),
    ("/apple", "A link to the song on Apple Music"),
    ("/presave", "A pre-save, which becomes the release"),
    ("/smart", "A smart link"),
    ("/", "The label's landing page"),
]
INTRO = (
    "A label's site, wrapped. Choose a visitor, and the phone shows the site's real answer to them."
)
TRY = """\
Serving the demo site. Open http://{host}:{port}/ for a phone preview (end with Ctrl-C), or try

  curl -i http://{host}:{port}/listen                   # a browser: the site's own redirect
  curl -i -A '{android}' http://{host}:{port}/listen
  curl -i -A '{ios}' http://{host}:{port}/presave
"""


def rules(out: str) -> dict[str, Any]:
    """The label's rules; `out` is the moment at which the pre-save becomes the release."""
    ferry = {"title": "Night Ferry", "artwork": "/night-ferry.svg"}
    when = {"path": "/presave", "page": ferry}
    return {
        "version": 1,
        "page": {
            "brand": "Midnight Records",
            "title": "Harbour Lights",
            "artist": "Paper Lanterns",
            "artwork": "/harbour-lights.svg",
        },
        "rules": [
            {"name": "pre-save", "to": "page", "when": {"until": out}, **when},
            {"name": "release", "to": ALBUM, "everyone": True, "when": {"from": out}, **when},
            {"name": "every redirect", "path": "/**", "to": "redirect"},
        ],
    }


@Request.application
def site(request: Request) -> Response:
    """The label's site itself."""
    if request.path in REDIRECTS:
        return redirect(REDIRECTS[request.path], code=302)
    if page := PAGES.get(request.path):
        return Response(_template().render(page), content_type="text/html; charset=utf-8")
    if request.path in ("/harbour-lights.svg", "/night-ferry.svg"):
        cover = template_text(__package__, request.path[1:])
        return Response(cover, content_type="image/svg+xml")
    return Response("Page not found.\n", status=404)


@cache
def _template() -> jinja2.Template:
    return jinja2.Environment(autoescape=True).from_string(template_text(__package__, "demo.html"))


def phone() -> Phone:
    """The site before its release day and on it, with a phone to look at it by."""
    days = {
        "Before release day": EscapeMiddleware(site, rules("2099-01-01 Etc/UTC")),
        "On release day": EscapeMiddleware(site, rules("2020-01-01 Etc/UTC")),
    }
    return Phone(days, SHOWN, INTRO)


def how_to_try(host: str, port: int) -> str:
    """What `escape-mw serve` prints."""
    return TRY.format(host=host, port=port, android=TIKTOK_ANDROID, ios=TIKTOK_IOS)
