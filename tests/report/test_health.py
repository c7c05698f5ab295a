"""When a technique counts as stopped, and what is said of it meanwhile."""

from __future__ import annotations

import pytest

from escape_mw.report import tasks
from escape_mw.report.counts import FirstDay
from escape_mw.report.health import health
from escape_mw.report.watch import Reference, watch

TODAY = 20_777


def said(*spans):
    """What is said after each day of spans (days, shown a day, arrived a day)."""
    shown = [n for days, n, _ in spans for _ in range(days)]
    arrived = [k for days, _, k in spans for _ in range(days)]
    return list(watch(shown, arrived))


ENDS = [
    pytest.param([(30, 20, 12)], "steady", id="as ever"),
    pytest.param([(30, 20, 12), (1, 20, 1)], "stopped", id="a day without arrivals"),
    pytest.param([(30, 20, 12), (60, 20, 1)], "stopped", id="still, two months later"),
    pytest.param([(30, 20, 12), (20, 20, 7)], "steady", id="weaker, but more than half"),
    pytest.param([(30, 20, 12), (7, 20, 6)], "steady", id="exactly half of it"),
    pytest.param([(30, 20, 12), (7, 20, 5)], "stopped", id="a little less than half"),
    pytest.param([(30, 20, 12), (60, 20, 1), (7, 20, 12)], "steady", id="mended"),
    pytest.param([(30, 20, 4), (20, 20, 16)], "steady", id="better"),
    pytest.param([(30, 20, 12), (30, 0, 0)], "steady", id="no more visits"),
    pytest.param([(30, 20, 20), (1, 11, 0)], "steady", id="eleven visits today"),
    pytest.param([(30, 20, 20), (1, 12, 0)], "stopped", id="twelve visits today"),
    pytest.param([(40, 2, 2), (3, 20, 0)], "stopped", id="few visits before, many now"),
    pytest.param([(6, 100, 60)], "too-few", id="a week is not over"),
    pytest.param([(6, 20, 12), (7, 0, 0)], "too-few", id="six days, a week ago"),
    pytest.param([(7, 20, 12), (7, 0, 0)], "steady", id="seven days, a week ago"),
    pytest.param([(14, 2, 2), (1, 1, 1), (7, 0, 0)], "too-few", id="29 visits, a week ago"),
    pytest.param([(15, 2, 2), (7, 0, 0)], "steady", id="30 visits, a week ago"),
    pytest.param([(30, 20, 20), (1, 20, 1)], "stopped", id="everybody had arrived"),
    pytest.param([(3, 20, 0)], "never-worked", id="sixty visits without an arrival"),
    pytest.param([(20, 20, 2)], "steady", id="it rarely works, and always did"),
    pytest.param([(20, 100, 0), (1, 100, 10)], "never-worked", id="ten strays of 2,100"),
]


@pytest.mark.parametrize(("spans", "last"), ENDS)
def test_said(spans, last):
    assert said(*spans)[-1].said == last


def test_it_is_said_from_the_first_day_on_without_a_break():
    states = said((30, 20, 12), (60, 20, 1))
    assert [state.said for state in states[30:]] == ["stopped"] * 60
    assert {state.since for state in states[30:]} == {30}


def test_the_reference_stays_while_it_is_stopped():
    assert said((30, 20, 12), (60, 20, 1))[-1].reference == said((30, 20, 12))[-1].reference


def test_the_reference_moves_on_again_35_days_after_a_recovery():
    states = said((30, 20, 12), (60, 20, 1), (60, 20, 16))
    recovered = max(at for at, state in enumerate(states) if state.said == "stopped") + 1
    before = states[recovered].reference
    assert {state.reference for state in states[30 : recovered + 35]} == {before}
    assert states[recovered + 35].reference != before


def test_what_has_recovered_is_not_stopped_again_by_the_days_before():
    states = said((30, 20, 12), (10, 20, 1), (10, 20, 12))
    again = [state.said for state in states[40:]]
    assert again == ["steady"] * 10
    assert said((30, 20, 12), (10, 20, 1), (10, 20, 12), (1, 20, 1))[-1].said == "stopped"


def test_days_that_differ_by_themselves_are_no_alarm():
    """A fair has half as many arrivals on its odd days: the same fall stands out among equals."""
    differing = [(1, 200, 160 if day % 2 else 70) for day in range(36)]
    assert said(*differing, (1, 200, 40))[-1].said == "steady"
    assert said((36, 200, 115), (1, 200, 40))[-1].said == "stopped"


def test_a_new_version_begins_with_the_reference_of_the_one_before():
    earlier = Reference(0.6, 0.0001, 0.02)
    assert [state.said for state in watch([20], [1], earlier)] == ["stopped"]
    assert [state.said for state in watch([20], [1])] == ["too-few"]


def days(version, first, counts, **more):
    row = {"app": "instagram", "platform": "ios", "goal": "browser", "technique": "extbrowser"}
    return [
        FirstDay(**(row | more), version=version, day=TODAY - first + at, shown=n, reached=k)
        for at, (n, k) in enumerate(counts)
    ]


def test_each_major_version_has_its_row():
    """Two fifths of the visits, by a new version, do not arrive any more."""
    rows = [
        *days("9", 29, [(50, 30)] * 20 + [(30, 18)] * 10),
        *days("10", 9, [(20, 0)] * 10),
        *days("41", 29, [(20, 12)] * 30, app="tiktok"),
    ]
    assert [(row.app, row.version, row.status, row.since) for row in health(rows, TODAY)] == [
        ("instagram", "10", "stopped", TODAY - 9),
        ("instagram", "9", "steady", None),
        ("tiktok", "41", "steady", None),
    ]


def test_days_without_visits_up_to_today_count():
    [row] = health(days("9", 60, [(20, 12)] * 30), TODAY)
    assert (row.now.of, row.ever.of, row.status) == (0, 600, "steady")


LINES = [
    pytest.param(
        {},
        "{app: instagram, platform: ios, goal: browser, technique: extbrowser, enabled: false}",
        id="a technique",
    ),
    pytest.param({"technique": "menu"}, "", id="words end every ladder"),
    pytest.param({"app": ""}, "", id="an unnamed app has no ladder of its own"),
]


@pytest.mark.parametrize(("more", "line"), LINES)
def test_the_line_to_paste(more, line):
    [row] = health(days("9", 9, [(20, 0)] * 10, **more), TODAY)
    assert row.status == "never-worked"
    assert tasks.override(row) == line
