"""A small site of a fictitious release, to try the middleware on: it knows nothing of us."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from .agents import TIKTOK_ANDROID, TIKTOK_IOS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

RULES: dict[str, Any] = {
    "version": 1,
    "page": {"brand": "Midnight Records", "title": "Paper Lanterns: Harbour Lights"},
    "rules": [
        {"name": "pre-save", "path": "/presave", "to": "page"},
        {"name": "every redirect", "path": "/**", "to": "redirect"},
    ],
}
REDIRECTS = {
    "/listen": "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC?si=harbour",
    "/apple": "https://music.apple.com/us/album/harbour-lights/1440857781?i=1440857786",
    "/smart": "https://paperlanterns.lnk.to/harbourlights?utm_source=bio",
}
PAGES = {
    "/": """<!doctype html><html lang="en"><title>Paper Lanterns: Harbour Lights</title>
<h1>Paper Lanterns: Harbour Lights</h1>
<ul>
<li><a href="/listen">Listen on Spotify</a>
<li><a href="/apple">Listen on Apple Music</a>
<li><a href="/smart">Choose your service</a>
<li><a href="/presave">Pre-save the next one</a>
</ul>""",
    "/presave": """<!doctype html><html lang="en"><title>Pre-save</title>
<h1>Pre-save the next one</h1>
<p>In your real browser, where you are signed in, one tap does it.</p>""",
}
TRY = """\
Serving the demo site on http://{host}:{port}/ (end with Ctrl-C).

As a desktop browser (the site's own redirect):
  curl -i http://{host}:{port}/listen

As a visitor in TikTok on Android (the page that hands over to Spotify):
  curl -i -A '{android}' http://{host}:{port}/listen

As a visitor in TikTok on iOS, on the way to the pre-save page:
  curl -i -A '{ios}' http://{host}:{port}/presave

Or open http://{host}:{port}/ with one of these user agents set in your browser's developer tools.
"""


@Request.application
def site(request: Request) -> Response:
    """The site itself."""
    if request.path in REDIRECTS:
        return redirect(REDIRECTS[request.path], code=302)
    if request.path in PAGES:
        return Response(PAGES[request.path], content_type="text/html; charset=utf-8")
    return Response("There is no such page.\n", status=404)


def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """The site as a WSGI application."""
    return site(environ, start_response)


def how_to_try(host: str, port: int) -> str:
    """What `escape-mw serve` prints."""
    return TRY.format(host=host, port=port, android=TIKTOK_ANDROID, ios=TIKTOK_IOS)
