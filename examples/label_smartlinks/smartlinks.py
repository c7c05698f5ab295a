"""A label's smart-link site as it stood for years.

Plain WSGI on werkzeug, and not a word of any middleware in it.

Four shapes, as such sites have them:

    /r/<release>            a landing page, one button for each service, linking straight to it
    /s/<code>               a short link that answers 302
    /j/<code>               a short link that redirects by JavaScript, after counting the click
    /presave/<release>      a pre-save page, whose button starts Spotify's sign-in
    /presave/<release>/go   that start
"""

import secrets
from html import escape
from urllib.parse import urlencode

from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

RELEASES = {
    "harbour-lights": {
        "Spotify": "https://open.spotify.com/album/1DFixLWuPkv3KT3TnV35m3?utm_source=label",
        "Apple Music": "https://music.apple.com/us/album/harbour-lights/1440857781?at=10l",
        "Deezer": "https://www.deezer.com/album/302127",
        "Bandcamp": "https://paperlanterns.bandcamp.com/album/harbour-lights",
    }
}
SHORT = {
    "hl-sp": "https://open.spotify.com/album/1DFixLWuPkv3KT3TnV35m3?utm_source=short",
    "hl-all": "https://paperlanterns.lnk.to/harbourlights?utm_source=short",
    "tour": "https://tickets.example/paper-lanterns",
}
SIGN_IN = "https://accounts.spotify.com/authorize"
STYLE = (
    "<style>body{font:16px sans-serif;max-width:24rem;margin:2rem auto}"
    "a{display:block;padding:1rem;margin:.5rem 0;border:1px solid}</style>"
)

urls = Map(
    [
        Rule("/", endpoint="home"),
        Rule("/r/<release>", endpoint="landing"),
        Rule("/s/<code>", endpoint="short"),
        Rule("/j/<code>", endpoint="script"),
        Rule("/presave/<release>", endpoint="presave"),
        Rule("/presave/<release>/go", endpoint="sign_in"),
    ]
)


def page(title, body):
    text = (
        '<!doctype html><html lang="en"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title>{STYLE}<h1>{escape(title)}</h1>{body}"
    )
    return Response(text, content_type="text/html; charset=utf-8")


def home(request):
    return page("Midnight Records", "".join(f'<a href="/r/{name}">{name}</a>' for name in RELEASES))


def landing(request, release):
    links = RELEASES.get(release) or {}
    if not links:
        raise NotFound
    return page(
        release,
        "".join(f'<a href="{escape(url)}">{escape(service)}</a>' for service, url in links.items()),
    )


def short(request, code):
    if code not in SHORT:
        raise NotFound
    return redirect(SHORT[code])


def script(request, code):
    if code not in SHORT:
        raise NotFound
    url = escape(SHORT[code])
    return page(
        "One moment",
        (
            f'<a id="go" href="{url}">Continue</a>'
            '<script>location.replace(document.getElementById("go").href)</script>'
        ),
    )


def presave(request, release):
    return page(
        f"Pre-save {release}", f'<a href="/presave/{escape(release)}/go">Pre-save on Spotify</a>'
    )


def sign_in(request, release):
    state = secrets.token_urlsafe(16)
    back = f"{request.host_url}presave/{release}/done"
    query = {
        "client_id": "c0ffee",
        "response_type": "code",
        "redirect_uri": back,
        "scope": "user-library-modify",
        "state": state,
    }
    response = redirect(f"{SIGN_IN}?{urlencode(query)}")
    response.set_cookie("state", state, httponly=True)
    return response


VIEWS = {
    "home": home,
    "landing": landing,
    "short": short,
    "script": script,
    "presave": presave,
    "sign_in": sign_in,
}


@Request.application
def app(request):
    try:
        endpoint, values = urls.bind_to_environ(request.environ).match()
        return VIEWS[endpoint](request, **values)
    except HTTPException as error:
        return error
