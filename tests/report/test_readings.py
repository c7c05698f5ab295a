"""When a lift is read, and what is reported otherwise; when a technique counts as stopped."""

from __future__ import annotations

import pytest

from escape_mw.report import words
from escape_mw.report.charts import lift_chart
from escape_mw.report.counts import DAY, AppCount, ArmDay, OutcomeDay, TechniqueCount
from escape_mw.report.daily import Daily, daily
from escape_mw.report.funnel import funnels
from escape_mw.report.health import health
from escape_mw.report.readings import Plan, analyse, blocking_reason
from escape_mw.report.statistics import Share

TODAY = 20_777
NOW = TODAY * DAY + 12 * 3600


def reading(escape, holdout, plan=None, days=10, outcome="presave"):
    """The reading of an experiment whose visits came evenly over the days before today."""
    parts = [
        Daily(
            TODAY - days + number,
            *(
                Share(count * (number + 1) // days, of * (number + 1) // days)
                for count, of in (escape, holdout)
            ),
        )
        for number in range(days)
    ]
    return analyse("pre-save", outcome, parts, plan or Plan(), NOW)


REFUSALS = [
    pytest.param(
        (0, 100),
        (0, 0),
        "no-holdout",
        "no visit is in the holdout",
        "nothing to compare them with",
        id="no holdout",
    ),
    pytest.param(
        (0, 0),
        (9, 100),
        "no-escape",
        "every visit is in the holdout",
        "nothing to compare them with",
        id="no escapes",
    ),
    pytest.param(
        (900, 5200),
        (500, 4700),
        "mismatch",
        "not of the sizes that were planned",
        "5,200 visits had escapes and 4,700 were held out, although 50.0% was planned",
        id="srm",
    ),
    pytest.param(
        (0, 500),
        (0, 510),
        "no-outcomes",
        "no outcome was recorded",
        "No outcome was recorded in 1,010 visits.",
        id="no outcome",
    ),
    pytest.param(
        (30, 100),
        (9, 100),
        "few-outcomes",
        "there are too few outcomes",
        "there are 30 and 70, held out 9 and 91.",
        id="nine outcomes held out",
    ),
    pytest.param(
        (95, 100),
        (80, 100),
        "few-outcomes",
        "there are too few outcomes",
        "there are 95 and 5, held out 80 and 20.",
        id="five without",
    ),
    pytest.param(
        (40, 300),
        (30, 300),
        "too-small",
        "there are too few visits",
        "600 of the 1,375 visits that are needed to find +50%",
        id="too small",
    ),
]


@pytest.mark.parametrize(("escape", "holdout", "reason", "because", "sentence"), REFUSALS)
def test_no_lift_is_read(escape, holdout, reason, because, sentence):
    found = reading(escape, holdout)
    assert found.blocked_by == reason
    assert found.lift is None
    assert because in words.verdict(found)
    assert sentence in words.why_no_lift(found)
    assert "%" not in words.verdict(found), "no number that could be taken for a lift"
    assert lift_chart(found) is None


READ = [
    pytest.param(
        (120, 700),
        (70, 700),
        "fixed",
        "+71% with escapes (between +30% and +126%)",
        id="the size is reached",
    ),
    pytest.param(
        (75, 700),
        (70, 700),
        "fixed",
        "no difference was found: 10.7% of visits with escapes, 10.0% of those held out",
        id="no difference",
    ),
    pytest.param(
        (40, 700),
        (70, 700),
        "fixed",
        "\u221243% with escapes (between \u221261% and \u221217%)",
        id="fewer",
    ),
    pytest.param(
        (90, 300),
        (30, 300),
        "always",
        "+200% with escapes (between +47% and +512%)",
        id="large enough to show before that",
    ),
]


@pytest.mark.parametrize(("escape", "holdout", "basis", "sentence"), READ)
def test_a_lift_is_read(escape, holdout, basis, sentence):
    found = reading(escape, holdout)
    assert found.blocked_by == words.why_no_lift(found) == ""
    assert found.lift.basis == basis
    assert sentence in words.verdict(found)


def test_before_the_size_is_reached_the_interval_for_one_look_is_not_relied_on():
    """It lies above zero, the always-valid one does not: daily looks would find that too often."""
    found = reading((50, 300), (30, 300))
    assert found.blocked_by == "too-small"
    planned = reading((50, 300), (30, 300), Plan(planned=600))
    assert planned.lift.fixed.low > 0 > planned.lift.always.low


CRITERION = [
    pytest.param((10, 20), (10, 20), 1.0, 40, "", id="just enough of everything"),
    pytest.param((10, 20), (10, 20), 1.0, 41, "too-small", id="one visit is missing"),
    pytest.param((10, 20), (10, 20), 1.0, None, "too-small", id="the needed size is unknown"),
    pytest.param((9, 20), (10, 20), 1.0, 40, "few-outcomes", id="one outcome is missing"),
    pytest.param((10, 19), (10, 20), 1.0, 39, "few-outcomes", id="one visit without is missing"),
    pytest.param((10, 20), (10, 20), 0.001, 40, "", id="a p of one in a thousand is allowed"),
    pytest.param((10, 20), (10, 20), 0.00099, 40, "mismatch", id="less is not"),
]


@pytest.mark.parametrize(("escape", "holdout", "mismatch", "needed", "reason"), CRITERION)
def test_criterion(escape, holdout, mismatch, needed, reason):
    assert blocking_reason(Share(*escape), Share(*holdout), mismatch, needed) == reason


HOLDOUTS = [
    pytest.param(Plan(), 0.5, "assumed", id="neither given nor in the rules"),
    pytest.param(Plan(holdouts={"pre-save": 0.2}), 0.2, "rules", id="from the rules"),
    pytest.param(
        Plan(holdouts={"another": 0.2}), 0.5, "assumed", id="the rules name another experiment"
    ),
    pytest.param(
        Plan(holdout=0.1, holdouts={"pre-save": 0.2}),
        0.1,
        "given",
        id="given, despite the rules",
    ),
]


@pytest.mark.parametrize(("plan", "share", "source"), HOLDOUTS)
def test_planned_holdout(plan, share, source):
    found = reading((120, 800), (20, 200), plan)
    assert (found.share, found.share_from) == (share, source)
    assert (found.blocked_by == "mismatch") is (share != 0.2)


PACES = [
    pytest.param(10, 600, 60.0, 13, id="ten days"),
    pytest.param(3, 600, 200.0, 4, id="three days"),
    pytest.param(1, 600, 600.0, 2, id="one day"),
]


@pytest.mark.parametrize(("days", "visits", "pace", "left"), PACES)
def test_pace(days, visits, pace, left):
    found = reading((40, visits // 2), (30, visits // 2), days=days)
    assert found.pace == pytest.approx(pace, rel=0.02)
    assert found.days_left == left


def test_pace_of_an_experiment_that_has_ended():
    parts = [Daily(TODAY - 40, Share(40, 300), Share(30, 300))]
    found = analyse("pre-save", "presave", parts, Plan(), NOW)
    assert found.days_left is None
    assert "No visit came in the last week" in words.why_no_lift(found)


def test_pace_of_the_first_day():
    found = analyse(
        "pre-save", "presave", [Daily(TODAY, Share(40, 300), Share(30, 300))], Plan(), NOW
    )
    assert found.pace == 600


def test_a_high_rate_has_a_smaller_target():
    found = reading((400, 500), (400, 500))
    assert found.target == pytest.approx(0.125)
    assert "to find +12% over the holdout's 80.0%" in words.size(found)


def test_days_add_up_without_a_gap():
    arms = [ArmDay("e", "escape", 5, 10), ArmDay("e", "holdout", 5, 8), ArmDay("e", "escape", 8, 1)]
    outcomes = [
        OutcomeDay("e", "follow", "escape", 5, 2),
        OutcomeDay("e", "presave", "holdout", 5, 3),
        OutcomeDay("e", "follow", "escape", 8, 1),
    ]
    assert list(daily(arms, outcomes)) == [
        (
            "e",
            "follow",
            tuple(
                Daily(day, Share(2 + (day == 8), 10 + (day == 8)), Share(0, 8))
                for day in range(5, 9)
            ),
        ),
        (
            "e",
            "presave",
            tuple(Daily(day, Share(0, 10 + (day == 8)), Share(3, 8)) for day in range(5, 9)),
        ),
    ]


def test_an_experiment_without_an_outcome_is_included():
    assert [
        (experiment, outcome)
        for experiment, outcome, _ in daily([ArmDay("e", "escape", 5, 10)], [])
    ] == [("e", "")]


def test_chart():
    chart = lift_chart(reading((120, 700), (70, 700)))
    places = [
        tuple(map(float, point.split(",")))
        for points in (chart.line, chart.fixed, chart.always)
        for point in points.split()
    ]
    assert all(chart.left <= x <= chart.right and chart.top <= y <= chart.bottom for x, y in places)
    assert [label for _, label in chart.columns] == ["2026-11-11", "2026-11-19"], (
        "from the first day on which each arm had ten outcomes"
    )
    assert "0" in [label for _, label in chart.rows]
    assert chart.at[1] < chart.zero, "a lift is above the zero line"


# --- the funnel -----------------------------------------------------------------------------------


def test_funnels():
    """A host app's shares are of its eligible visits, a technique's of its tries.

    The largest come first, and the browser before the music app.
    """
    apps = [
        AppCount("line", "ios", "browser", 10, 0, 8, 6, 4),
        AppCount("tiktok", "android", "browser", 100, 50, 60, 40, 30),
        AppCount("tiktok", "ios", "app", 500, 0, 9, 8, 0),
    ]
    ways = [
        TechniqueCount("tiktok", "android", "browser", name, *rest)
        for name, rest in {"x-safari": (5, 2, 1), "intent": (55, 38, 29)}.items()
    ]
    browser, app = funnels(apps, ways)
    assert [
        (line.app, line.technique, line.tried, line.left, line.arrived) for line in browser.lines
    ] == [
        ("tiktok", "", Share(60, 100), Share(40, 100), Share(30, 100)),
        ("tiktok", "intent", Share(55, 100), Share(38, 55), Share(29, 55)),
        ("tiktok", "x-safari", Share(5, 100), Share(2, 5), Share(1, 5)),
        ("line", "", Share(8, 10), Share(6, 10), Share(4, 10)),
    ]
    assert (browser.total.tried, browser.total.arrived, browser.total.held_out) == (
        Share(68, 110),
        Share(34, 110),
        50,
    )
    assert (app.goal, app.total.left, app.total.arrived, app.lines[0].arrived) == (
        "app",
        Share(8, 500),
        None,
        None,
    )


# --- health ---------------------------------------------------------------------------------------


def technique(count, of, goal="browser", name="intent"):
    left, arrived = (count, 0) if goal == "app" else (of, count)
    return [TechniqueCount("tiktok", "android", goal, name, of, left, arrived)] if of else []


STATUSES = [
    pytest.param((80, 100), (2, 30), "browser", "stopped", id="arrivals stopped"),
    pytest.param((80, 100), (2, 30), "app", "stopped", id="departures stopped"),
    pytest.param(
        (800, 1000), (150, 250), "browser", "weaker?", id="significantly fewer, but more than half"
    ),
    pytest.param((80, 100), (79, 100), "browser", "steady", id="as before"),
    pytest.param((20, 100), (90, 100), "browser", "steady", id="better"),
    pytest.param((0, 100), (0, 100), "browser", "steady", id="never worked"),
    pytest.param((80, 100), (0, 9), "browser", "too few", id="nine tries now"),
    pytest.param((9, 9), (0, 100), "browser", "too few", id="nine tries before"),
    pytest.param((0, 0), (5, 50), "browser", "too few", id="new"),
    pytest.param((50, 50), (0, 0), "browser", "too few", id="gone"),
]


@pytest.mark.parametrize(("before", "now", "goal", "status"), STATUSES)
def test_health(before, now, goal, status):
    [row] = health(technique(*before, goal), technique(*now, goal))
    assert row.status == status
    assert (row.p is None) is (status == "too few")
    assert row.is_weak is (goal == "app")


def test_p_values_are_corrected_for_the_number_of_techniques():
    """A drop that counts as stopped alone is only "weaker?" among thirty others."""
    alone = health(technique(20, 40), technique(2, 14))
    steady = [row for number in range(30) for row in technique(20, 40, name=f"way{number:02}")]
    among = health(technique(20, 40) + steady, technique(2, 14) + steady)
    assert [row.status for row in alone] == ["stopped"]
    assert [row.status for row in among][:2] == ["weaker?", "steady"], "the worst comes first"
    assert among[0].p > alone[0].p
