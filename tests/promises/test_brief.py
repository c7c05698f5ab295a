"""The brief, requirement by requirement.

As visitors in TikTok, Instagram and a desktop browser meet it.

Every URI is written out; of a marker, the technique is.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from webtest import TestApp
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from escape_mw import EscapeMiddleware, load

from ..support.agents import (
    CHROME_ANDROID,
    CHROME_DESKTOP,
    FACEBOOK_ANDROID,
    INSTAGRAM_ANDROID,
    INSTAGRAM_IOS,
    SAFARI,
    TIKTOK_ANDROID,
    TIKTOK_IOS,
)
from ..support.marked import marked, short, stay

TRACK = "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC?si=a1b2c3&utm_source=bio"
SIGN_IN = "https://accounts.spotify.com/authorize?client_id=c0ffee&response_type=code&redirect_uri=https%3A%2F%2Fsite.example%2Fback&state=xyz"
LINKFIRE = "https://paperlanterns.lnk.to/harbour?utm_source=tiktok&utm_medium=bio&ref=a%2Fb"

SITE = {
    "/track": TRACK,
    "/album": "https://open.spotify.com/intl-de/album/1DFixLWuPkv3KT3TnV35m3",
    "/artist": "https://open.spotify.com/artist/0du5cEVh5yTK9QJze8zA0C",
    "/playlist": "https://open.spotify.com/playlist/37i9dQZF1DX4WYpdgoIcn6",
    "/show": "https://open.spotify.com/show/38bS44xjbVVZ3No3ByF1dJ",
    "/episode": "https://open.spotify.com/episode/512ojhOuo1ktJprKbVcKyQ?t=90",
    "/prerelease": "https://open.spotify.com/prerelease/5pS3bBxXqYHbW2DPxJ1LmQ",
    "/short": "https://spotify.link/AbCdEfGhIjK",
    "/apple": "https://music.apple.com/us/album/harbour/1440857781?i=1440857786&at=10l",
    "/smart": LINKFIRE,
    "/odesli": "https://song.link/s/4uLU6hMCjMI75M1A2tKUQC",
    "/featurefm": "https://paperlanterns.ffm.to/harbour.OTK",
    "/toneden": "https://fanlink.tv/harbour",
    "/showco": "https://show.co/AbCd1234",
    "/hyperfollow": "https://distrokid.com/hyperfollow/paperlanterns/harbour",
    "/tunecore": "https://bfan.link/harbour",
    "/follow": SIGN_IN,
    "/news": "https://news.example/story",
}
RULES = load(
    {
        "version": 1,
        "rules": [
            {
                "name": "bio link",
                "path": "/bio/{slug}",
                "to": "https://open.spotify.com/track/{slug}",
            },
            {"name": "pre-save", "path": "/presave/**", "to": "page"},
            {"name": "every redirect", "path": "/**", "to": "redirect"},
        ],
    }
)


@Request.application
def site(request: Request) -> Response:
    if request.path in SITE:
        return redirect(SITE[request.path])
    return Response(
        f"<p>{request.method} {request.path}?{request.query_string.decode()}</p>",
        content_type="text/html; charset=utf-8",
    )


@pytest.fixture
def visit():
    app = TestApp(
        EscapeMiddleware(site, RULES),
        lint=True,
        extra_environ={"wsgi.url_scheme": "https", "HTTP_HOST": "site.example"},
    )
    return lambda path, agent, **headers: app.get(
        path, headers={"User-Agent": agent, **headers}, expect_errors=True
    )


def buttons(response):
    return [short(link["href"]) for link in response.html.select("a.button")]


def intent(data: str, page: str, package: str = "", scheme: str = "https") -> str:
    """The form of AOSP's Intent.parseUri, as our documentation states it."""
    technique = "intent-app" if package else "intent"
    fallback = f"https%3A%2F%2Fsite.example{page}_esc%3D{technique}"
    wanted = f"package={package};" if package else ""
    return (
        f"intent://{data}#Intent;scheme={scheme};action=android.intent.action.VIEW;category=android.intent.category.BROWSABLE;"
        f"{wanted}S.browser_fallback_url={fallback};end"
    )


SPOTIFY = "com.spotify.music"
APPLE = "com.apple.android.music"

