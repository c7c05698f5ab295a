"""Analysis of one experiment for one outcome, by intention to treat.

It compares all eligible visits of both arms. A visit is a success if the outcome was recorded in
it, whichever arm it was in and whatever was tried on it. Only closed days are read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..web.days import DAY
from .daily import Daily, Series
from .power import visits_needed
from .statistics import Interval, Share
from .verdict import DOUBT, FEW, Effect, Totals, is_enough, is_refused, verdict

# Days after its end, a day is closed: a site token lives for one, and what it records may wait
# for another until it is written. Outcomes of the escape arm come later than the holdout's, so a
# day that is read too early says that escapes do worse.
SETTLING = 2
PACE = 7  # days
HASTY = 0.05  # share of an arm's outcomes that come within a second, above which they matter
ASSUMED = 0.5  # share of the holdout, if none was planned
EMPTY = ("no-day", "no-holdout", "no-escape")  # said of an experiment with nothing to compare


@dataclass(frozen=True, slots=True)
class Plan:
    """What an experiment is planned to show.

    - `lift`: the lift to detect, relative to the holdout's rate (0.5: +50 %).
    - `holdout`: the planned share of the holdout (0 to 1) in every experiment.
    - `holdouts`: the planned share by experiment, used where `holdout` is None.
    """

    lift: float = 0.5
    holdout: float | None = None
    holdouts: Mapping[str, float] = field(default_factory=dict)

    def share_of(self, experiment: str) -> tuple[float, str]:
        """The planned share of the holdout, and its origin: "given", "rules" or "assumed"."""
        if self.holdout is not None:
            return self.holdout, "given"
        return (
            (self.holdouts[experiment], "rules")
            if experiment in self.holdouts
            else (ASSUMED, "assumed")
        )


@dataclass(frozen=True, slots=True)
class Lift:
    """The difference and the ratio of the arms' rates, each with its interval."""

    difference: float
    interval: Interval
    ratio: float
    ratio_interval: Interval


@dataclass(frozen=True, slots=True)
class Reading:
    """The result of an experiment for one outcome ("" if none was recorded).

    - `escape`, `holdout`: the arms at the end of the last closed day or, once a plan is reached, of
      the day on which it was.
    - `share`, `share_from`: the planned share of the holdout and its origin (see Plan.share_of).
    - `said`: the verdict; besides those of `Verdict.said` "no-day" (none is closed), "no-holdout",
      "no-escape" (an arm is empty) and "no-outcomes".
    - `lift`: given with the verdicts "better", "worse" and "no-difference".
    - `days`: both arms at the end of each day and their lift, None with too few outcomes.
    - `planned`: the planned number of visits, 0 without a plan; `reached`: the day on which it was
      reached, None before. Days are counted from 1970 (UTC).
    - `target`: the lift to detect; `needed`: the visits that takes.
    - `pace`: visits per day; `waiting`: visits of days that are not closed.
    - `begun`: the first day; `earlier`: visits from before it, if the rule was changed then.
    - `refused_for`: with the verdict "refused" that held-out visits had an escape ("holdout"), or
      what is not split as planned: all visits ("sizes"), those on Android without client hints
      ("hints"), or outcomes within a second ("hasty").
    """

    experiment: str
    outcome: str
    escape: Share
    holdout: Share
    share: float
    share_from: str
    said: str
    lift: Lift | None
    days: tuple[tuple[Daily, Lift | None], ...]
    planned: int
    reached: int | None
    target: float
    needed: int | None
    pace: float
    waiting: int
    begun: int
    earlier: int
    refused_for: str = ""

    @property
    def read(self) -> Daily | None:
        """Both arms as they are read; None if no day is closed."""
        return self.days[-1][0] if self.days else None

    @property
    def stayed(self) -> Share:
        """The escape arm's visits that did not arrive."""
        arrived = self.arrived
        return Share(self.escape.count - arrived.count, self.escape.of - arrived.of)

    @property
    def arrived(self) -> Share:
        """The escape arm's visits that arrived in the real browser."""
        return self.read.arrived if self.read else Share(0, 0)

    @property
    def visits(self) -> int:
        """The visits of both arms."""
        return self.escape.of + self.holdout.of

    @property
    def more(self) -> tuple[float, float, float] | None:
        """How many more escaped visits had the outcome for it, and the limits of that number.

        None where no difference is said.
        """
        if self.lift is None or self.said == "no-difference":
            return None
        low, high = self.lift.interval
        return self.lift.difference * self.escape.of, low * self.escape.of, high * self.escape.of

    @property
    def days_left(self) -> int | None:
        """Days until the needed size at the present pace; None if size or pace is unknown."""
        if self.needed is None or not self.pace:
            return None
        return max(0, math.ceil((self.needed - self.visits) / self.pace))


