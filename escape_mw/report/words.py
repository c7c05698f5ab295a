"""The sentences of the report, shared by its text, HTML and JSON."""

from __future__ import annotations

import math

from .figures import (
    Names,
    audience,
    chance,
    change,
    count,
    date,
    goal,
    percent,
    points,
    share,
    visits,
)
from .health import Health
from .power import Arms
from .readings import Reading
from .statistics import ENOUGH, Share
from .summary import Summary

HOW_TO_READ = (
    "Every number counts visits, not people. One visitor's visits of a day are in the same arm, but each is counted as if it were "
    "independent of the others; where many visitors come back within a day, the intervals are narrower than they should be.",
    "Eligible: a rule would act on the visit. It is recorded before the arms are split.",
    "Left: the page was hidden within its time. That is weak: something opened, or the visitor went elsewhere. Who arrived has left as well.",
    "Arrived: the marker came back from a visitor in no webview. That is proof, and only the real browser can give it: "
    "the music app never reports back, so its arrivals are unknown, not nought.",
    "The range beside a rate is its 95% interval (Wilson).",
)
HOW_TO_READ_LIFT = (
    "Both arms are compared over every eligible visit, whatever was tried on it (intention to treat). Where a site reports several outcomes, "
    "decide beforehand which of them counts: among many, one will look better by chance.",
    "To look every day until something shows is peeking, and it finds lifts that are not there. The interval for one look (Newcombe) "
    "holds if it is read once, at the planned size; the always-valid one (Waudby-Smith and others) holds however often it is looked at, "
    "and is wider for it.",
)
TALLIES = {
    "eligible": "visits of people who asked not to be followed (GPC, DNT): counted as eligible, and nothing more",
    "repeat": "repeats: the same step of the same visit came again and was not counted again",
    "forged": "reports that nobody signed: refused",
    "capped": "reports that came too fast: refused",
    "dropped": "events lost, because no sink could take them in time",
}
STATUS = {
    "stopped": "stopped working: look at it today",
    "weaker?": "seems weaker: watch it",
    "steady": "steady",
    "too few": "too few tries to say",
}
BECAUSE = {
    "no-holdout": "nobody is in the holdout",
    "no-escape": "every visit is in the holdout",
    "mismatch": "the arms are not of the sizes that were planned",
    "no-outcomes": "no outcome was recorded",
    "few-outcomes": "there are too few outcomes",
    "too-small": "there are too few visits",
}
TIME_HELPS = {"no-outcomes", "few-outcomes", "too-small"}
SHARE_FROM = {
    "given": "as given",
    "rules": "as in the rules",
    "assumed": "assumed; if another share was planned, say it with --holdout or --rules",
}


def scope(summary: Summary) -> str:
    """The visits that the report covers: rule and period."""
    rule = "every rule" if summary.scope.rule is None else f"rule {summary.scope.rule!r}"
    when = (
        ""
        if summary.first is None or summary.last is None
        else f", {date(summary.first)} to {date(summary.last)} (UTC)"
    )
    return f"{rule[0].upper()}{rule[1:]}{when}"


def headline(summary: Summary) -> list[str]:
    """The main results."""
    if summary.first is None:
        since = f" since {date(summary.scope.since)}" if summary.scope.since else ""
        rule = "" if summary.scope.rule is None else f" by rule {summary.scope.rule!r}"
        return [f"No eligible visit was recorded{rule}{since}, so there is nothing to report."]
    return [*_reached(summary), *(verdict(reading) for reading in summary.readings)]


def _reached(summary: Summary) -> list[str]:
    browser, app = summary.total("browser"), summary.total("app")
    sentences = []
    if browser and browser.arrived and browser.eligible:
        sentences.append(
            f"Of {visits(browser.eligible)} from inside an app, meant for the real browser, {_share(browser.arrived)} arrived there."
        )
    if app and app.eligible:
        whole = (
            f"{count(app.eligible)} more"
            if sentences
            else f"{visits(app.eligible)} from inside an app"
        )
        sentences.append(
            f"Of {whole}, meant for a music app, {_share(app.left)} left the page; whether they arrived, no music app ever reports."
        )
    return sentences


def _share(value: Share) -> str:
    return f"{count(value.count)} ({share(value)})"


def warnings(summary: Summary, names: Names) -> list[str]:
    """Problems that need attention."""
    sentences = [
        f"{audience(row, names)}, {goal(row.goal)}: {row.technique} {STATUS[row.status]} ({_drop(row)})."
        for row in summary.health
        if row.status == "stopped"
    ]
    if summary.tallies["dropped"]:
        sentences.append(
            f"{count(summary.tallies['dropped'])} events were lost before they could be written, so every figure here is too low."
        )
    return sentences


def _drop(row: Health) -> str:
    what = "left" if row.is_weak else "arrived"
    return f"{percent(row.now.rate)} of {count(row.now.of)} tries {what} in the last week, {percent(row.before.rate)} in the four weeks before"