APP_GOAL = [
    pytest.param(
        "/track",
        TIKTOK_ANDROID,
        [
            intent(
                "open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC?si=a1b2c3&utm_source=bio",
                "%2Ftrack%3F",
                SPOTIFY,
            ),
            intent(
                "open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC?si=a1b2c3&utm_source=bio",
                "%2Ftrack%3F",
            ),
        ],
        id="R3 R4 a track, TikTok on Android: the app, then the browser",
    ),
    pytest.param(
        "/track",
        TIKTOK_IOS,
        ["spotify:track:4uLU6hMCjMI75M1A2tKUQC"],
        id="R3 R5 a track, TikTok on iOS: the app's scheme, then the menu",
    ),
    pytest.param(
        "/track",
        INSTAGRAM_ANDROID,
        [
            intent(
                "open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC?si=a1b2c3&utm_source=bio",
                "%2Ftrack%3F",
                SPOTIFY,
            ),
            intent(
                "open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC?si=a1b2c3&utm_source=bio",
                "%2Ftrack%3F",
            ),
        ],
        id="R3 R6 a track, Instagram on Android: the app, then the browser",
    ),
    pytest.param(
        "/track",
        INSTAGRAM_IOS,
        [
            "instagram://extbrowser/?url=https%3A%2F%2Fopen.spotify.com%2Ftrack%2F4uLU6hMCjMI75M1A2tKUQC%3Fsi%3Da1b2c3%26utm_source%3Dbio",
            "spotify:track:4uLU6hMCjMI75M1A2tKUQC",
        ],
        id="R3 a track, Instagram on iOS: its own opener, then the app's scheme",
    ),
    pytest.param(
        "/album",
        TIKTOK_IOS,
        ["spotify:album:1DFixLWuPkv3KT3TnV35m3"],
        id="R2 an album with /intl-de/",
    ),
    pytest.param(
        "/artist", TIKTOK_IOS, ["spotify:artist:0du5cEVh5yTK9QJze8zA0C"], id="R2 an artist"
    ),
    pytest.param(
        "/playlist", TIKTOK_IOS, ["spotify:playlist:37i9dQZF1DX4WYpdgoIcn6"], id="R2 a playlist"
    ),
    pytest.param("/show", TIKTOK_IOS, ["spotify:show:38bS44xjbVVZ3No3ByF1dJ"], id="R2 a show"),
    pytest.param(
        "/episode", TIKTOK_IOS, ["spotify:episode:512ojhOuo1ktJprKbVcKyQ"], id="R2 an episode"
    ),
    pytest.param(
        "/prerelease",
        TIKTOK_IOS,
        ["spotify:prerelease:5pS3bBxXqYHbW2DPxJ1LmQ"],
        id="R2 a pre-release",
    ),
    pytest.param("/short", TIKTOK_IOS, [], id="R2 a short link has no app URI, the menu is left"),
    pytest.param(
        "/short",
        TIKTOK_ANDROID,
        [
            intent("spotify.link/AbCdEfGhIjK", "%2Fshort%3F", SPOTIFY),
            intent("spotify.link/AbCdEfGhIjK", "%2Fshort%3F"),
        ],
        id="R2 a short link on Android needs no app URI",
    ),
    pytest.param(
        "/apple",
        TIKTOK_IOS,
        ["music://music.apple.com/us/album/harbour/1440857781?i=1440857786&at=10l"],
        id="R9 Apple Music on iOS",
    ),
    pytest.param(
        "/apple",
        TIKTOK_ANDROID,
        [
            intent(
                "music.apple.com/us/album/harbour/1440857781?i=1440857786&at=10l",
                "%2Fapple%3F",
                APPLE,
            ),
            intent(
                "music.apple.com/us/album/harbour/1440857781?i=1440857786&at=10l", "%2Fapple%3F"
            ),
        ],
        id="R9 Apple Music on Android",
    ),
    pytest.param(
        "/bio/4uLU6hMCjMI75M1A2tKUQC",
        TIKTOK_IOS,
        ["spotify:track:4uLU6hMCjMI75M1A2tKUQC"],
        id="R3 a template of the rules",
    ),
]


@pytest.mark.parametrize(("path", "agent", "expected"), APP_GOAL)
def test_app_goal(visit, path, agent, expected):
    response = visit(path, agent)
    assert response.status_int == 200
    assert buttons(response) == expected


