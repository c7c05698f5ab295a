"""The prefilter is sound: whatever the engine would act on is sent to the gate."""

from __future__ import annotations

import pytest

from escape_mw import load
from escape_mw.edge.prefilter import prefilter_of
from escape_mw.engine.engine import Engine

from ..agents import SAFARI, TIKTOK_IOS, UNNAMED_ANDROID
from ..conftest import corpus
from .matcher import OWN, Asked, Matcher, acts, requests

SECRET = "a secret for tests only"
PAGE = "/presave/**"
SONG = "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC"
WEBVIEW = {"visitors": ["in-app", "webview"]}
SITES = {
    "the default rules": [],
    "several paths": [
        {"path": PAGE, "to": "page"},
        {"path": "/pre-save.html", "to": "page"},
        {"path": "/listen/{slug}", "to": SONG},
        {"path": "/a/*/b", "to": "page"},
        {"path": "/a/{one}/b", "to": "page"},
        {"path": "/go/**", "to": "redirect"},
    ],
    "webviews": [{"path": "/**", "to": "redirect", "when": WEBVIEW}],
    "webviews, to a page": [{"path": PAGE, "to": "page", "when": WEBVIEW}],
    "hosts": [
        {"path": PAGE, "to": "page", "when": {"hosts": ["label.example"]}},
        {"path": "/go/*", "to": "page", "when": {"hosts": ["*.label.example"]}},
    ],
    "one app, and all but one": [
        {"path": PAGE, "to": "page", "when": {"apps": ["tiktok"]}},
        {"path": "/go/**", "to": "page", "when": {"not_apps": ["tiktok"]}},
    ],
    "everyone": [{"path": "/out", "to": SONG, "everyone": True}, {"path": PAGE, "to": "page"}],
    "links": [{"path": "/**", "to": "redirect", "links": True}],
    "paths beyond ASCII": [{"path": "/listen/ü", "to": "page"}],
}
EXCLUDED = {"exclude": ["/exclude/**", "/presave/x/*", "/listen/*"]}


def policy_of(name, **more):
    rules = {"rules": SITES[name]} if SITES[name] else {}
    return {"version": 1, "secret": SECRET, **rules, **more}


CASES = [
    *(pytest.param(policy_of(name), id=name) for name in SITES),
    pytest.param(policy_of("several paths", **EXCLUDED), id="excluded paths"),
    pytest.param(policy_of("everyone", **EXCLUDED), id="excluded paths, for everyone"),
    pytest.param(policy_of("webviews", marker="_out"), id="another marker"),
    pytest.param(policy_of("the default rules", apps={"also": ["google-news"]}), id="one app more"),
    pytest.param(policy_of("webviews", mode="observe"), id="rules that observe"),
    pytest.param(policy_of("several paths", events={"log": True}), id="events"),
]


@pytest.mark.parametrize("rules", CASES)
def test_whatever_the_engine_acts_on_is_sent_to_the_gate(rules):
    """More than 100,000 requests, over all cases."""
    engine, matcher = Engine(rules), Matcher(prefilter_of(load(rules).policy))
    acted = 0
    for asked in requests(7_000, seed=str(rules)):
        if acts(engine, asked):
            acted += 1
            assert matcher.asks(asked), asked
    assert acted > 200


def test_of_the_corpus_no_browser_is_sent_to_the_gate():
    """The one exception is QQ's own browser inside QQ, which says that it is both."""
    matcher = Matcher(prefilter_of(load().policy))
    browsers = [row["ua"] for row in corpus("user_agents.jsonl") if row["kind"] == "browser"]
    sent = [agent for agent in browsers if matcher.visitor({"User-Agent": agent})]
    assert len(browsers) > 1000
    assert [agent for agent in sent if "V1_AND_SQ_" not in agent] == []
    assert len(sent) <= 1


def test_of_our_own_agents():
    matcher = Matcher(prefilter_of(load().policy))
    found = [
        agent
        for agent in OWN
        if matcher.asks(Asked("GET", "label.example", "/", {"User-Agent": agent}))
    ]
    assert TIKTOK_IOS in found
    assert SAFARI not in found
    assert UNNAMED_ANDROID not in found
