"""`everyone: true`: whoever is not escaped is redirected to the rule's URL too, in every shell."""

from __future__ import annotations

import pytest

from escape_mw import EscapeMiddleware, RulesError, load

from ..support import agents
from ..support.sites import answer_to, ask_wsgi, plain, wrapped_shells
from ..support.wsgi import environ_of

ALBUM = "https://open.spotify.com/album/1DFixLWuPkv3KT3TnV35m3"
RULES = {
    "version": 1,
    "exclude": ["/bio/not/**"],
    "rules": [
        {"path": "/bio/**", "to": ALBUM, "everyone": True},
        {"path": "/t/{id}", "to": "https://open.spotify.com/track/{id}", "everyone": True},
        {"path": "/site", "to": ALBUM},
        {"path": "/**", "to": "redirect"},
    ],
}
TRACK = "0" * 22
LED, SITE, PAGE = "redirected", "the site's own", "the page"


@pytest.fixture(params=["act", "observe", "off"])
def mode(request):
    return request.param


@pytest.fixture
def shells(mode):
    with wrapped_shells(RULES | {"mode": mode}) as shells:
        yield shells


def got(answer, to):
    status, headers, body = answer
    if b"Play on Spotify" in body:
        return PAGE
    if (status, dict(headers).get("location"), body) == (302, to, b""):
        return LED
    return SITE


WHO = {
    "Safari": (agents.SAFARI, LED),
    "Chrome": (agents.CHROME_ANDROID, LED),
    "Googlebot": ("Mozilla/5.0 (compatible; Googlebot/2.1)", LED),
    "nobody": ("", LED),
    "TikTok": (agents.TIKTOK_ANDROID, PAGE),
}


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize(
    ("path", "to"),
    [("/bio/x", ALBUM), (f"/t/{TRACK}?a=1", f"https://open.spotify.com/track/{TRACK}")],
)
def test_whoever_is_not_escaped_is_redirected(shells, mode, path, to, who):
    agent, expected = WHO[who]
    expected = expected if mode == "act" else LED
    assert {name: got(ask(path, agent), to) for name, ask in shells.items()} == dict.fromkeys(
        shells, expected
    )


PASSED = [
    pytest.param("/bio/not/x", {}, id="an excluded path"),
    pytest.param("/site", {}, id="a rule without it"),
    pytest.param("/listening", {}, id="another path"),
    pytest.param("/bio/x", {"method": "POST"}, id="a POST"),
]


@pytest.mark.parametrize(("path", "more"), PASSED)
def test_nothing_else_is(shells, path, more):
    for name, ask in shells.items():
        assert got(ask(path, agents.SAFARI, **more), ALBUM) == SITE, name


@pytest.mark.parametrize(("mount", "path"), [("/shop", "/bio/x"), ("/bio", "/x")])
def test_below_a_mount_too(mount, path):
    engine = EscapeMiddleware(plain, RULES).engine
    answer = answer_to(engine, environ_of(agents.SAFARI, path, SCRIPT_NAME=mount))
    assert dict(answer.headers)["Location"] == ALBUM


def test_it_is_for_a_url_of_the_rules():
    with pytest.raises(RulesError, match=r"rules\[0\]\.everyone: needs a 'to' that is a URL"):
        load({"version": 1, "rules": [{"path": "/x", "to": "page", "everyone": True}]})


def test_a_rule_that_leads_to_the_site_itself_makes_no_loop():
    own = {"id": "ours", "name": "Ours", "hosts": ["site.example"], "goal": "browser"}
    rules = {
        "version": 1,
        "destinations": {"add": [own]},
        "rules": [{"path": "/**", "to": "https://site.example/x", "everyone": True}],
    }
    assert got(ask_wsgi(EscapeMiddleware(plain, rules), "/x", agents.SAFARI), "") == SITE
