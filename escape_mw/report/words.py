"""The sentences of the report, shared by its text, HTML and JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ..web.days import date_of
from .figures import Names, audience, change, count, share, visits
from .funnel import Line
from .health import Health
from .sentences import verdict
from .statistics import Share
from .summary import Before, Summary

PRIVACY = "This report holds counts only; it names no visitor."
NOTHING_TO_DO = "Nothing to do."
NAMED = 3  # host apps in a sentence
SHOWN = 12  # rows of a chart, and of the table of a dimension in text
HOW_TO_READ = (
    "Every number counts visits, not people. Each visit is assigned to an arm by itself: a visitor "
    "who comes back may be in both.",
    "Eligible: a rule would act on the visit. This is recorded before an experiment assigns an "
    "arm.",
    "Left: the page was hidden while the hand-off was under way. That is weak evidence: "
    "something opened, or the visitor went elsewhere. A visitor who is back within 20 seconds has "
    "not left. A visit that arrived counts as left, too.",
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
RATES = (
    "A host app's rates are of its eligible visits. A technique's rates of visits that left and "
    "arrived are of the visits in which it was tried."
)
UNTRIED = (
    "No experiment ran, so it is unknown what escapes add. A holdout (experiment: in a rule) tells."
)
TALLIES = {
    "eligible": "visits with a privacy signal (GPC, DNT): only counted as eligible",
    "repeat": "repeats: the same stage of the same visit was reported again and not counted again",
    "forged": "reports without a valid signature: rejected",
    "capped": "reports above the rate limit: rejected",
    "dropped": "events lost because no sink could take them in time",
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


def happened(summary: Summary, names: Names) -> list[str]:
    """What happened: the visits, how far they came, and what the experiments show."""
    if summary.first is None:
        since = f" since {date_of(summary.scope.since)}" if summary.scope.since else ""
        until = f" before {date_of(summary.scope.until)}" if summary.scope.until else ""
        rule = "" if summary.scope.rule is None else f" by rule {summary.scope.rule!r}"
        return [
            f"No eligible visit was recorded{rule}{since}{until}, so there is nothing to report."
        ]
    return [
        *_reached(summary),
        *_origins(summary, names),
        *_compared(summary.before),
        *(map(verdict, summary.readings) if summary.readings else [UNTRIED]),
    ]


def _reached(summary: Summary) -> Iterator[str]:
    browser, app = summary.total("browser"), summary.total("app")
    if browser and browser.arrived and browser.eligible:
        yield (
            f"Of {visits(browser.eligible)}{_than(browser, summary)} from inside an app, meant for "
            f"the real browser, {_share(browser.arrived)} arrived there"
            f"{_than(browser, summary, 'arrived')}."
        )
    if app and app.eligible:
        more = browser and browser.eligible
        whole = f"{count(app.eligible)} more" if more else visits(app.eligible)
        origin = "" if more else " from inside an app"
        yield (
            f"Of {whole}{_than(app, summary)}{origin}, meant for a music app, {_share(app.left)} "
            f"left the page{_than(app, summary, 'left')}. "
            "Music apps never report back, so it is unknown how many arrived."
        )


def _share(value: Share) -> str:
    return f"{count(value.count)} ({share(value)})"


def _than(line: Line, summary: Summary, stage: str = "") -> str:
    """The earlier figure: " (before: 1,010, +19%)", of a stage " (before: 400, 39.6%)"; or ""."""
    if summary.before is None or not summary.before.totals:
        return ""
    before = summary.before.totals.get(line.goal)
    if before is None or not before.eligible:
        return "" if stage else " (before: 0)"
    if stage:
        value = getattr(before, stage)
        return f" (before: {count(value.count)}, {share(value)})"
    return f" (before: {count(before.eligible)}, {change(line.eligible / before.eligible)})"


def _compared(before: Before | None) -> Iterator[str]:
    """Which period the earlier figures are of."""
    if before is not None:
        period = f"{date_of(before.scope.since)} to {date_of(before.scope.until - 1)}"
        yield (
            f"Before: {period}, a period of the same length."
            if before.totals
            else f"From {period} no visit was recorded, so there is nothing to compare with."
        )


def _origins(summary: Summary, names: Names) -> Iterator[str]:
    """The host apps with the most visits."""
    found: Counter[str] = Counter()
    for funnel in summary.funnels:
        for line in funnel.lines:
            found[audience(line, names)] += 0 if line.technique else line.eligible
    most = [(name, number) for name, number in found.most_common(NAMED) if number]
    if rest := found.total() - sum(number for _, number in most):
        most.append(("others", rest))
    if most:
        yield f"They came from {', '.join(f'{name} ({count(number)})' for name, number in most)}."


def folded(rows: Sequence[Health]) -> list[str]:
    """How many techniques need no line of their own, and why."""
    steady, few = (sum(row.status == status for row in rows) for status in ("steady", "too-few"))
    return [
        *([f"{_techniques(steady, 'is', 'are')} steady."] if steady else []),
        *([f"{_techniques(few, 'has', 'have')} too few visits to tell."] if few else []),
        *([] if rows else ["No technique was shown yet."]),
    ]


def _techniques(number: int, one: str, many: str) -> str:
    return f"1 technique {one}" if number == 1 else f"{count(number)} techniques {many}"
