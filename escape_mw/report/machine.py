"""The report for machines: one JSON object with stable keys.

- `report`: the version of this format, 2. Keys may be added within a version, but not removed or
  given another meaning.
- `made`, `first`, `last`: moments in UTC; `first` and `last` are those of the eligible visits, null
  without one. `rule`, `since`, `until`: what was asked for.
- `headline`: sentences. `tasks`: what to do, each with `kind` ("holdout", "stopped",
  "never-worked", "refused", "worse", "no-outcomes", "lost" or "forged"), `sentence` and `line` (to
  paste into the rules, or ""). `warnings`: the same as text.
- `before`: null without a comparison; the earlier period's `since`, `until` and `totals`, for each
  `goal` the counts of a line (below).
- `by`: "app", or the dimension of `parts`, each with `name`, `goal`, the counts of a line, and
  `outcomes`: numbers by name.
- `funnels`: for each `goal` its `lines` and `total`. A line has `app`, `platform`, `technique` (""
  for a host app's own line), `eligible`, `held_out`, and `tried`, `left`, `arrived`: each with
  `count`, `of`, `rate`, `low`, `high` (95 %, Wilson). `arrived` is null for the goal "app".
- `experiments`: one for each `experiment` and `outcome` ("" where none was recorded):
  - `escape` and `holdout`: rates as above; `arrived` and `stayed`: those of the escape arm's visits
    that arrived in the real browser, or did not.
  - `programs`: visits that look like those of programs: `hintless` (on Android, without client
    hints) and `hasty` (with the outcome within a second), each by arm.
  - `sample_ratio`: `planned`, `from`: the holdout's planned share of the visits, and its origin.
  - `size`: `visits`, `waiting` (of days that are not closed, and not in any figure here),
    `earlier` (from before `begun`, when the rule was changed last; in no figure either), `needed`,
    `planned` (null without a plan), `reached` (the day, null before), `target_lift`, `per_day`,
    `days_left`.
  - `said`: "better", "worse", "no-difference", "too-early", "refused", "no-day", "no-holdout",
    "no-escape" or "no-outcomes".
  - `refused_for`: "holdout", "sizes", "hints" or "hasty" where it is refused, else "".
  - `verdict`: the same as a sentence.
  - `more`: how many more escaped visits had the outcome for it: `estimate`, `low`, `high`; null but
    for the first two.
  - `lift`: null but for the first three. It has `difference` and `ratio`, each with `estimate`,
    `low`, `high` (null: unbounded): limits that hold however often they are read, before a planned
    size is reached at 99.9 %; once it is, for the one reading on that day.
  - `days`: the lift at the end of each closed day; empty where `lift` is null.
- `health`: for each technique and major `version` of an `app`: `platform`, `goal`, `technique`,
  `weak` (counted by departures), `before` (the rate of its steady period, null without one), `now`
  and `ever` (`count`, `of`, `rate`; of the last 7 days, and of all), `status` ("stopped",
  "never-worked", "steady", "too-few"), `since` (the day, null unless stopped), `override` (the line
  that switches it off, "" where none can).
- `tallies`: numbers by name: eligible, repeat, forged, capped, dropped.

Rates and lifts are fractions, not percentages.
"""

from __future__ import annotations

import json
import math
from typing import Any

from ..web.days import iso_of
from .daily import Daily
from .figures import Names, day
from .funnel import Line
from .health import Health
from .parts import Part
from .readings import Lift, Reading
from .sentences import verdict
from .statistics import Interval, Share, wilson
from .summary import Before, Summary
from .tasks import override, tasks
from .words import happened

VERSION = 2


def as_json(summary: Summary, names: Names) -> str:
    """The whole report, in the format that this module's docstring describes."""
    found = tasks(summary, names)
    data = {
        "report": VERSION,
        "made": iso_of(summary.made),
        "first": None if summary.first is None else iso_of(summary.first),
        "last": None if summary.last is None else iso_of(summary.last),
        "rule": summary.scope.rule,
        "since": iso_of(summary.scope.since) if summary.scope.since else None,
        "until": iso_of(summary.scope.until) if summary.scope.until else None,
        "headline": happened(summary, names),
        "warnings": [f"{task.sentence} {task.line}".rstrip() for task in found],
        "tasks": [task._asdict() for task in found],
        "before": None if summary.before is None else _before(summary.before),
        "by": summary.by,
        "parts": [_part(part) for part in summary.parts],
        "funnels": [
            {
                "goal": funnel.goal,
                "lines": [_line(line) for line in funnel.lines],
                "total": _line(funnel.total),
            }
            for funnel in summary.funnels
        ],
        "experiments": [_reading(reading) for reading in summary.readings],
        "health": [_health(row) for row in summary.health],
        "tallies": summary.tallies,
    }
    return json.dumps(data, indent=2, allow_nan=False)  # in ASCII, for any terminal


