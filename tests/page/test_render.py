"""What an escape says of itself in X-Escape: what was decided, and no more."""

from __future__ import annotations

import pytest
from werkzeug.test import Client

from escape_mw import EscapeMiddleware, load

from ..support.agents import (
    FACEBOOK_ANDROID,
    LINE_IOS,
    SAFARI,
    TIKTOK_ANDROID,
    TIKTOK_IOS,
    UNNAMED_IOS,
)
from ..support.marked import marked
from ..support.sites import plain

RULES = {
    "version": 1,
    "secret": "as long as a secret ought to be",
    "rules": [
        {"path": "/presave/**", "to": "page"},
        {"path": "/album", "to": "https://open.spotify.com/album/1DFixLWuPkv3KT3TnV35m3"},
        {"path": "/**", "to": "redirect"},
    ],
}
CASES = [
    pytest.param(TIKTOK_IOS, "/listen", "escape; to=spotify; by=app-scheme", id="an app on iOS"),
    pytest.param(TIKTOK_ANDROID, "/listen", "escape; to=spotify; by=intent-app", id="on Android"),
    pytest.param(TIKTOK_ANDROID, "/presave/x", "escape; to=site; by=intent", id="the site's page"),
    pytest.param(LINE_IOS, "/presave/x", "escape; to=site; by=line-external", id="a redirect"),
    pytest.param(UNNAMED_IOS, "/listen", None, id="a webview that no rule is for"),
    pytest.param(SAFARI, "/listen", None, id="a browser"),
    pytest.param(TIKTOK_IOS, "/news", None, id="a page that leads nowhere"),
    pytest.param(FACEBOOK_ANDROID, "/smart", "escape; to=linkfire; by=intent", id="a smart link"),
]


@pytest.fixture(scope="module")
def site():
    return Client(EscapeMiddleware(plain, RULES))


@pytest.mark.parametrize(("agent", "path", "summary"), CASES)
def test_an_escape_says_what_was_decided(site, agent, path, summary):
    response = site.get(path, headers={"User-Agent": agent})
    assert response.headers.get("X-Escape") == summary


def test_a_visitor_who_got_out_is_led_on_with_the_reason(site):
    path = marked(load(RULES).policy, "/album", "x-safari", rule=1, site="http://localhost")
    arrived = site.get(path, headers={"User-Agent": SAFARI})
    assert arrived.headers.get("X-Escape") == "arrived; to=spotify"
