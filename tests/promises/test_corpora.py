"""The figures on labelled real traffic, where such corpora are at hand.

ESCAPE_MW_CORPORA names their folder.
"""

from __future__ import annotations

import collections
import time

import pytest

from escape_mw import load
from escape_mw.decision.handoffs import Handoff, intent, intent_app
from escape_mw.engine.explain import Explainer
from escape_mw.rules.document import read
from escape_mw.web.urls import normalise_location

from ..support import intent_uri
from ..support.agents import TIKTOK_ANDROID
from ..support.needs import corpus

FAMILY = {"messenger": "facebook"}


def test_visitors_in_webviews_are_found_and_named():
    """F1 >= 0.98, and the right app for 98 of 100, averaged over apps."""
    visitors = load().policy.visitors
    right = wrong = missed = 0
    named = collections.defaultdict(list)
    for row in corpus("user_agents.jsonl"):
        if not row.get("scored", True) or row["kind"] == "other-app":
            continue
        seen = visitors.visitor(
            row["ua"], {name.lower(): value for name, value in (row.get("headers") or {}).items()}
        )
        inside, truly = (
            seen.kind in ("in-app", "webview"),
            row["kind"] in ("in-app", "generic-webview"),
        )
        right += inside and truly
        wrong += inside and not truly
        missed += truly and not inside
        if row["kind"] == "bot":
            assert seen.app is None, row["ua"]
        if truly and row.get("group") == "target" and row.get("app"):
            app = FAMILY.get(row["app"], row["app"])
            named[app].append(FAMILY.get(seen.app, (seen.app or "").replace("-", "")) == app)
    assert 2 * right / (2 * right + wrong + missed) >= 0.98
    assert sum(sum(hits) / len(hits) for hits in named.values()) / len(named) >= 0.98


def test_slow_agents_are_cut():
    visitors = load().policy.visitors
    for row in corpus("redos_ua.jsonl"):
        assert visitors.visitor(row["value"], {}) == visitors.visitor(row["value"][:1024], {})


# Agents that make a backtracking matcher slow; none of them needs a corpus.
SLOW = [
    pytest.param("", "Android", id="a word that begins something, again and again"),
    pytest.param("Android ", "ion/.Android", id="the end of a word before its beginning"),
    pytest.param("Android ", "Version/1.1 ", id="a version without its browser"),
    pytest.param("Android Version/", "1.", id="a version without an end"),
    pytest.param("Android ", "9", id="a number without an end"),
    pytest.param(
        "Mozilla/5.0 (Linux; Android 14", "; wv", id="a webview's mark without its bracket"
    ),
    pytest.param("Mozilla/5.0 (Linux; Android ", "14; K", id="a system without an end"),
    pytest.param("Mozilla/5.0 ", "(iPhone; ", id="nothing but opening brackets"),
    pytest.param(
        "Mozilla/5.0 ", "(Linux; Android 14; K", id="nothing but the beginnings of systems"
    ),
    pytest.param("Mozilla/5.0 (iPhone", ") ", id="nothing but closing brackets"),
    pytest.param(
        "Mozilla/5.0 (iPhone) AppleWebKit/1 (KHTML, like Gecko) Version/",
        "1 Mobile/15E148 Safari/",
        id="a plain browser that never ends",
    ),
    pytest.param(
        "Mozilla/5.0 (iPhone) Mobile/1 Instagram ", "1.", id="a host app's version without an end"
    ),
    pytest.param("Mozilla/5.0 (iPhone) Mobile/1 ", "[FBAN;", id="nothing but a host app's marks"),
    pytest.param(
        "Mozilla/5.0 (Linux; Android 1) ",
        "cubot",
        id="nothing but a phone that sounds like a crawler",
    ),
    pytest.param("Mozilla/5.0 bot", "(Android (bot)", id="nothing but phones without an end"),
    pytest.param("Mozilla/5.0 bot (Android", "(bot)", id="a phone with nothing but brackets"),
    pytest.param("Mozilla/5.0 ", "bota", id="nothing but words that sound like a crawler"),
    pytest.param("", "x/1 (", id="nothing but products"),
    pytest.param("", "; ", id="nothing but semicolons"),
    pytest.param("", " ", id="nothing but blanks"),
    pytest.param("Mozilla/5.0 (iPhone)", "\xe4", id="letters beyond ASCII"),
]


def quickest(work, agent):
    """The processor's time for an agent, in seconds, the best of several.

    Instruction counts do not see into a regular expression.
    """

    def once():
        before = time.thread_time()
        work(agent)
        return time.thread_time() - before

    return min(once() for _ in range(7))


@pytest.mark.parametrize(("head", "piece"), SLOW)
def test_eight_times_the_agent_takes_no_more_than_eight_times_the_time(head, piece):
    """Uncut, so that the growth shows: a quadratic matcher takes 64 times as long."""
    recognise = load().policy.visitors.detect.__wrapped__
    short, long = (
        quickest(lambda agent: recognise(agent, "", False), head + piece * (size // len(piece)))
        for size in (8_000, 64_000)
    )
    assert long <= 24 * short + 0.002


@pytest.mark.parametrize(
    ("allow", "only"), [("open.spotify.com", "spotify"), ("*.lnk.to", "linkfire")]
)
def test_no_hostile_target_gets_out(allow, only):
    """Every row that browsers take elsewhere passes.

    Every row that must be allowed is handed over.
    """
    rules = load(
        {
            "version": 1,
            "destinations": {"only": [only]},
        }
    )
    explainer = Explainer(rules)
    asked = 0
    for row in corpus("redirect_payloads.jsonl"):
        if row["allow"] != [allow]:
            continue
        asked += 1
        told = explainer.describe({"ua": TIKTOK_ANDROID, "to": row["value"]})
        if row["expect"] == "reject":
            assert told["decision"] == "pass", row["value"]
        elif row.get("must_allow") and "\\" not in row["value"]:
            assert told["decision"] == "page", row["value"]
    assert asked


def test_no_hostile_redirect_of_the_site_gets_out():
    """The same rows as a site's own Location, which is mended before it is judged."""
    find = load({"version": 1, "destinations": {"only": ["spotify"]}}).policy.destinations.find
    for row in corpus("redirect_payloads.jsonl"):
        location = row["value"].encode("utf-8", "surrogatepass").decode("latin-1")
        if row["expect"] == "reject" and row["allow"] == ["open.spotify.com"]:
            assert find(normalise_location(location)) is None, row["value"]


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


def test_hostile_yaml_reads_or_tells():
    for row in corpus("yaml_hostile.jsonl"):
        document = read(row["yaml"])
        assert document.problems or document.value is not None or not row["yaml"].strip("# x\n")
