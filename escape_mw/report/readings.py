"""Analysis of one experiment for one outcome, by intention to treat.

It compares all eligible visits of both arms. A visit is a success if the outcome was recorded in
it, whichever arm it was in and whatever was tried on it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..web.days import DAY
from .daily import Daily
from .power import Arms, smallest_lift, visits_needed
from .statistics import (
    Interval,
    Share,
    always_valid_difference,
    always_valid_ratio,
    difference,
    is_enough,
    ratio,
    sample_ratio,
)

MISMATCH = 0.001  # p-value of the sample ratio, below which the arms are not compared
PACE = 7  # days
ASSUMED = 0.5  # share of the holdout, if none was planned


@dataclass(frozen=True, slots=True)
class Plan:
    """What an experiment is planned to show.

    - `lift`: the lift to detect, relative to the holdout's rate (0.5: +50 %).
    - `planned`: the number of visits decided on beforehand; None computes it from that rate.
    - `holdout`: the planned share of the holdout (0 to 1) in every experiment.
    - `holdouts`: the planned share by experiment, used where `holdout` is None.
    """

    lift: float = 0.5
    planned: int | None = None
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
    """The difference and ratio of the arms' rates, each with both intervals.

    `fixed` is the interval for one look, `always` the always-valid one. `basis` names the one to
    rely on: "fixed" from the needed size on, "always" before it.
    """

    difference: float
    fixed: Interval
    always: Interval
    ratio: float
    ratio_fixed: Interval
    ratio_always: Interval
    basis: str

    @property
    def interval(self) -> Interval:
        """The interval of the difference to rely on."""
        return self.fixed if self.basis == "fixed" else self.always

    @property
    def ratio_interval(self) -> Interval:
        """The interval of the ratio to rely on."""
        return self.ratio_fixed if self.basis == "fixed" else self.ratio_always


@dataclass(frozen=True, slots=True)
class Reading:
    """The result of an experiment for one outcome ("" if none was recorded).

    - `share`, `share_from`: the planned share of the holdout and its origin (see Plan.share_of).
    - `mismatch`: the p-value of the arms' sizes under that share; None if an arm is empty.
    - `target`: the lift to detect.
    - `needed`: the visits that takes; `is_planned` if that number was given.
    - `smallest`: the smallest lift that this sample could have shown.
    - `pace`: visits per day.
    - `blocked_by`: the reason why there is no `lift` (see blocking_reason); "" if there is one.
    - `days`: both arms at the end of each day and their lift, None while it cannot be computed.
    """

    experiment: str
    outcome: str
    escape: Share
    holdout: Share
    share: float
    share_from: str
    mismatch: float | None
    target: float
    needed: int | None
    is_planned: bool
    smallest: float | None
    pace: float
    blocked_by: str
    lift: Lift | None
    days: tuple[tuple[Daily, Lift | None], ...]

    @property
    def visits(self) -> int:
        """The visits of both arms."""
        return self.escape.of + self.holdout.of

    @property
    def days_left(self) -> int | None:
        """Days until the needed size at the present pace; None if size or pace is unknown."""
        return (
            None
            if self.needed is None or not self.pace
            else max(0, math.ceil((self.needed - self.visits) / self.pace))
        )


def blocking_reason(
    escape: Share, holdout: Share, mismatch: float | None, needed: int | None
) -> str:
    """Why the sample does not allow a lift to be read; "" if it does. Nothing else decides this.

    All of these must hold; the first that does not is the reason:

    1. "no-holdout", "no-escape": both arms have visits.
    2. "mismatch": the arms' sizes are as planned; p is 0.001 or more in the sample-ratio check.
    3. "no-outcomes", "few-outcomes": each arm has 10 visits with the outcome and 10 without. With
       fewer, a normal approximation fails.
    4. "too-small": there are at least `needed` visits, so that the interval for one look is valid;
       or, before that, the always-valid interval lies on one side of zero.
    """
    if not escape.of or not holdout.of:
        return "no-holdout" if escape.of else "no-escape"
    if mismatch is not None and mismatch < MISMATCH:
        return "mismatch"
    if not is_enough(escape, holdout):
        return "few-outcomes" if escape.count + holdout.count else "no-outcomes"
    is_reached = needed is not None and escape.of + holdout.of >= needed
    return "" if is_reached or always_valid_difference(escape, holdout).excludes(0) else "too-small"


def analyse(experiment: str, outcome: str, days: Sequence[Daily], plan: Plan, now: int) -> Reading:
    """Analyse one experiment for one outcome; `days` without a gap, `now` in seconds since 1970."""
    escape, holdout = days[-1].escape, days[-1].holdout
    share, share_from = plan.share_of(experiment)
    mismatch = sample_ratio(escape.of, holdout.of, share) if escape.of and holdout.of else None
    target = _target(holdout.rate, plan.lift)
    needed = plan.planned or (visits_needed(holdout.rate, target, share).visits if target else None)
    blocked_by = blocking_reason(escape, holdout, mismatch, needed)
    return Reading(
        experiment=experiment,
        outcome=outcome,
        escape=escape,
        holdout=holdout,
        share=share,
        share_from=share_from,
        mismatch=mismatch,
        target=target or plan.lift,
        needed=needed,
        is_planned=plan.planned is not None,
        smallest=smallest_lift(holdout.rate, Arms(escape.of, holdout.of)),
        pace=_pace(days, now // DAY),
        blocked_by=blocked_by,
        lift=None if blocked_by else lift(escape, holdout, needed),
        days=tuple(
            (
                day,
                lift(day.escape, day.holdout, needed)
                if is_enough(day.escape, day.holdout)
                else None,
            )
            for day in days
        ),
    )


def lift(escape: Share, holdout: Share, needed: int | None) -> Lift:
    """The lift with both intervals; each arm must have outcomes."""
    return Lift(
        difference=escape.rate - holdout.rate,
        fixed=difference(escape, holdout),
        always=always_valid_difference(escape, holdout),
        ratio=escape.rate / holdout.rate,
        ratio_fixed=ratio(escape, holdout),
        ratio_always=always_valid_ratio(escape, holdout),
        basis="fixed" if needed is not None and escape.of + holdout.of >= needed else "always",
    )


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
