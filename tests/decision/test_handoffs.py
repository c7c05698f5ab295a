"""The techniques: from what is handed over to the URI."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escape_mw import load
from escape_mw.decision.handoffs import DOT_SEGMENT, TECHNIQUES, Handoff, intent, intent_app
from escape_mw.web.urls import strict_split

from ..support import intent_uri
from ..support.needs import corpus

URL = "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC?si=a&b=c"
PAGE = "https://site.example/listen?a=1&_esc=T"
CARGO = Handoff(URL, PAGE, "tiktok", "com.spotify.music", "spotify:track:4uLU6hMCjMI75M1A2tKUQC")
QUOTED = "https%3A%2F%2Fopen.spotify.com%2Ftrack%2F4uLU6hMCjMI75M1A2tKUQC%3Fsi%3Da%26b%3Dc"
VIEW = (
    "#Intent;scheme=https;action=android.intent.action.VIEW;"
    "category=android.intent.category.BROWSABLE;"
)
FALLBACK = "S.browser_fallback_url=https%3A%2F%2Fsite.example%2Flisten%3Fa%3D1%26_esc%3DT;end"

MADE = [
    pytest.param(
        "intent",
        CARGO,
        f"intent://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC?si=a&b=c{VIEW}{FALLBACK}",
        id="intent",
    ),
    pytest.param(
        "intent-app",
        CARGO,
        f"intent://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC?si=a&b=c{VIEW}package=com.spotify.music;{FALLBACK}",
        id="intent with a package",
    ),
    pytest.param(
        "intent",
        CARGO._replace(url="http://site.example:8000/a'b?c='d'"),
        f"intent://site.example:8000/a'b?c=%27d%27{VIEW.replace('https', 'http')}{FALLBACK}",
        id="http, a port, quotes",
    ),
    pytest.param(
        "intent-chrome",
        CARGO,
        f"intent://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC?si=a&b=c{VIEW}package=com.android.chrome;{FALLBACK}",
        id="intent to Chrome by its name",
    ),
    pytest.param(
        "intent",
        CARGO._replace(is_one_time=True),
        f"intent://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC?si=a&b=c{VIEW}end",
        id="what is good for one use has nothing to fall back on",
    ),
    pytest.param("intent", CARGO._replace(url=URL + "#t=30"), None, id="no intent for a fragment"),
    pytest.param(
        "intent", CARGO._replace(url=URL + "#"), None, id="no intent for an empty fragment"
    ),
    pytest.param(
        "intent",
        CARGO._replace(url="https://open.spotify.com/a/../b"),
        None,
        id="no intent for dot segments",
    ),
    pytest.param(
        "intent",
        CARGO._replace(url="https://open.spotify.com/a/%2E%2e"),
        None,
        id="no intent for quoted dot segments",
    ),
    pytest.param(
        "intent-app", CARGO._replace(android_package=None), None, id="no package, no app intent"
    ),
    pytest.param(
        "intent-app",
        CARGO._replace(android_package="a.b;component=evil"),
        None,
        id="a package that is none",
    ),
    pytest.param(
        "app-scheme", CARGO, "spotify:track:4uLU6hMCjMI75M1A2tKUQC", id="the app's scheme"
    ),
    pytest.param("app-scheme", CARGO._replace(app_uri=None), None, id="no app URI, no step"),
    pytest.param("x-safari", CARGO, f"x-safari-{URL}", id="Safari"),
    pytest.param(
        "x-safari", CARGO._replace(url="http://open.spotify.com/"), None, id="Safari by https alone"
    ),
    pytest.param(
        "x-safari-location", CARGO, f"x-safari-{URL}", id="Safari by a script: the same URI"
    ),
    pytest.param(
        "x-safari-window", CARGO, f"x-safari-{URL}", id="Safari by window.open: the same URI"
    ),
    pytest.param(
        "chrome-ios",
        CARGO,
        "googlechromes://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC?si=a&b=c",
        id="Chrome",
    ),
    pytest.param(
        "chrome-ios",
        CARGO._replace(url="http://site.example/"),
        "googlechrome://site.example/",
        id="Chrome by http",
    ),
    pytest.param(
        "extbrowser", CARGO, f"instagram://extbrowser/?url={QUOTED}", id="Instagram's opener"
    ),
    pytest.param(
        "extbrowser",
        CARGO._replace(host_app="threads"),
        f"barcelona://extbrowser/?url={QUOTED}",
        id="Threads' opener",
    ),
    pytest.param(
        "kakao-external",
        CARGO,
        f"kakaotalk://web/openExternal?url={QUOTED}",
        id="KakaoTalk's opener",
    ),
    pytest.param(
        "line-external",
        CARGO,
        PAGE + "&openExternalBrowser=1",
        id="LINE's parameter goes on our own page",
    ),
    pytest.param(
        "line-external",
        CARGO._replace(fallback="https://site.example/"),
        "https://site.example/?openExternalBrowser=1",
        id="as the first parameter",
    ),
    pytest.param(
        "line-external",
        CARGO._replace(fallback=PAGE + "&openExternalBrowser=1"),
        PAGE + "&openExternalBrowser=1",
        id="and only once",
    ),
    pytest.param(
        "line-external",
        CARGO._replace(fallback=PAGE + "&openExternalBrowser=10"),
        PAGE + "&openExternalBrowser=10&openExternalBrowser=1",
        id="beside a parameter that begins like it",
    ),
    pytest.param("https-link", CARGO, URL, id="a plain link"),
    pytest.param("menu", CARGO, None, id="the menu is words"),
]


@pytest.mark.parametrize(("technique", "cargo", "expected"), MADE)
def test_uri(technique, cargo, expected):
    assert TECHNIQUES[technique].make(cargo) == expected


KNOWN = [
    pytest.param("intent", "tiktok", "android", True, id="any host app on Android"),
    pytest.param("intent", "tiktok", "ios", False, id="not on iOS"),
    pytest.param("line-external", "line", "ios", True, id="the host app's own"),
    pytest.param("line-external", "tiktok", "ios", False, id="not another's"),
]


@pytest.mark.parametrize(("technique", "app", "platform", "expected"), KNOWN)
def test_which_host_app_may_know_a_technique(technique, app, platform, expected):
    assert bool(TECHNIQUES[technique].is_of(app, platform)) is expected


def test_every_technique_is_in_the_table():
    assert {case.values[0] for case in MADE} == set(TECHNIQUES)


VECTORS = json.loads(
    Path(__file__).parents[1].joinpath("data").joinpath("intent_vectors.json").read_text()
)
BEYOND = {
    "old format",
    "int overflow",
    "fallback bad percent",
}  # the model knows no older parser, no numbers, no broken escapes


@pytest.mark.parametrize(
    "vector",
    [pytest.param(vector, id=vector["name"]) for vector in VECTORS if vector["name"] not in BEYOND],
)
def test_the_model_reads_as_android_does(vector):
    """The model below is only of use if it agrees with the genuine parser's recorded answers."""
    if "error" in vector:
        with pytest.raises(intent_uri.DeadLinkError):
            intent_uri.parse(vector["uri"])
        return
    parsed, genuine = intent_uri.parse(vector["uri"]), vector["intent"]
    assert {key: parsed[key] for key in parsed} == {key: genuine[key] for key in parsed}


