"""Queries over a few visits that can be counted by hand; the same results on every database."""

from __future__ import annotations

import pytest

from escape_mw.events.event import Tally
from escape_mw.events.source import open_events
from escape_mw.report import counts
from escape_mw.report.arms import ArmDay, OutcomeDay, arms
from escape_mw.report.counts import (
    DAY,
    AppCount,
    FirstDay,
    Scope,
    TechniqueCount,
)
from escape_mw.report.parts import parts_by

from ..support.visits import APP, FULL, NOON, visit, write

TODAY = NOON // DAY


def read(url, question, *arguments):
    with open_events(url) as database, database.reading() as connection:
        return question(connection, *(arguments or (Scope(),)))


FUNNELS = [
    pytest.param([visit()], [(1, 0, 0, 0, 0)], [], id="eligible only"),
    pytest.param([visit("shown")], [(1, 0, 0, 0, 0)], [], id="shown is not tried"),
    pytest.param([visit(*FULL)], [(1, 0, 1, 1, 1)], [("intent", 1, 1, 1)], id="all the way"),
    pytest.param(
        [visit("attempt", "tapped")],
        [(1, 0, 1, 0, 0)],
        [("intent", 1, 0, 0)],
        id="fired automatically and tapped is one try",
    ),
    pytest.param(
        [visit("shown", "left", "returned")],
        [(1, 0, 1, 0, 0)],
        [("intent", 1, 0, 0)],
        id="back at once has not left",
    ),
    pytest.param(
        [visit("shown", "left", "returned", "left x-safari tap")],
        [(1, 0, 1, 1, 0)],
        [("intent", 1, 0, 0), ("x-safari", 1, 1, 0)],
        id="back at once, and then gone by another technique",
    ),
    pytest.param(
        [visit("shown", "returned", "left x-safari tap")],
        [(1, 0, 1, 1, 0)],
        [("intent", 1, 0, 0), ("x-safari", 1, 1, 0)],
        id="a return whose departure was lost takes no other's away",
    ),
    pytest.param(
        [visit("shown", "left", "returned", "arrived")],
        [(1, 0, 1, 1, 1)],
        [("intent", 1, 1, 1)],
        id="back at once, and arrived all the same",
    ),
    pytest.param(
        [visit("shown", "left")],
        [(1, 0, 1, 1, 0)],
        [("intent", 1, 1, 0)],
        id="leaving implies a try whose event was lost",
    ),
    pytest.param(
        [visit("arrived")],
        [(1, 0, 1, 1, 1)],
        [("intent", 1, 1, 1)],
        id="arriving implies that it was tried and left",
    ),
    pytest.param(
        [visit("copied", "continued")],
        [(1, 0, 0, 0, 0)],
        [],
        id="copied and continued are not tries",
    ),
    pytest.param(
        [
            visit(
                "tapped", "left", "tapped x-safari tap", "left x-safari tap", "arrived x-safari tap"
            )
        ],
        [(1, 0, 1, 1, 1)],
        [("intent", 1, 1, 0), ("x-safari", 1, 1, 1)],
        id="two techniques in one visit count once for the host app",
    ),
    pytest.param(
        [visit(*FULL, arm="holdout", experiment="e"), visit(arm="escape", experiment="e")],
        [(1, 1, 0, 0, 0)],
        [],
        id="a holdout is not in the funnel",
    ),
    pytest.param(
        [visit("shown menu written")],
        [(1, 0, 1, 0, 0)],
        [("menu", 1, 0, 0)],
        id="instructions alone are tried by being shown",
    ),
    pytest.param(
        [visit("shown menu written", "arrived menu written")],
        [(1, 0, 1, 1, 1)],
        [("menu", 1, 1, 1)],
        id="instructions can lead to an arrival",
    ),
    pytest.param(
        [visit("shown", "arrived menu written")],
        [(1, 0, 1, 1, 1)],
        [],
        id="instructions below a button count in the host app's funnel only",
    ),
    pytest.param(
        [visit("tapped") for _ in range(3)] + [visit(*FULL)],
        [(4, 0, 4, 1, 1)],
        [("intent", 4, 1, 1)],
        id="visits add up",
    ),
]