BROWSER_GOAL = [
    pytest.param(path, id=f"{requirement} {what}")
    for path, requirement, what in [
        ("/smart", "R7", "Linkfire"),
        ("/odesli", "R7", "Odesli"),
        ("/featurefm", "R7", "feature.fm"),
        ("/toneden", "R7", "ToneDen"),
        ("/showco", "R7", "Show.co"),
        ("/hyperfollow", "R8", "DistroKid HyperFollow"),
        ("/tunecore", "R8", "Believe and TuneCore"),
        ("/follow", "R11", "a sign-in start: at the requested page, before the sign-in begins"),
        ("/presave/harbour", "R11", "a page of the site's own"),
    ]
]


@pytest.mark.parametrize("path", BROWSER_GOAL)
def test_browser_goal_hands_over_our_own_marked_page(visit, path):
    page = path.replace("/", "%2F")
    own = f"site.example{path}?_esc="
    quoted = f"https%3A%2F%2Fsite.example{page}%3F_esc%3D"
    assert buttons(visit(path, TIKTOK_IOS)) == []
    assert buttons(visit(path, TIKTOK_ANDROID)) == [intent(f"{own}intent", f"{page}%3F")]
    assert buttons(visit(path, INSTAGRAM_ANDROID)) == [
        intent(f"{own}intent", f"{page}%3F"),
        f"instagram://extbrowser/?url={quoted}extbrowser",
    ]
    assert buttons(visit(path, INSTAGRAM_IOS)) == [
        f"instagram://extbrowser/?url={quoted}extbrowser",
        f"googlechromes://{own}chrome-ios",
    ]


@pytest.mark.parametrize("path", BROWSER_GOAL)
def test_browser_goal_never_names_the_music_app(visit, path):
    for agent in (TIKTOK_IOS, TIKTOK_ANDROID, INSTAGRAM_IOS, INSTAGRAM_ANDROID):
        text = visit(path, agent).text
        assert "spotify:" not in text
        assert "com.spotify.music" not in text


TRIGGERS = [
    pytest.param(
        "/track", TIKTOK_ANDROID, ["tap", "tap"], id="R5 TikTok on Android: one clear tap"
    ),
    pytest.param(
        "/track",
        INSTAGRAM_ANDROID,
        ["tap", "tap"],
        id="R5 Instagram on Android: it asks before it leaves by itself",
    ),
    pytest.param(
        "/track",
        FACEBOOK_ANDROID,
        ["auto", "tap"],
        id="R6 Facebook on Android: within the first frame",
    ),
    pytest.param(
        "/smart", INSTAGRAM_IOS, ["tap", "tap"], id="R5 Instagram on iOS: never by itself"
    ),
]


@pytest.mark.parametrize(("path", "agent", "expected"), TRIGGERS)
def test_triggers(visit, path, agent, expected):
    assert [link["data-trigger"] for link in visit(path, agent).html.select("a.button")] == expected


@pytest.mark.parametrize("agent", [TIKTOK_IOS, TIKTOK_ANDROID, INSTAGRAM_IOS, INSTAGRAM_ANDROID])
@pytest.mark.parametrize("path", ["/track", "/smart", "/follow", "/presave/harbour"])
def test_no_dead_end(visit, path, agent):
    """R5: the host app's menu in words, the link as text, and a way to stay, on every page."""
    page = visit(path, agent).html
    assert "Open in" in page.select_one(".menu").text
    assert page.select_one("#link").text == (
        SITE[path] if path == "/track" else f"https://site.example{path}"
    )
    assert short(page.select_one(".stay a")["href"]) == (
        SITE[path] if path == "/track" else f"https://site.example{path}?_esc=stay"
    )


def test_destination_arrives_byte_for_byte(visit):
    """R10: in the real browser the site's own redirect stands.

    With every parameter of the label's.
    """
    clean = visit(marked(RULES.policy, "/smart?a=%2F", "intent", rule=2), SAFARI)
    assert (clean.status_int, clean.headers["Location"]) == (302, "/smart?a=%2F")
    arrival = visit("/smart?a=%2F", SAFARI)
    assert (arrival.status_int, arrival.location) == (302, LINKFIRE)