REST = st.text(st.sampled_from("ab1/?#%&;=.:@!$'()*+,-_~[]"), max_size=40)
URLS = st.builds(
    "https://open.spotify.com{}{}".format, st.sampled_from(["/", "?", ""]), REST
).filter(strict_split)


@given(URLS, URLS)
def test_android_reads_back_what_was_handed_over(url, page):
    """For any URL that the gate lets through, these parts and nothing else.

    Scheme, host, path, query, package and fallback.
    """
    uri = intent_app(Handoff(url, page, "tiktok", "com.spotify.music"))
    if uri is None:
        assert "#" in url or DOT_SEGMENT.search(url)
        return
    head, query, rest = url.partition("?")
    assert intent_uri.parse(uri) == {
        "data": head + query + rest.replace("'", "%27"),
        "package": "com.spotify.music",
        "action": "android.intent.action.VIEW",
        "component": None,
        "selector": False,
        "categories": ["android.intent.category.BROWSABLE"],
        "extras": {"browser_fallback_url": page},
    }
    data, items = intent_uri.parse_eagerly(uri)
    assert uri.count("#") == 1
    assert uri.endswith(";end")
    assert (data, items.split(";")[0]) == (
        f"intent:{intent_uri.parse(uri)['data'].removeprefix('https:')}",
        "scheme=https",
    )


def test_no_intent_says_more_than_it_should():
    find = load().policy.destinations.find
    built = 0
    for row in corpus("intent_payloads.jsonl"):
        if row.get("slot") != "destination":
            continue
        found = find(row["value"])
        for make, package in [(intent, None), (intent_app, "com.spotify.music")]:
            uri = found and make(
                Handoff(found.url, "https://site.example/?_esc=T", "tiktok", package)
            )
            if uri is None:
                continue
            built += 1
            assert row["expect"] != "reject", row["value"]
            parsed = intent_uri.parse(uri)
            assert (parsed["package"], parsed["component"], parsed["selector"]) == (
                package,
                None,
                False,
            )
            assert parsed["extras"] == {"browser_fallback_url": "https://site.example/?_esc=T"}
            assert intent_uri.host(parsed["data"]) == "open.spotify.com"
            assert uri.count("#") == 1
            assert uri.endswith(";end")
            assert uri.isascii()
            assert uri.isprintable()
    assert built > 20
