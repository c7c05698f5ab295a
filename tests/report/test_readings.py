"""What is said of an experiment, from which days."""

from __future__ import annotations

import pytest

from escape_mw.report import sentences
from escape_mw.report.arms import ArmDay, OutcomeDay
from escape_mw.report.charts import lift_chart
from escape_mw.report.counts import DAY, AppCount, TechniqueCount
from escape_mw.report.daily import Daily, Series, daily
from escape_mw.report.funnel import funnels
from escape_mw.report.readings import SETTLING, Plan, analyse
from escape_mw.report.statistics import Share

TODAY = 20_777
NOW = TODAY * DAY + 12 * 3600


def reading(escape, holdout, plan=None, days=10, planned=0, **more):
    """The reading of an experiment whose visits came evenly over the last closed days.

    `more` are fields of its days.
    """
    parts = [
        Daily(
            TODAY - SETTLING - days + number,
            *(
                Share(count * (number + 1) // days, of * (number + 1) // days)
                for count, of in (escape, holdout)
            ),
            **more,
        )
        for number in range(days)
    ]
    return analyse(Series("oct", "presave", parts, planned), plan or Plan(), NOW)


MISSING = [
    pytest.param(
        (0, 100),
        (0, 0),
        "no-holdout",
        "nothing to compare. Every visit had an escape, and none was held out.",
        id="no holdout",
    ),
    pytest.param(
        (0, 0),
        (9, 100),
        "no-escape",
        "nothing to compare. Every visit was held out, and none had an escape.",
        id="no escapes",
    ),
    pytest.param(
        (900, 5200),
        (500, 4700),
        "refused",
        "no result, for the two groups do not have the planned sizes. 50.0% of visits should have "
        "been held out (assumed; if another share was planned, give it with --holdout or --rules); "
        "47.5% of 9,900 were. Chance does that in fewer than 1 of 200 sound experiments",
        id="arms of other sizes",
    ),
    pytest.param(
        (0, 500),
        (0, 510),
        "no-outcomes",
        "too early to say. No outcome was recorded in 1,010 visits.",
        id="no outcome",
    ),
    pytest.param(
        (30, 100),
        (9, 100),
        "too-early",
        "too early to say. Of 200 visits so far, one of the two groups has 9 with presave; "
        "each needs at least 10.",
        id="nine outcomes held out",
    ),
    pytest.param(
        (95, 100),
        (80, 100),
        "too-early",
        "one of the two groups has 5 without presave; each needs at least 10.",
        id="five without",
    ),
]


@pytest.mark.parametrize(("escape", "holdout", "said", "sentence"), MISSING)
def test_no_lift_is_read(escape, holdout, said, sentence):
    found = reading(escape, holdout)
    assert found.said == said
    assert found.lift is None
    assert sentence in sentences.verdict(found)
    assert lift_chart(found) is None


NO_HINTS = "no result. Visits on Android without client hints (programs, old browsers) are not"
FAST = "no result. Outcomes that came within a second of the visit are not split"
PROGRAMS = [
    pytest.param({"hintless": (60, 60)}, "", "", id="as many bots in either arm"),
    pytest.param({"hintless": (120, 2)}, "hints", NO_HINTS, id="bots in the escape arm"),
    pytest.param({"hintless": (2, 120)}, "hints", NO_HINTS, id="bots in the holdout"),
    pytest.param({"hintless": (5, 0)}, "", "", id="five are chance"),
    pytest.param({"hasty": (0, 60)}, "hasty", FAST, id="no visitor pre-saves at once"),
    pytest.param({"hasty": (0, 3)}, "", "", id="a few fast ones do not matter"),
]


@pytest.mark.parametrize(("more", "reason", "sentence"), PROGRAMS)
def test_a_lift_among_programs_is_not_sound(more, reason, sentence):
    found = reading((140, 700), (70, 700), **more)
    assert (found.said, found.refused_for) == ("refused" if reason else "better", reason)
    assert (found.lift is None) == bool(reason)
    assert sentence in sentences.verdict(found)
    assert "client hints" in sentences.programs(found)


def test_who_arrived_chose_so():
    """Only held out against with escapes is causal: the other groups are not compared."""
    found = reading((140, 700), (70, 700), arrived=Share(120, 300))
    assert (found.arrived, found.stayed) == (Share(120, 300), Share(20, 400))
    assert "chose so themselves" in sentences.groups(found)
    assert not sentences.groups(reading((140, 700), (70, 700)))


READ = [
    pytest.param(
        (140, 700),
        (70, 700),
        0,
        "escapes do better: about 70 more visits ended in presave than without them (30 to 110, at "
        "95% confidence). That is between 33% and 202% more (now 100%): of 1,000 visits with "
        "escapes 200 end in presave, of 1,000 held out 100. "
        "You may look every day; that is allowed for.",
        id="more",
    ),
    pytest.param(
        (30, 700),
        (75, 700),
        0,
        "escapes do worse: about 45 fewer visits ended in presave than without them (15 to 77, at "
        "95% confidence). That is between 24% and 79% fewer (now 60%): of 1,000 visits with "
        "escapes 43 end in presave, of 1,000 held out 107.",
        id="fewer",
    ),
    pytest.param(
        (75, 700),
        (70, 700),
        0,
        "no difference seen so far: of 1,000 visits with escapes 107 end in presave, of 1,000 held "
        "out 100. The true effect may be anything from 43 fewer to 58 more in 1,000.",
        id="no difference",
    ),
    pytest.param(
        (300, 70_000),
        (100, 70_000),
        0,
        "of 10,000 visits with escapes 43 end in presave, of 10,000 held out 14.",
        id="rare outcomes",
    ),
    pytest.param(
        (100, 700),
        (70, 700),
        1400,
        "planned size reached on 2026-11-17, so this result is final; escapes do better: ",
        id="a plan that is reached",
    ),
    pytest.param(
        (75, 700),
        (70, 700),
        1400,
        "so this result is final; no difference found: ",
        id="a plan that is reached, without a difference",
    ),
    pytest.param(
        (100, 650),
        (70, 650),
        1400,
        "too early to say: 1,300 of 1,400 planned visits. The result comes with the last of them.",
        id="a plan that is not",
    ),
    pytest.param(
        (250, 650),
        (70, 650),
        1400,
        "before the planned size, but beyond doubt, escapes do better: ",
        id="beyond doubt",
    ),
]


@pytest.mark.parametrize(("escape", "holdout", "planned", "sentence"), READ)
def test_a_lift_is_read(escape, holdout, planned, sentence):
    assert sentence in sentences.verdict(reading(escape, holdout, planned=planned))


def test_only_closed_days_are_read():
    """Outcomes of the last days are still on their way, and those after an escape come later."""
    rows = [
        Daily(TODAY - ago, Share(90 - ago, 900), Share(80 - ago, 880)) for ago in range(5, -1, -1)
    ]
    found = analyse(Series("oct", "presave", rows), Plan(), NOW)
    assert (found.escape, found.holdout) == (Share(87, 900), Share(77, 880))
    assert len(found.days) == 3


def test_before_a_day_is_closed_nothing_is_said():
    found = analyse(
        Series("oct", "presave", [Daily(TODAY - 2, Share(90, 900), Share(80, 880))]), Plan(), NOW
    )
    assert (found.said, found.visits, found.waiting) == ("no-day", 0, 1780)
    assert "1,780 visits of days that are not closed yet are not read." in sentences.verdict(found)


def test_a_plan_s_result_is_that_of_its_day():
    found = reading((150, 1400), (140, 1400), planned=1500)
    assert found.reached == TODAY - SETTLING - 5
    assert (found.escape, found.holdout) == (Share(90, 840), Share(84, 840))
    assert found.days[-1][0].day == found.reached


HOLDOUTS = [
    pytest.param(Plan(), 0.5, "assumed", id="neither given nor in the rules"),
    pytest.param(Plan(holdouts={"oct": 0.2}), 0.2, "rules", id="from the rules"),
    pytest.param(
        Plan(holdouts={"another": 0.2}), 0.5, "assumed", id="the rules name another experiment"
    ),
    pytest.param(
        Plan(holdout=0.1, holdouts={"oct": 0.2}),
        0.1,
        "given",
        id="given, despite the rules",
    ),
]


@pytest.mark.parametrize(("plan", "share", "source"), HOLDOUTS)
def test_planned_holdout(plan, share, source):
    found = reading((120, 800), (20, 200), plan)
    assert (found.share, found.share_from) == (share, source)
    assert (found.said == "refused") is (share != 0.2)


PACES = [
    pytest.param(20, 60.0, id="the last week"),
    pytest.param(3, 40.0, id="all there are"),
]


@pytest.mark.parametrize(("ago", "pace"), PACES)
def test_pace(ago, pace):
    """Of whole days, closed or not."""
    arm = [Share(3 * at, 30 * at) for at in range(ago)]
    rows = [Daily(TODAY - ago + at, share, share) for at, share in enumerate(arm)]
    found = analyse(Series("oct", "presave", rows, 1000), Plan(), NOW)
    assert found.pace == pace


def test_how_long_a_plan_takes():
    found = reading((40, 300), (30, 300), planned=1000, days=7)
    assert found.pace == pytest.approx(600 / 7 * 5 / 7, rel=0.01)
    assert found.days_left == 7
    assert (
        "600 of 1,000 planned visits so far. At 61 visits a day, reaching 1,000 takes 7 more"
        in (sentences.size(found))
    )


def test_an_experiment_that_has_ended():
    found = analyse(
        Series("oct", "presave", [Daily(TODAY - 40, Share(40, 300), Share(30, 300))]), Plan(), NOW
    )
    assert found.days_left is None
    assert "No visit came in the last week" in sentences.size(found)


def test_a_high_rate_has_a_smaller_target():
    found = reading((400, 500), (400, 500))
    assert found.target == pytest.approx(0.125)
    assert "+12% over the holdout's 80.0% is found by " in sentences.size(found)


def arm(name, day, visits, version="1", planned=0, rule="pre-save", experiment="e"):
    return ArmDay(experiment, rule, version, planned, name, day, visits, day * DAY)


def outcome(word, name, day, successes, version="1"):
    return OutcomeDay("e", "pre-save", version, word, name, day, successes)


def test_days_add_up_without_a_gap():
    arms = [arm("escape", 5, 10), arm("holdout", 5, 8), arm("escape", 8, 1)]
    outcomes = [
        outcome("follow", "escape", 5, 2),
        outcome("presave", "holdout", 5, 3),
        outcome("follow", "escape", 8, 1),
    ]
    assert list(daily(arms, outcomes)) == [
        Series(
            "e",
            "follow",
            tuple(
                Daily(day, Share(2 + (day == 8), 10 + (day == 8)), Share(0, 8))
                for day in range(5, 9)
            ),
        ),
        Series(
            "e",
            "presave",
            tuple(Daily(day, Share(0, 10 + (day == 8)), Share(3, 8)) for day in range(5, 9)),
        ),
    ]


def test_an_experiment_without_an_outcome_is_included():
    assert [series[:2] for series in daily([arm("escape", 5, 10)], [])] == [("e", "")]


def test_a_change_of_the_rule_begins_the_experiment_anew():
    """And so does a plan that is made later: no visit counts that somebody may have seen before."""
    arms = [
        *(arm(name, day, 100) for name in ("escape", "holdout") for day in (5, 6)),
        *(arm(name, 6, 30, "2", planned=900) for name in ("escape", "holdout")),
        arm("escape", 4, 7, rule="another"),
    ]
    outcomes = [outcome("presave", "escape", 6, 50), outcome("presave", "escape", 6, 3, "2")]
    [series] = daily(arms, outcomes)
    assert (series.planned, series.earlier) == (900, 400)
    assert [day.day for day in series.days] == [4, 5, 6], "the other rule has not changed"
    assert series.days[-1] == Daily(6, Share(3, 37), Share(0, 30))
    found = analyse(series, Plan(), NOW)
    assert "The rule was changed, so the experiment began anew on 1970-01-05: 400 visits" in (
        sentences.begun(found)
    )


def test_chart():
    chart = lift_chart(reading((120, 700), (70, 700)))
    places = [
        tuple(map(float, point.split(",")))
        for points in (chart.line, chart.band)
        for point in points.split()
    ]
    assert all(chart.left <= x <= chart.right and chart.top <= y <= chart.bottom for x, y in places)
    assert [label for _, label in chart.columns] == ["2026-11-09", "2026-11-17"], (
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


MORE = [
    pytest.param((140, 700), (70, 700), "better", id="more"),
    pytest.param((30, 700), (75, 700), "worse", id="fewer"),
    pytest.param((280, 1400), (70, 700), "better", id="in the visits with escapes alone"),
]


@pytest.mark.parametrize(("escape", "holdout", "said"), MORE)
def test_the_lift_in_visits_is_the_difference_times_the_visits_with_escapes(escape, holdout, said):
    found = reading(escape, holdout, Plan(holdout=holdout[1] / (escape[1] + holdout[1])))
    assert (found.said, found.lift is None) == (said, False)
    now, low, high = found.more
    assert now == pytest.approx(escape[0] - holdout[0] * escape[1] / holdout[1])
    assert (low, high) == pytest.approx([limit * escape[1] for limit in found.lift.interval])


def test_without_a_difference_no_number_of_visits_is_said():
    assert reading((75, 700), (70, 700)).more is None
