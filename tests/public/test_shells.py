"""Plain WSGI, Flask, Django, sync and async, and Starlette.

The same answers byte for byte, and the same nothing.
"""

from __future__ import annotations

from functools import partial
from urllib.parse import quote

import pytest
from django.test import override_settings

from ..support import agents
from ..support.marked import marked, short, stay
from ..support.sites import (
    RULES,
    ask_asgi,
    ask_django_asgi,
    ask_django_wsgi,
    ask_wsgi,
    flask_site,
    plain,
    starlette_site,
    wrapped_shells,
)

AS_IT_IS = "/?&=%+_.-~"
OURS = "escape_mw.django.EscapeMiddleware"
ASYNC = ("django async", "starlette")  # asked by decoded paths
SHELLS = ("plain", "flask", "django", *ASYNC, "starlette, by httpx")


@pytest.fixture
def shells():
    """Name -> ask(path, agent): the wrapped site in each framework."""
    with wrapped_shells(RULES) as asked:
        yield asked


VISITORS = {
    "TikTok on iOS": agents.TIKTOK_IOS,
    "TikTok on Android": agents.TIKTOK_ANDROID,
    "Instagram on iOS": agents.INSTAGRAM_IOS,
    "Instagram on Android": agents.INSTAGRAM_ANDROID,
    "Facebook on iOS": agents.FACEBOOK_IOS,
    "LINE on iOS": agents.LINE_IOS,
    "KakaoTalk on Android": agents.KAKAOTALK_ANDROID,
    "WeChat on Android": agents.WECHAT_ANDROID,
}
PATHS = [
    "/listen",
    "/smart",
    "/follow",
    "/bio/1DFixLWuPkv3KT3TnV35m3",
    "/presave/x?a=1&b=%2F",
    "/presave/söng ü?q=%C3%BC%20x",
]


def timeless(answer):
    """An answer without its markers' dates, and the blank that Django puts before a cookie."""
    status, headers, body = answer
    return status, [(name, short(value).strip()) for name, value in headers], short(body.decode())


def everywhere(shells, path, agent):
    """The one answer of all frameworks."""
    expected = timeless(shells["plain"](quote(path, safe=AS_IT_IS), agent))
    assert ("cache-control", "no-store") in expected[1]
    for name, ask in shells.items():
        got = ask(path if name in ASYNC else quote(path, safe=AS_IT_IS), agent)
        assert timeless(got) == expected, name
    return expected


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("agent", VISITORS.values(), ids=VISITORS)
def test_same_answer_everywhere(shells, path, agent):
    assert everywhere(shells, path, agent)[0] in (200, 302)


@pytest.mark.parametrize("agent", VISITORS.values(), ids=VISITORS)
def test_same_page_of_taps_everywhere_on_a_marked_url(shells, agent):
    path = marked(RULES.policy, "/smart", "intent", rule=2)
    status, _, page = everywhere(shells, path, agent)
    assert (status, 'data-trigger="auto"' in page) == (200, False)


@pytest.mark.parametrize("name", SHELLS)
def test_head_is_get_without_a_body(shells, name):
    status, headers, body = shells[name]("/listen", agents.TIKTOK_IOS, method="HEAD")
    assert (status, body) == (200, b"")
    assert headers == shells[name]("/listen", agents.TIKTOK_IOS)[1]


UNTOUCHED = [
    pytest.param("/listen", agents.SAFARI, {}, id="a browser's redirect"),
    pytest.param("/presave/x?a=1", agents.CHROME_DESKTOP, {}, id="a browser's page"),
    pytest.param("/news", agents.TIKTOK_IOS, {}, id="a redirect to anywhere else"),
    pytest.param("/other?_esc=not+ours", agents.TIKTOK_IOS, {}, id="a page without a rule for it"),
    pytest.param("/presave/x", agents.TIKTOK_IOS, {"Sec-Fetch-Dest": "image"}, id="an image"),
    pytest.param("/presave/x", agents.FACEBOOK_PREVIEW, {}, id="a link preview"),
]


@pytest.mark.parametrize(("path", "agent", "headers"), UNTOUCHED)
def test_passed_as_if_we_were_not_there(shells, path, agent, headers):
    assert shells["plain"](path, agent, **headers) == ask_wsgi(plain, path, agent, **headers)
    assert shells["flask"](path, agent, **headers) == ask_wsgi(flask_site(), path, agent, **headers)
    starlette = partial(ask_asgi, starlette_site())
    assert shells["starlette"](path, agent, **headers) == starlette(path, agent, **headers)
    ours = shells["django"](path, agent, **headers), shells["django async"](path, agent, **headers)
    with override_settings(MIDDLEWARE=[]):
        assert ours == (
            ask_django_wsgi(path, agent, **headers),
            ask_django_asgi(path, agent, **headers),
        )


@pytest.mark.parametrize("name", SHELLS)
def test_the_site_never_sees_the_marker(shells, name):
    path = marked(RULES.policy, "/other?a=1", "intent", rule=1) + "&b=2"
    status, headers, _ = shells[name](path, agents.SAFARI)
    assert (status, dict(headers)["location"]) == (302, "/other?a=1&b=2")
    script = {"Sec-Fetch-Dest": "empty"}
    assert shells[name](path, agents.SAFARI, **script)[2] == b"<p>Pre-save</p>a=1&b=2"


@pytest.mark.parametrize("name", SHELLS)
def test_who_stays_keeps_the_choice_on_the_next_page(shells, name):
    """The tap's response has one header more, the same in every shell; the next has none."""
    path = stay(RULES.policy, "/presave/x?a=1")
    status, headers, page = shells[name](path, agents.TIKTOK_IOS)
    assert (status, page) == (200, b"<p>Pre-save</p>a=1")
    [cookie] = [value.strip() for header, value in headers if header == "set-cookie"]
    assert cookie.startswith("escape_stay=2~.")
    assert cookie.partition("; ")[2] == "HttpOnly; Path=/; SameSite=Lax; Secure"
    kept = cookie.partition(";")[0]
    status, headers, page = shells[name]("/presave/y?a=1", agents.TIKTOK_IOS, Cookie=kept)
    assert (status, page) == (200, b"<p>Pre-save</p>a=1")
    assert "set-cookie" not in dict(headers)


@pytest.mark.parametrize("name", SHELLS)
def test_arrival_is_led_on(shells, name):
    path = marked(RULES.policy, "/bio/1DFixLWuPkv3KT3TnV35m3", "intent")
    status, headers, _ = shells[name](path, agents.SAFARI)
    assert (status, dict(headers)["location"]) == (
        302,
        "https://open.spotify.com/album/1DFixLWuPkv3KT3TnV35m3",
    )