def verdict(reading: Reading) -> str:
    """The lift in one or two sentences, or that there is none."""
    name = f"Experiment {reading.experiment}{f', {reading.outcome}' if reading.outcome else ''}"
    if reading.lift is None:
        return f"{name}: no lift can be read{' yet' if reading.blocked_by in TIME_HELPS else ''}, because {BECAUSE[reading.blocked_by]}."
    lift = reading.lift
    rates = f"{percent(reading.escape.rate)} of visits with escapes, {percent(reading.holdout.rate)} of those held out"
    if not lift.interval.excludes(0):
        low, high = (points(value) for value in lift.interval)
        return f"{name}: no difference was found: {rates}. It lies between {low} and {high} percentage points."
    low, high = (change(value) for value in lift.ratio_interval)
    return f"{name}: {change(lift.ratio)} with escapes (between {low} and {high}): {rates}."


def why_no_lift(reading: Reading) -> str:
    """Why there is no lift, and what it would take; "" if there is one."""
    escape, holdout = reading.escape, reading.holdout
    match reading.blocked_by:
        case "no-holdout":
            return (
                "Only visits with escapes were recorded, so there is nothing to compare them with."
            )
        case "no-escape":
            return "Only visits in the holdout were recorded, so there is nothing to compare them with."
        case "mismatch":
            return (
                f"{visits(escape.of)} had escapes and {count(holdout.of)} were held out, where {percent(reading.share)} should be "
                f"({SHARE_FROM[reading.share_from]}). Chance alone does that in fewer than one of 1,000 experiments, so something loses or adds "
                "visits in one arm: a share that was changed on the way, a cache, a robot. Until it is found, no comparison can be trusted."
            )
        case "no-outcomes":
            return f"No outcome was recorded in {visits(reading.visits)}. The site says so with escape_mw.record(name, visit)."
        case "few-outcomes":
            return (
                f"Each arm needs {ENOUGH} visits with the outcome and {ENOUGH} without; with escapes there are {count(escape.count)} and "
                f"{count(escape.of - escape.count)}, held out {count(holdout.count)} and {count(holdout.of - holdout.count)}. {_size(reading)}{_wait(reading)}"
            )
        case "too-small":
            return f"{_size(reading)}{_wait(reading)}{_smallest(reading)}"
    return ""


def size(reading: Reading) -> str:
    """The sample's size against the needed one, and the smallest lift it could have shown."""
    return f"{_size(reading)}{_smallest(reading)}"


def sample_ratio(reading: Reading) -> str:
    """The arms' sizes against the plan."""
    found = percent(reading.holdout.of / reading.visits)
    source = SHARE_FROM[reading.share_from]
    return f"Sample ratio: {percent(reading.share)} planned for the holdout ({source}), {found} found; p {_p(reading)}."


def _size(reading: Reading) -> str:
    """The sample's size against the needed one."""
    if reading.needed is None:
        return f"{visits(reading.visits)}."
    source = (
        "as planned"
        if reading.is_planned
        else f"to find {change(1 + reading.target)} over the holdout's {percent(reading.holdout.rate)}"
    )
    if reading.visits >= reading.needed:
        return f"{visits(reading.visits)}; {count(reading.needed)} were needed {source}."
    return (
        f"{count(reading.visits)} of the {count(reading.needed)} visits that are needed {source}."
    )


def _wait(reading: Reading) -> str:
    """The time until the needed size is reached."""
    if reading.needed is None:
        return ""
    if reading.days_left is None:
        return " No visit came in the last week, so nobody can tell when that will be."
    days = "one more day" if reading.days_left == 1 else f"{count(reading.days_left)} more days"
    return (
        f" At {reading.pace:,.0f} visits a day the {count(reading.needed)} take {days}."
        if reading.days_left
        else ""
    )


def _smallest(reading: Reading) -> str:
    if reading.smallest is None:
        return ""
    return f" A lift of {change(1 + reading.smallest)} or more would have been found with 80% certainty."


def _p(reading: Reading) -> str:
    p = chance(reading.mismatch)
    return p if p.startswith("<") else f"= {p}"


def planned_size(
    arms: Arms, baseline: float, lift: float, power: float, alpha: float, per_day: float | None
) -> list[str]:
    """The size of a future experiment, and what it can show."""
    sentences = [
        f"{count(arms.visits)} eligible visits: {count(arms.escape)} with escapes, {count(arms.holdout)} held out.",
        f"They find {percent(baseline * (1 + lift))} beside {percent(baseline)} ({change(1 + lift)}) with {power:.0%} certainty, "
        f"and find a difference where there is none in {alpha:.0%} of experiments.",
        f"Read it once, when they have come: escape-mw report --planned {arms.visits}",
    ]
    return [
        sentences[0],
        *(
            [
                f"At {per_day:,.0f} visits a day that takes {count(math.ceil(arms.visits / per_day))} days."
            ]
            if per_day
            else []
        ),
        *sentences[1:],
    ]
