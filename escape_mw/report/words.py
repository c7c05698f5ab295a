"""The sentences of the report, shared by its text, HTML and JSON."""

from __future__ import annotations

import math

from ..web.days import date_of
from .figures import (
    Names,
    audience,
    chance,
    change,
    count,
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
    "Every number counts visits, not people. Each visit is assigned to an arm by itself: a visitor "
    "who comes back may be in both.",
    "Eligible: a rule would act on the visit. This is recorded before an experiment assigns an "
    "arm.",
    "Left: the page was hidden while the hand-off was under way. That is weak evidence: "
    "something opened, or the visitor went elsewhere. A visit that arrived counts as left, too.",
    "Arrived: the marker came back from a visitor who is not in a webview. That is proof, and only "
    "the real browser can give it: the music app never reports back, so its arrivals are unknown, "
    "not zero.",
    "The range next to a rate is its 95% interval (Wilson).",
)
HOW_TO_READ_LIFT = (
    "Both arms are compared over all their eligible visits, whatever was tried on them (intention "
    "to treat). Where a site reports several outcomes, decide beforehand which of them counts: "
    "among many, one will look better by chance.",
    "Looking every day until a difference shows is peeking. It finds lifts that do not exist. The "
    "interval for one look (Newcombe) is valid if it is read once, at the planned size. The "
    "always-valid interval (Waudby-Smith and others) is valid however often it is read, and is "
    "wider for that reason.",
)
TALLIES = {
    "eligible": "visits with a privacy signal (GPC, DNT): only counted as eligible",
    "repeat": "repeats: the same stage of the same visit was reported again and not counted again",
    "forged": "reports without a valid signature: rejected",
    "capped": "reports above the rate limit: rejected",
    "dropped": "events lost because no sink could take them in time",
}
STATUS = {
    "stopped": "stopped working: check it today",
    "weaker?": "seems weaker: watch it",
    "steady": "steady",
    "too few": "too few tries to tell",
}
BECAUSE = {
    "no-holdout": "no visit is in the holdout",
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
    "assumed": "assumed; if another share was planned, give it with --holdout or --rules",
}


def scope(summary: Summary) -> str:
    """The visits that the report covers: rule and period."""
    rule = "every rule" if summary.scope.rule is None else f"rule {summary.scope.rule!r}"
    when = (
        ""
        if summary.first is None or summary.last is None
        else f", {date_of(summary.first)} to {date_of(summary.last)} (UTC)"
    )
    return f"{rule[0].upper()}{rule[1:]}{when}"


def headline(summary: Summary) -> list[str]:
    """The main results."""
    if summary.first is None:
        since = f" since {date_of(summary.scope.since)}" if summary.scope.since else ""
        rule = "" if summary.scope.rule is None else f" by rule {summary.scope.rule!r}"
        return [f"No eligible visit was recorded{rule}{since}, so there is nothing to report."]
    return [*_reached(summary), *(verdict(reading) for reading in summary.readings)]


def _reached(summary: Summary) -> list[str]:
    browser, app = summary.total("browser"), summary.total("app")
    sentences = []
    if browser and browser.arrived and browser.eligible:
        sentences.append(
            f"Of {visits(browser.eligible)} from inside an app, meant for the real browser, "
            f"{_share(browser.arrived)} arrived there."
        )
    if app and app.eligible:
        whole = (
            f"{count(app.eligible)} more"
            if sentences
            else f"{visits(app.eligible)} from inside an app"
        )
        sentences.append(
            f"Of {whole}, meant for a music app, {_share(app.left)} left the page. "
            "Music apps never report back, so it is unknown how many arrived."
        )
    return sentences


def _share(value: Share) -> str:
    return f"{count(value.count)} ({share(value)})"


def warnings(summary: Summary, names: Names) -> list[str]:
    """Problems that need attention."""
    sentences = [
        f"{audience(row, names)}, {goal(row.goal)}: {row.technique} "
        f"{STATUS[row.status]} ({_drop(row)})."
        for row in summary.health
        if row.status == "stopped"
    ]
    if summary.tallies["dropped"]:
        sentences.append(
            f"{count(summary.tallies['dropped'])} events were lost before they could be written, "
            "so every figure here is too low."
        )
    if rivals(summary.tallies["forged"], summary.eligible):
        sentences.append(
            f"{count(summary.tallies['forged'])} reports had no valid signature, beside "
            f"{count(summary.eligible)} eligible visits: either processes have different secrets, "
            "and every figure but the eligible visits is too low, or somebody sends forged reports."
        )
    return sentences


def rivals(forged: int, eligible: int) -> bool:
    """Whether forged reports are too many for chance: ten at least, and a tenth of the visits."""
    return forged >= max(10, eligible / 10)


