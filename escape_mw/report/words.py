"""The sentences of the report, shared by its text, HTML and JSON."""

from __future__ import annotations

from ..web.days import date_of
from .figures import (
    Names,
    audience,
    count,
    day,
    goal,
    percent,
    share,
    visits,
)
from .health import Health
from .sentences import verdict
from .statistics import Share
from .summary import Summary

MENU = "menu"  # in words; it ends every ladder, and cannot be switched off
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
    "You may look every day: the interval (a confidence sequence; Waudby-Smith and others) allows "
    "for it, and in at most 5% of experiments without a difference one is ever said. On the day on "
    "which a difference is first said it is too large on average: go by the range. With a size "
    "planned in advance the result is read once, at that size.",
    "Only closed days are read: a day is closed two days after its end, when outcomes of its "
    "visits have come.",
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
    "never-worked": "has never worked",
    "steady": "steady",
    "too-few": "too few visits to tell",
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
        f"{STATUS[row.status]} ({_drop(row)}).{_cure(row)}"
        for row in summary.health
        if row.status in ("stopped", "never-worked")
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
    if row.since is None or row.before is None:
        return f"{count(row.ever.count)} of {visits(row.ever.of)} {what}"
    return (
        f"since {day(row.since)}: {share(row.now)} of {visits(row.now.of)} {what} in the last "
        f"week, {percent(row.before)} before"
    )


def override(row: Health) -> str:
    """The line of the rules that switches a technique off; "" where none can."""
    if not row.app or row.technique == MENU:
        return ""
    return (
        f"{{app: {row.app}, platform: {row.platform}, goal: {row.goal}, "
        f"technique: {row.technique}, enabled: false}}"
    )


def _cure(row: Health) -> str:
    line = override(row)
    return f" To go on without it, add to techniques: - {line}" if line else ""