@pytest.mark.parametrize(("visits", "apps", "techniques"), FUNNELS)
def test_funnel(database_url, visits, apps, techniques):
    write(database_url, *visits)
    where = ("tiktok", "android", "browser")
    assert read(database_url, counts.apps) == [AppCount(*where, *row) for row in apps]
    assert read(database_url, counts.techniques) == [
        TechniqueCount(*where, *row) for row in techniques
    ]


def test_app_platform_and_goal_are_counted_separately(database_url):
    write(
        database_url,
        visit(*FULL),
        visit(app="instagram"),
        visit(platform="ios"),
        visit("tapped", "left", to=APP),
        visit(app=""),
    )
    assert {row[:3]: row[3:] for row in read(database_url, counts.apps)} == {
        ("", "android", "browser"): (1, 0, 0, 0, 0),
        ("instagram", "android", "browser"): (1, 0, 0, 0, 0),
        ("tiktok", "android", "app"): (1, 0, 1, 1, 0),
        ("tiktok", "android", "browser"): (1, 0, 1, 1, 1),
        ("tiktok", "ios", "browser"): (1, 0, 0, 0, 0),
    }


SCOPES = [
    pytest.param(Scope(), 3, id="everything"),
    pytest.param(Scope("bio link"), 1, id="one rule"),
    pytest.param(Scope("unused"), 0, id="a rule without visits"),
    pytest.param(Scope(since=NOON - DAY), 2, id="since yesterday"),
    pytest.param(Scope("pre-save", NOON), 1, id="both"),
]


@pytest.mark.parametrize(("scope", "eligible"), SCOPES)
def test_scope(database_url, scope, eligible):
    write(database_url, visit(*FULL), visit("tapped", to=APP), visit(*FULL, ago=3))
    assert sum(row.eligible for row in read(database_url, counts.apps, scope)) == eligible
    assert sum(row.tried for row in read(database_url, counts.techniques, scope)) == eligible


def test_a_visit_belongs_to_the_day_on_which_it_began(database_url):
    """Its later stages alone are not counted."""
    write(database_url, visit(*FULL))
    assert read(database_url, counts.apps, Scope(until=NOON)) == []
    assert read(database_url, counts.apps, Scope(since=NOON + DAY)) == []
    assert read(database_url, counts.techniques, Scope(since=NOON + DAY)) == []


def test_visits_by_the_technique_that_was_shown_first(database_url):
    write(
        database_url,
        visit("shown", "arrived menu written"),
        visit("shown", "left"),
        visit(*FULL, ago=1),
        visit("tapped", "left", to=APP),
        visit("tapped", "left", "returned", to=APP),
        visit(experiment="e", arm="holdout"),
    )
    browser, app = ("tiktok", "android", "browser"), ("tiktok", "android", "app")
    assert sorted(read(database_url, counts.first_days)) == [
        FirstDay(*app, "intent", "41", TODAY, 2, 1),
        FirstDay(*browser, "intent", "41", TODAY - 1, 1, 1),
        FirstDay(*browser, "intent", "41", TODAY, 2, 1),
    ]


def test_experiments(database_url):
    write(
        database_url,
        visit(*FULL, experiment="e", arm="escape", outcomes=["presave", "follow"]),
        visit(experiment="e", arm="escape", hints="no"),
        visit(experiment="e", arm="holdout", ago=1, outcomes=["presave"], later=1, hints="yes"),
        visit(experiment="f", arm="holdout"),
        visit(outcomes=["presave"]),
    )
    version = ("pre-save", "1")
    assert read(database_url, arms)[0] == [
        ArmDay("e", *version, 0, "escape", TODAY, 2, NOON, hintless=1, arrived=1),
        ArmDay("e", *version, 0, "holdout", TODAY - 1, 1, NOON - DAY, hintless=0, arrived=0),
        ArmDay("f", *version, 0, "holdout", TODAY, 1, NOON, hintless=0, arrived=0),
    ]
    assert read(database_url, arms)[1] == [
        OutcomeDay("e", *version, "follow", "escape", TODAY, 1, hasty=0, arrived=1),
        OutcomeDay("e", *version, "presave", "escape", TODAY, 1, hasty=0, arrived=1),
        OutcomeDay("e", *version, "presave", "holdout", TODAY - 1, 1, hasty=1, arrived=0),
    ]