def _before(before: Before) -> dict[str, Any]:
    totals = [{"goal": goal, **_counts(total)} for goal, total in before.totals.items()]
    since, until = before.scope.since, before.scope.until
    return {"since": iso_of(since), "until": iso_of(until), "totals": totals}


def _part(part: Part) -> dict[str, Any]:
    told = {"name": part.name, "goal": part.total.goal, **_counts(part.total)}
    return told | {"outcomes": dict(part.outcomes)}


def _line(line: Line) -> dict[str, Any]:
    keys = {"app": line.app, "platform": line.platform, "technique": line.technique}
    return keys | _counts(line)


def _counts(line: Line) -> dict[str, Any]:
    return {
        "eligible": line.eligible,
        "held_out": line.held_out,
        "tried": _rate(line.tried),
        "left": _rate(line.left),
        "arrived": None if line.arrived is None else _rate(line.arrived),
    }


def _rate(value: Share) -> dict[str, Any]:
    interval = wilson(value)
    return _share(value) | (
        {"low": None, "high": None} if interval is None else _interval(interval)
    )


def _reading(reading: Reading) -> dict[str, Any]:
    return {
        "experiment": reading.experiment,
        "outcome": reading.outcome,
        "escape": _rate(reading.escape),
        "holdout": _rate(reading.holdout),
        "arrived": _rate(reading.arrived),
        "stayed": _rate(reading.stayed),
        "programs": _programs(reading.read),
        "sample_ratio": {"planned": reading.share, "from": reading.share_from},
        "size": _size(reading),
        "said": reading.said,
        "refused_for": reading.refused_for,
        "verdict": verdict(reading),
        "more": reading.more and dict(zip(("estimate", "low", "high"), reading.more, strict=True)),
        "lift": None if reading.lift is None else _lift(reading.lift),
        "days": [{"day": day(at.day), **_lift(lift)} for at, lift in reading.days if lift]
        if reading.lift
        else [],
    }


def _programs(day: Daily | None) -> dict[str, Any]:
    hintless, hasty = (day.hintless, day.hasty) if day else ((0, 0), (0, 0))
    arms = "escape", "holdout"
    return {
        "hintless": dict(zip(arms, hintless, strict=True)),
        "hasty": dict(zip(arms, hasty, strict=True)),
    }


def _size(reading: Reading) -> dict[str, Any]:
    return {
        "visits": reading.visits,
        "waiting": reading.waiting,
        "begun": day(reading.begun),
        "earlier": reading.earlier,
        "needed": reading.needed,
        "planned": reading.planned or None,
        "reached": None if reading.reached is None else day(reading.reached),
        "target_lift": reading.target,
        "per_day": reading.pace,
        "days_left": reading.days_left,
    }


def _lift(lift: Lift) -> dict[str, Any]:
    low, high = lift.ratio_interval
    return {
        "difference": {"estimate": lift.difference, **_interval(lift.interval)},
        "ratio": {
            "estimate": lift.ratio,
            "low": low,
            "high": high if math.isfinite(high) else None,
        },
    }


def _health(row: Health) -> dict[str, Any]:
    return {
        "app": row.app,
        "version": row.version,
        "platform": row.platform,
        "goal": row.goal,
        "technique": row.technique,
        "weak": row.is_weak,
        "before": row.before,
        "now": _share(row.now),
        "ever": _share(row.ever),
        "status": row.status,
        "since": None if row.since is None else day(row.since),
        "override": override(row),
    }


def _share(share: Share) -> dict[str, Any]:
    return {"count": share.count, "of": share.of, "rate": share.rate if share.of else None}


def _interval(interval: Interval) -> dict[str, float]:
    return interval._asdict()
