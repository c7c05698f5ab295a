"""The ladder: which steps, in which order, fired how."""

from __future__ import annotations

from datetime import date

import pytest

from escape_mw import Visitor, catalogue, load
from escape_mw.decision.handoffs import Handoff
from escape_mw.decision.ladder import make_steps, stale

CARGO = Handoff(
    "https://open.spotify.com/track/1",
    "https://site.example/",
    "line",
    "com.spotify.music",
    "spotify:track:1",
)
LINE = Visitor("in-app", "line", "ios")
UNNAMED = Visitor("webview", None, "android")


def rungs(visitor=LINE, goal="browser", **rules):
    return load({"version": 1, **rules}).policy.ladders.steps_for(visitor, goal)


def names(steps):
    return [(step.technique, step.trigger) for step in steps]


CLIMBS = [
    pytest.param(
        LINE,
        "browser",
        0,
        [("line-external", "redirect"), ("x-safari", "tap"), ("menu", "written")],
        id="a host app that needs no page",
    ),
    pytest.param(
        LINE,
        "browser",
        1,
        [("x-safari", "tap"), ("menu", "written")],
        id="the next rung on a return",
    ),
    pytest.param(LINE, "browser", 9, [("menu", "written")], id="the menu is always left"),
    pytest.param(
        LINE,
        "app",
        0,
        [("app-scheme", "tap"), ("line-external", "tap"), ("menu", "written")],
        id="another goal",
    ),
    pytest.param(
        UNNAMED,
        "app",
        0,
        [("intent-app", "tap"), ("intent", "tap"), ("menu", "written")],
        id="an unnamed webview",
    ),
    pytest.param(
        Visitor("in-app", "facebook", "android"),
        "browser",
        0,
        [("intent", "auto"), ("menu", "written")],
        id="by itself, the first time",
    ),
    pytest.param(
        Visitor("in-app", "discord", "android"),
        "browser",
        0,
        [("intent", "tap"), ("menu", "written")],
        id="a host app without a row of its own",
    ),
]


@pytest.mark.parametrize(("visitor", "goal", "start", "expected"), CLIMBS)
def test_make_steps(visitor, goal, start, expected):
    assert names(make_steps(rungs(visitor, goal), visitor, lambda _: CARGO, start)) == expected


def test_nothing_happens_by_itself_on_a_return_or_in_an_unnamed_webview():
    table = rungs(Visitor("in-app", "instagram", "android"))
    assert names(make_steps(table, Visitor("in-app", "instagram", "android"), lambda _: CARGO, 0))[
        0
    ] == ("intent", "auto")
    assert names(make_steps(table, UNNAMED, lambda _: CARGO, 0))[0] == ("intent", "tap")
    assert all(
        trigger != "auto"
        for _, trigger in names(
            make_steps(table, Visitor("in-app", "instagram", "android"), lambda _: CARGO, 1)
        )
    )


def test_a_rung_that_cannot_be_made_is_left_out():
    steps = make_steps(
        rungs(UNNAMED, "app"),
        UNNAMED,
        lambda _: CARGO._replace(url="https://music.163.com/#/song?id=1"),
        0,
    )
    assert names(steps) == [("menu", "written")]


def test_each_rung_hands_over_its_own_marked_page():
    steps = make_steps(
        rungs(UNNAMED, "app"),
        UNNAMED,
        lambda number: CARGO._replace(fallback=f"https://site.example/?step={number}"),
        0,
    )
    assert ["step%3D0" in steps[0].uri, "step%3D1" in steps[1].uri] == [True, True]


OVERRIDES = [
    pytest.param(
        {"app": "line", "platform": "ios", "goal": "browser", "steps": [{"x-safari": "tap"}]},
        [("x-safari", "tap"), ("menu", "written")],
        id="other steps, the menu added",
    ),
    pytest.param(
        {"app": "line", "technique": "line-external", "enabled": False},
        [("x-safari", "tap"), ("menu", "written")],
        id="the kill switch for one app",
    ),
    pytest.param(
        {"technique": "x-safari", "enabled": False},
        [("line-external", "redirect"), ("menu", "written")],
        id="the kill switch for all",
    ),
    pytest.param(
        {"app": "instagram", "technique": "x-safari", "enabled": False},
        CLIMBS[0].values[3],
        id="another app's override",
    ),
    pytest.param(
        {"app": "line", "technique": "x-safari", "enabled": True},
        CLIMBS[0].values[3],
        id="switched on is as shipped",
    ),
]


@pytest.mark.parametrize(("override", "expected"), OVERRIDES)
def test_overrides(override, expected):
    assert names(make_steps(rungs(techniques=[override]), LINE, lambda _: CARGO, 0)) == expected


def test_later_overrides_win():
    table = rungs(
        techniques=[
            {"app": "line", "steps": [{"x-safari": "tap"}]},
            {"app": "line", "technique": "x-safari", "enabled": False},
        ]
    )
    assert [rung.technique for rung in table] == ["menu"]


def test_an_app_of_the_rules_own_gets_the_default_ladder():
    added = {"id": "our-app", "name": "Our app", "tokens": ["OurApp/"]}
    table = rungs(Visitor("in-app", "our-app", "android"), "app", apps={"add": [added]})
    assert [rung.technique for rung in table] == ["intent-app", "intent", "menu"]


@pytest.mark.parametrize(
    ("verified", "expected"),
    [
        ("2025-11-22", False),
        ("2025-11-20", True),
        ("2025-10", True),
        ("2026-07", False),
        (None, False),
    ],
)
def test_stale_after_a_year(verified, expected):
    assert stale(verified, date(2026, 11, 22)) is expected


def test_every_row_of_the_table_ends_in_words():
    for row in catalogue.load().techniques:
        assert row.steps[-1].trigger == "written", (row.app, row.platform, row.goal)
