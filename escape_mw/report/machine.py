"""The report for machines: one JSON object with stable keys.

- `report`: the version of this format, 1. Keys may be added within a version, but not removed or
  given another meaning.
- `made`, `first`, `last`: moments in UTC; `first` and `last` are those of the eligible visits, null
  without one. `rule`, `since`: what was asked for.
- `headline`, `warnings`: sentences.
- `funnels`: for each `goal` its `lines` and `total`. A line has `app`, `platform`, `technique` (""
  for a host app's own line), `eligible`, `held_out`, and `tried`, `left`, `arrived`: each with
  `count`, `of`, `rate`, `low`, `high` (95 %, Wilson). `arrived` is null for the goal "app".
- `experiments`: one for each `experiment` and `outcome` ("" where none was recorded):
  - `escape` and `holdout`: rates as above.
  - `sample_ratio`: `planned`, `from`, `p`.
  - `size`: `visits`, `needed`, `target_lift`, `planned`, `smallest_lift`, `per_day`, `days_left`.
  - `missing`: why a lift is not given: "", "no-holdout", "no-escape", "mismatch", "no-outcomes",
    "few-outcomes", "too-small".
  - `verdict`: a sentence.
  - `lift`: null unless `missing` is "". It has `difference` and `ratio` with `estimate`, `fixed`
    and `always` (each `low`, `high`), and `basis`, the interval to rely on: "fixed" or "always".
  - `days`: the lift at the end of each day; empty unless `missing` is "".
- `health`: for each technique `app`, `platform`, `goal`, `technique`, `weak` (counted by
  departures), `before`, `now` (`count`, `of`, `rate`), `p`, `status`.
- `tallies`: numbers by name: eligible, repeat, forged, capped, dropped.

Rates and lifts are fractions, not percentages.
"""

from __future__ import annotations

import json
import time
from typing import Any

from .figures import Names, day
from .funnel import Line
from .health import Health
from .readings import Lift, Reading
from .statistics import Interval, Share, wilson
from .summary import Summary
from .words import headline, verdict, warnings

VERSION = 1


def as_json(summary: Summary, names: Names) -> str:
    """The whole report, in the format that this module's docstring describes."""
    data = {
        "report": VERSION,
        "made": _moment(summary.made),
        "first": None if summary.first is None else _moment(summary.first),
        "last": None if summary.last is None else _moment(summary.last),
        "rule": summary.scope.rule,
        "since": _moment(summary.scope.since) if summary.scope.since else None,
        "headline": headline(summary),
        "warnings": warnings(summary, names),
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
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)


def _line(line: Line) -> dict[str, Any]:
    keys = {
        "app": line.app,
        "platform": line.platform,
        "technique": line.technique,
        "eligible": line.eligible,
        "held_out": line.held_out,
    }
    return keys | {
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
        "sample_ratio": {
            "planned": reading.share,
            "from": reading.share_from,
            "p": reading.mismatch,
        },
        "size": _size(reading),
        "missing": reading.blocked_by,
        "verdict": verdict(reading),
        "lift": None if reading.lift is None else _lift(reading.lift),
        "days": [{"day": day(at.day), **_lift(lift)} for at, lift in reading.days if lift]
        if reading.lift
        else [],
    }


def _size(reading: Reading) -> dict[str, Any]:
    return {
        "visits": reading.visits,
        "needed": reading.needed,
        "planned": reading.is_planned,
        "target_lift": reading.target,
        "smallest_lift": reading.smallest,
        "per_day": reading.pace,
        "days_left": reading.days_left,
    }


def _lift(lift: Lift) -> dict[str, Any]:
    return {
        "difference": {
            "estimate": lift.difference,
            "fixed": _interval(lift.fixed),
            "always": _interval(lift.always),
        },
        "ratio": {
            "estimate": lift.ratio,
            "fixed": _interval(lift.ratio_fixed),
            "always": _interval(lift.ratio_always),
        },
        "basis": lift.basis,
    }


def _health(row: Health) -> dict[str, Any]:
    keys = {
        "app": row.app,
        "platform": row.platform,
        "goal": row.goal,
        "technique": row.technique,
        "weak": row.is_weak,
    }
    return keys | {
        "before": _share(row.before),
        "now": _share(row.now),
        "p": row.p,
        "status": row.status,
    }


def _share(share: Share) -> dict[str, Any]:
    return {"count": share.count, "of": share.of, "rate": share.rate if share.of else None}


def _interval(interval: Interval) -> dict[str, float]:
    return interval._asdict()


def _moment(moment: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