def _drop(row: Health) -> str:
    what = "left" if row.is_weak else "arrived"
    return (
        f"{percent(row.now.rate)} of {count(row.now.of)} tries {what} in the last week, "
        f"{percent(row.before.rate)} in the four weeks before"
    )


def verdict(reading: Reading) -> str:
    """The lift in one or two sentences, or that there is none."""
    name = f"Experiment {reading.experiment}{f', {reading.outcome}' if reading.outcome else ''}"
    if reading.lift is None:
        yet = " yet" if reading.blocked_by in TIME_HELPS else ""
        return f"{name}: no lift can be read{yet}, because {BECAUSE[reading.blocked_by]}."
    lift = reading.lift
    rates = (
        f"{percent(reading.escape.rate)} of visits with escapes, "
        f"{percent(reading.holdout.rate)} of those held out"
    )
    if not lift.interval.excludes(0):
        low, high = (points(value) for value in lift.interval)
        return (
            f"{name}: no difference was found: {rates}. "
            f"The 95% interval of the difference is {low} to {high} percentage points."
        )
    low, high = (change(value) for value in lift.ratio_interval)
    return f"{name}: {change(lift.ratio)} with escapes (between {low} and {high}): {rates}."


def why_no_lift(reading: Reading) -> str:
    """Why a lift cannot be given yet, and what would help; "" if it can."""
    escape, holdout = reading.escape, reading.holdout
    match reading.blocked_by:
        case "no-holdout":
            return "Only visits with escapes were recorded. There is nothing to compare them with."
        case "no-escape":
            return "Only held-out visits were recorded. There is nothing to compare them with."
        case "mismatch":
            return (
                f"{visits(escape.of)} had escapes and {count(holdout.of)} were held out, although "
                f"{percent(reading.share)} was planned for the holdout "
                f"({SHARE_FROM[reading.share_from]}). Chance alone causes that in fewer than one "
                "of 1,000 experiments, so something removes or adds visits in one arm: a share "
                "that was changed during the experiment, a cache, or a bot. No comparison can be "
                "trusted until the cause is found."
            )
        case "no-outcomes":
            return (
                f"No outcome was recorded in {visits(reading.visits)}. "
                "The site reports an outcome with escape_mw.record(name, visit)."
            )
        case "few-outcomes":
            return (
                f"Each arm needs {ENOUGH} visits with the outcome and {ENOUGH} without. "
                f"With escapes there are {count(escape.count)} and "
                f"{count(escape.of - escape.count)}, "
                f"held out {count(holdout.count)} and {count(holdout.of - holdout.count)}. "
                f"{_size(reading)}{_wait(reading)}"
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
    return (
        f"Sample ratio: {percent(reading.share)} planned for the holdout ({source}), "
        f"{found} found; p {_p(reading)}."
    )


def _size(reading: Reading) -> str:
    """The sample's size against the needed one."""
    if reading.needed is None:
        return f"{visits(reading.visits)}."
    rate = percent(reading.holdout.rate)
    source = (
        "as planned"
        if reading.is_planned
        else f"to find {change(1 + reading.target)} over the holdout's {rate}"
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
        return " No visit came in the last week, so it is unknown when that size will be reached."
    if not reading.days_left:
        return ""
    days = "one more day" if reading.days_left == 1 else f"{count(reading.days_left)} more days"
    return f" At {reading.pace:,.0f} visits a day, reaching {count(reading.needed)} takes {days}."


def _smallest(reading: Reading) -> str:
    if reading.smallest is None:
        return ""
    smallest = change(1 + reading.smallest)
    return f" A lift of {smallest} or more would have been found with 80% certainty."


def _p(reading: Reading) -> str:
    p = chance(reading.mismatch)
    return p if p.startswith("<") else f"= {p}"


def planned_size(
    arms: Arms, baseline: float, lift: float, power: float, alpha: float, per_day: float | None
) -> list[str]:
    """The size of a future experiment, and what it can show."""
    size = (
        f"{count(arms.visits)} eligible visits: {count(arms.escape)} with escapes, "
        f"{count(arms.holdout)} held out."
    )
    days = per_day and (
        f"At {per_day:,.0f} visits a day that takes {count(math.ceil(arms.visits / per_day))} days."
    )
    meaning = (
        f"They find {percent(baseline * (1 + lift))} beside {percent(baseline)} "
        f"({change(1 + lift)}) with {power:.0%} certainty, and find a difference where there is "
        f"none in {alpha:.0%} of experiments."
    )
    advice = f"Read the report once, at that size: escape-mw report --planned {arms.visits}"
    return [size, *([days] if days else []), meaning, advice]