def test_holdouts_on_which_something_was_tried(database_url):
    write(
        database_url,
        visit("shown", "tapped", experiment="e", arm="holdout"),
        visit("arrived", experiment="e", arm="holdout"),
        visit(experiment="e", arm="holdout", outcomes=["presave"]),
        visit(*FULL, experiment="e", arm="escape"),
        visit(experiment="f", arm="holdout"),
    )
    found = read(database_url, arms)[0]
    assert [(row.experiment, row.arm, row.visits, row.tried) for row in found] == [
        ("e", "escape", 1, 0),
        ("e", "holdout", 3, 2),
        ("f", "holdout", 1, 0),
    ]


def test_visits_by_the_sites_own_word(database_url):
    write(
        database_url,
        visit(*FULL, by="moon", outcomes=["presave"]),
        visit("shown", by="moon", outcomes=["presave", "follow"]),
        visit(by="moon", experiment="e", arm="holdout", outcomes=["presave"]),
        visit("left", by="moon", to=APP),
        visit("shown", by="sun"),
        visit("shown"),
    )
    found = read(database_url, parts_by, Scope(), "word")
    assert [
        (name, total.goal, total.eligible, total.held_out, total.reached.count, done)
        for name, total, done in found
    ] == [
        ("moon", "browser", 2, 1, 1, {"presave": 2, "follow": 1}),
        ("", "browser", 1, 0, 0, {}),
        ("moon", "app", 1, 0, 1, {}),
        ("sun", "browser", 1, 0, 0, {}),
    ]
    assert read(database_url, parts_by, Scope(), "app") == ()


def test_versions_of_a_rule_are_told_apart(database_url):
    old, new = visit(experiment="e", arm="escape"), visit(experiment="e", arm="escape")
    new = [event._replace(rule_version="2", planned=90, time=event.time + 9) for event in new]
    write(database_url, old, new)
    assert read(database_url, arms)[0] == [
        ArmDay("e", "pre-save", "1", 0, "escape", TODAY, 1, NOON),
        ArmDay("e", "pre-save", "2", 90, "escape", TODAY, 1, NOON + 9),
    ]


def test_an_experiment_is_read_from_its_beginning(database_url):
    """A part of its visits, chosen after a look at them, would be one more look."""
    write(
        database_url,
        visit(experiment="e", arm="escape", outcomes=["presave"], ago=9),
        visit(experiment="e", arm="holdout"),
        visit(experiment="before", arm="holdout", ago=9),
    )
    visits, outcomes = read(database_url, arms, Scope(since=NOON))
    assert [(row.experiment, row.day) for row in visits] == [("e", TODAY - 9), ("e", TODAY)]
    assert [row.day for row in outcomes] == [TODAY - 9]
    visits, outcomes = read(database_url, arms, Scope(until=NOON))
    assert [row.experiment for row in visits] == ["before", "e"], "but the end is the period's"


def test_an_outcome_counts_on_the_day_of_its_visit(database_url):
    first, outcome = visit(experiment="e", arm="escape", outcomes=["presave"])
    write(database_url, first, outcome._replace(time=outcome.time + 5 * DAY, day=TODAY))
    assert [row.day for row in read(database_url, arms)[1]] == [TODAY]


def test_tallies(database_url):
    once = visit(*FULL)
    write(
        database_url,
        once,
        Tally("forged", time=NOON, number=3),
        Tally("eligible", "pre-save", "tiktok", platform="ios", number=2, time=NOON),
    )
    write(
        database_url,
        once[:2],
        Tally("dropped", time=NOON - 9 * DAY, number=7),
        Tally("eligible", "bio link", number=5, time=NOON),
    )
    everything = {"repeat": 2, "forged": 3, "capped": 0, "dropped": 7, "eligible": 7}
    assert read(database_url, counts.tallies) == everything
    assert read(database_url, counts.tallies, Scope(since=NOON)) == everything | {"dropped": 0}
    early = dict.fromkeys(everything, 0) | {"dropped": 7}
    assert read(database_url, counts.tallies, Scope(until=NOON - DAY)) == early
    assert read(database_url, counts.tallies, Scope("pre-save")) == everything | {"eligible": 2}, (
        "events without a rule are in every rule's figure"
    )


def test_span(database_url):
    write(database_url, visit(ago=3), visit(*FULL), visit(ago=9, to=APP))
    assert read(database_url, counts.span) == (NOON - 9 * DAY, NOON)
    assert read(database_url, counts.span, Scope("pre-save")) == (NOON - 3 * DAY, NOON)
    assert read(database_url, counts.span, Scope(since=NOON + DAY)) is None
