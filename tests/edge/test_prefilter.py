"""The prefilter is sound: whatever the engine would act on is sent to the gate."""

from __future__ import annotations

import pytest

from escape_mw import load
from escape_mw.edge.prefilter import prefilter_of
from escape_mw.engine.engine import Engine

from ..support.agents import SAFARI, TIKTOK_IOS, UNNAMED_ANDROID
from ..support.needs import corpus
from .cases import CASES
from .matcher import OWN, Asked, Matcher, acts, requests


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
