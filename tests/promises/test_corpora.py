"""The figures on labelled real traffic, where such corpora are at hand.

ESCAPE_MW_CORPORA names their folder.
"""

from __future__ import annotations

import collections

import pytest

from escape_mw import EscapeMiddleware, load

from ..support.agents import TIKTOK_ANDROID
from ..support.commands import explained
from ..support.needs import corpus
from ..support.wsgi import environ_of, redirecting, send

FAMILY = {"messenger": "facebook"}


def visitors(records):
    return [told["visitor"] for told in explained(records)]


def test_visitors_in_webviews_are_found_and_named():
    """F1 >= 0.98, and the right app for 98 of 100, averaged over apps."""
    right = wrong = missed = 0
    named = collections.defaultdict(list)
    rows = [
        row
        for row in corpus("user_agents.jsonl")
        if row.get("scored", True) and row["kind"] != "other-app"
    ]
    asked = [{"ua": row["ua"], "headers": row.get("headers") or {}} for row in rows]
    for row, seen in zip(rows, visitors(asked), strict=True):
        inside, truly = (
            seen["kind"] in ("in-app", "webview"),
            row["kind"] in ("in-app", "generic-webview"),
        )
        right += inside and truly
        wrong += inside and not truly
        missed += truly and not inside
        if row["kind"] == "bot":
            assert seen["app"] is None, row["ua"]
        if truly and row.get("group") == "target" and row.get("app"):
            app = FAMILY.get(row["app"], row["app"])
            found = seen["app"] or ""
            named[app].append(FAMILY.get(found, found.replace("-", "")) == app)
    assert 2 * right / (2 * right + wrong + missed) >= 0.98
    assert sum(sum(hits) / len(hits) for hits in named.values()) / len(named) >= 0.98


def test_slow_agents_are_cut():
    agents = [row["value"] for row in corpus("redos_ua.jsonl")]
    whole, cut = ([{"ua": agent[:size]} for agent in agents] for size in (None, 1024))
    assert visitors(whole) == visitors(cut)


@pytest.mark.parametrize(
    ("allow", "only"), [("open.spotify.com", "spotify"), ("*.lnk.to", "linkfire")]
)
def test_no_hostile_target_gets_out(allow, only):
    """Every row that browsers take elsewhere passes.

    Every row that must be allowed is handed over.
    """
    rows = [row for row in corpus("redirect_payloads.jsonl") if row["allow"] == [allow]]
    asked = [{"ua": TIKTOK_ANDROID, "to": row["value"]} for row in rows]
    rules = {"version": 1, "destinations": {"only": [only]}}
    assert rows
    for row, told in zip(rows, explained(asked, rules), strict=True):
        if row["expect"] == "reject":
            assert told["decision"] == "pass", row["value"]
        elif row.get("must_allow") and "\\" not in row["value"]:
            assert told["decision"] == "page", row["value"]


def test_no_hostile_redirect_of_the_site_gets_out():
    """The same rows as a site's own Location, which is mended before it is judged."""
    rules = load({"version": 1, "destinations": {"only": ["spotify"]}})
    for row in corpus("redirect_payloads.jsonl"):
        location = row["value"].encode("utf-8", "surrogatepass").decode("latin-1")
        if row["expect"] == "reject" and row["allow"] == ["open.spotify.com"]:
            got = send(EscapeMiddleware(redirecting(location), rules), environ_of(TIKTOK_ANDROID))
            assert got[:2] == ("302 Found", [("Location", location)])