def test_arrival_of_a_site_without_an_answer_of_its_own(visit):
    """R10: where only the rules know the destination, the arrival is led on to it."""
    path = marked(RULES.policy, "/bio/4uLU6hMCjMI75M1A2tKUQC", "intent")
    arrival = visit(path, SAFARI)
    assert (arrival.status_int, arrival.location) == (
        302,
        "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC",
    )


HANDED = [
    pytest.param("/smart", 302, LINKFIRE, id="R10 a smart link"),
    pytest.param("/follow", 302, SIGN_IN, id="R11 a sign-in start"),
    pytest.param("/presave/harbour", 200, None, id="R11 a page of the site's own"),
]


@pytest.mark.parametrize(("path", "status", "location"), HANDED)
def test_what_the_page_hands_over_is_the_sites_own_answer_in_the_browser(
    visit, path, status, location
):
    """As the page itself wrote it: the URL in the button, opened by a real browser."""
    uri = visit(path, TIKTOK_ANDROID).html.select_one("a.button")["href"]
    handed = uri.removeprefix("intent://site.example").partition("#")[0]
    clean = visit(handed, CHROME_ANDROID)
    assert (clean.status_int, clean.headers["Location"]) == (302, path)
    arrival = visit(path, CHROME_ANDROID)
    assert (arrival.status_int, arrival.location) == (status, location)


LOOPS = [
    pytest.param(
        "/track", TIKTOK_ANDROID, ["intent-app", "intent", "intent-app"], id="R5 two steps"
    ),
    pytest.param("/smart", TIKTOK_ANDROID, ["intent", "intent", "intent"], id="R5 one step"),
    pytest.param(
        "/track",
        FACEBOOK_ANDROID,
        ["intent-app", "intent", "intent-app"],
        id="R6 one that fired by itself",
    ),
]


@pytest.mark.parametrize(("path", "agent", "expected"), LOOPS)
def test_a_hand_off_that_comes_back_meets_a_button(visit, path, agent, expected):
    """Nothing fires by itself again, and behind the last step the ladder begins anew."""
    met = [visit(path, agent).html.select_one("a.button")]
    for _ in expected[1:]:
        fallback = re.search("browser_fallback_url=([^;]+)", met[-1]["href"])[1]
        back = visit(unquote(fallback).removeprefix("https://site.example"), agent)
        met.append(back.html.select_one("a.button"))
    assert [link["data-technique"] for link in met] == expected
    assert {link["data-trigger"] for link in met[1:]} == {"tap"}


def test_who_stays_is_left_alone_on_the_pages_that_follow(visit):
    """R5: a flow of several pages keeps the choice, as the page's own link began it."""
    stays = visit("/presave/harbour", TIKTOK_IOS).html.select_one(".stay a")["href"]
    first = visit(stays, TIKTOK_IOS)
    assert first.text == "<p>GET /presave/harbour?</p>"
    kept = first.headers["Set-Cookie"].partition(";")[0]
    onward = visit("/presave/next?a=1", TIKTOK_IOS, Cookie=kept)
    assert onward.text == "<p>GET /presave/next?a=1</p>"
    assert "Set-Cookie" not in onward.headers


def test_the_site_never_sees_the_marker(visit):
    path = marked(RULES.policy, "/presave/harbour?a=1", "intent", rule=1) + "&b=2"
    assert visit(path, SAFARI).headers["Location"] == "/presave/harbour?a=1&b=2"
    script = {"Sec-Fetch-Dest": "empty"}
    assert visit(path, SAFARI, **script).text == "<p>GET /presave/harbour?a=1&b=2</p>"
    path = stay(RULES.policy, "/presave/harbour")
    assert visit(path, TIKTOK_IOS).text == "<p>GET /presave/harbour?</p>"


UNTOUCHED = [
    pytest.param("/track", CHROME_DESKTOP, id="R14 a desktop browser"),
    pytest.param("/track", SAFARI, id="R14 Safari on the same phone"),
    pytest.param("/news", TIKTOK_IOS, id="R14 a redirect to anywhere else"),
    pytest.param("/", TIKTOK_IOS, id="R14 a page that redirects nowhere"),
]


@pytest.mark.parametrize(("path", "agent"), UNTOUCHED)
def test_untouched(visit, path, agent):
    bare = TestApp(site).get(path, headers={"User-Agent": agent})
    response = visit(path, agent)
    assert (response.status, response.headerlist, response.body) == (
        bare.status,
        bare.headerlist,
        bare.body,
    )
