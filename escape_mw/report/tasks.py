"""What to do: a task for each thing that is wrong, with what mends it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .figures import Names, audience, count, day, goal, percent, share, visits
from .health import Health
from .summary import Summary

MENU = "menu"  # in words; it ends every ladder, and cannot be switched off
STATUS = {
    "stopped": "stopped working",
    "never-worked": "has never worked",
    "steady": "steady",
    "too-few": "too few visits to tell",
}
CHECK = {"stopped": " Check it on a phone today.", "never-worked": ""}
UNEVEN = "find what adds or removes visits in a group, then start again under a new name."
TRIALS = {
    "sizes": UNEVEN,
    "hints": UNEVEN,
    "hasty": "record {outcome} only after something that the visitor does.",
    "holdout": (
        "{tried} held out for comparison had an escape all the same. Find what gave it, a second "
        "middleware or a cache, then start again under a new name."
    ),
    "worse": "escapes do worse, so let the rule's visits pass, or change what its page says.",
    "no-outcomes": "no outcome was recorded. The site reports it: escape_mw.record(name, visit).",
}


class Task(NamedTuple):
    """One thing to do. `line` is what to paste into the rules, "" if that mends nothing.

    `kind` is "holdout" (held-out visits had an escape), "lost", "forged", the status of a technique
    ("stopped", "never-worked"), or what is said of an experiment ("refused", "worse",
    "no-outcomes").
    """

    kind: str
    sentence: str
    line: str = ""


def tasks(summary: Summary, names: Names) -> list[Task]:
    """Everything that there is to do, what is most urgent first."""
    techniques = (_technique(row, names) for row in summary.health if row.status in CHECK)
    found = [*techniques, *dict.fromkeys(_trials(summary)), *_losses(summary)]
    return sorted(found, key=lambda task: task.kind != "holdout")


def override(row: Health) -> str:
    """The line of the rules that switches a technique off; "" where none can."""
    if not row.app or row.technique == MENU:
        return ""
    return (
        f"{{app: {row.app}, platform: {row.platform}, goal: {row.goal}, "
        f"technique: {row.technique}, enabled: false}}"
    )


def _technique(row: Health, names: Names) -> Task:
    line = override(row)
    return Task(
        row.status,
        f"{audience(row, names)}, {goal(row.goal)}: {row.technique} {STATUS[row.status]} "
        f"{_drop(row)}.{CHECK[row.status]}"
        f"{' To go on without it, add to techniques:' if line else ''}",
        f"- {line}" if line else "",
    )


def _drop(row: Health) -> str:
    what = "left" if row.is_weak else "arrived"
    if row.since is None or row.before is None:
        return f"({count(row.ever.count)} of {visits(row.ever.of)} {what})"
    return (
        f"since {day(row.since)} ({share(row.now)} of {visits(row.now.of)} {what} in the last "
        f"week, {percent(row.before)} before)"
    )


def _trials(summary: Summary) -> Iterator[Task]:
    """What an experiment needs; two outcomes that need the same have equal tasks."""
    for reading in summary.readings:
        reason = reading.refused_for or reading.said
        if sentence := TRIALS.get(reason):
            tried = visits(reading.read.tried) if reading.read else ""
            told = sentence.format(outcome=reading.outcome, tried=tried)
            kind = "holdout" if reason == "holdout" else reading.said
            yield Task(kind, f"Experiment {reading.experiment}: {told}")


def _losses(summary: Summary) -> Iterator[Task]:
    lost, forged = summary.tallies["dropped"], summary.tallies["forged"]
    if lost:
        yield Task(
            "lost",
            f"{count(lost)} events were lost before they could be written, so every figure here is "
            "too low. The log says why: event sink failed.",
        )
    if rivals(forged, summary.eligible):
        yield Task(
            "forged",
            f"{count(forged)} reports had no valid signature, beside {count(summary.eligible)} "
            "eligible visits: either processes have different secrets, and every figure but the "
            "eligible visits is too low, or somebody sends forged reports. Give every process the "
            "same secret.",
        )


def rivals(forged: int, eligible: int) -> bool:
    """Whether forged reports are too many for chance: ten at least, and a tenth of the visits."""
    return forged >= max(10, eligible / 10)