def analyse(series: Series, plan: Plan, now: int, until: int = 0) -> Reading:
    """Analyse one experiment for one outcome, of visits before `until` (0: of all).

    Moments are in seconds since 1970.
    """
    experiment, outcome, days, planned, earlier = series
    today = now // DAY
    share, share_from = plan.share_of(experiment)
    closed = [day for day in days if day.day < today - SETTLING]
    reached = next((day.day for day in closed if planned and day.visits >= planned), None)
    read = [day for day in closed if reached is None or day.day <= reached]
    last = read[-1] if read else Daily(today, Share(0, 0), Share(0, 0))
    said, lifts = _read(read, share, planned) if read else ("no-day", [])
    doubt = "" if said in EMPTY else "sizes" if said == "refused" else _doubt(read, share)
    said = "refused" if doubt else said
    target = _target(last.holdout.rate, plan.lift)
    searched = visits_needed(last.holdout.rate, target, share).daily if target else None
    return Reading(
        experiment=experiment,
        outcome=outcome,
        escape=last.escape,
        holdout=last.holdout,
        share=share,
        share_from=share_from,
        said=said,
        lift=lifts[-1] if lifts and said in ("better", "worse", "no-difference") else None,
        days=tuple(zip(read, lifts, strict=True)),
        planned=planned,
        reached=reached,
        target=target or plan.lift,
        needed=planned or searched,
        pace=_pace(days, min(until // DAY, today) if until else today),
        waiting=days[-1].visits - closed[-1].visits if closed else days[-1].visits,
        begun=days[0].day,
        earlier=earlier,
        refused_for=doubt,
    )


def _doubt(days: Sequence[Daily], share: float) -> str:
    """Why a lift would not be sound, as in `Reading.refused_for`; "" if it is."""
    if days[-1].tried:
        return "holdout"
    if _are_apart([day.hintless for day in days], share):
        return "hints"
    last = days[-1]
    arms = zip(last.hasty, (last.escape, last.holdout), strict=True)
    is_material = any(hasty > HASTY * arm.count for hasty, arm in arms)
    return "hasty" if is_material and _are_apart([day.hasty for day in days], share) else ""


def _are_apart(pairs: Sequence[tuple[int, int]], share: float) -> bool:
    escape, holdout = np.array(pairs).T
    return bool(is_refused(Totals(escape, 0, holdout, 0), share, DOUBT, FEW)[-1])


def _read(days: Sequence[Daily], share: float, planned: int) -> tuple[str, list[Lift | None]]:
    """What is said after the last of these days, and each day's lift."""
    rows = [(day.escape.of, day.escape.count, day.holdout.of, day.holdout.count) for day in days]
    totals = Totals(*np.array(rows).T)
    said, effect, _ = verdict(totals, share, planned)
    lifts = [
        _lift(Effect(*values)) if enough else None
        for enough, *values in zip(is_enough(totals), *effect, strict=True)
    ]
    last = days[-1]
    if not last.escape.of or not last.holdout.of:
        return "no-holdout" if last.escape.of else "no-escape", lifts
    if said[-1] == "too-early" and not last.escape.count + last.holdout.count:
        return "no-outcomes", lifts
    return str(said[-1]), lifts


def _lift(effect: Effect) -> Lift:
    rate, other, low, high, ratio_low, ratio_high = map(float, effect)
    return Lift(rate - other, Interval(low, high), rate / other, Interval(ratio_low, ratio_high))


def _target(rate: float, wanted: float) -> float | None:
    """The wanted lift, limited to half of the distance to 100 %; None if the rate is 0 or 1."""
    return min(wanted, (1 - rate) / rate / 2) if 0 < rate < 1 else None


def _pace(days: Sequence[Daily], today: int) -> float:
    """Visits per day over the last seven whole days, or all there are; on day one, that day's."""
    if days[0].day >= today:
        return float(days[-1].visits)
    before = [day.visits for day in days if day.day < today - PACE]
    whole = [day.visits for day in days if day.day < today]
    return (whole[-1] - (before[-1] if before else 0)) / min(PACE, today - days[0].day)
