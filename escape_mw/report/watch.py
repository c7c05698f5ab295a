"""Whether a technique still works, day by day, from arrivals by visits that were shown it first.

Days differ more than chance alone would let them: the visits of one day resemble each other. How
much (rho) is taken from the days of a steady period, the reference; an alarm must stand out from
both. The last 1, 2, 4 and 7 days are compared with the reference, days 8 to 35.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

WINDOWS = (1, 2, 4, 7)  # days
AGO, SPAN = 7, 28  # the reference ends so many days ago, and lasts so many
LEAST, LEAST_BEFORE, LEAST_DAYS = 12, 30, 7  # visits in a window; visits and days of the reference
ALARM, FALLING, BACK = -4.0, -3.0, 2.0  # standard errors
HALF = 0.5  # of the reference's rate: what lies below may have stopped
DAY_NOISE = 0.3  # least standard deviation of a day's logit: a few small days cannot show less
NEVER, STRAYS = 60, 200  # never worked: so many visits, and at most one arrival in 200


class Sums(NamedTuple):
    """What is needed of some days with n visits each, of which k arrived: sums over the days."""

    days: float = 0
    n: float = 0
    k: float = 0
    nn: float = 0
    kk_by_n: float = 0

    @property
    def rate(self) -> float:
        """The share of visits that arrived."""
        return self.k / self.n

    def burden(self, rho: float) -> float:
        """The variance of k, divided by p (1-p): the sum of n (1 + (n-1) rho)."""
        return self.n + rho * (self.nn - self.n)


class Reference(NamedTuple):
    """A steady period: its rate, the variance of it, divided by p (1-p), and rho."""

    rate: float
    variance: float
    rho: float


class State(NamedTuple):
    """What is said after a day: "steady", "stopped", "never-worked" or "too-few".

    `since` is the day of the alarm, counted from the first day of the series; None without one.
    """

    said: str
    since: int | None
    reference: Reference | None


def watch(
    shown: Sequence[int], arrived: Sequence[int], earlier: Reference | None = None
) -> Iterator[State]:
    """What is said after each day, the oldest first.

    - "stopped": in a window, 4 standard errors below the reference, and less than half of it. It is
      said until a window of whole days since the alarm is clearly above half; no later window
      reaches back before that one.
    - The reference moves on while the last 7 days are not 3 standard errors below it, so that a
      slow decline is compared with the time before it; not within 35 days of a recovery.
    - "never-worked": 60 visits, and hardly any arrival.

    `earlier` is the reference of the same technique in the app's previous major version, for a
    version that has none of its own yet.
    """
    sums = list(accumulate(map(_day, shown, arrived), _plus, initial=Sums()))
    reference, since, back, well = earlier, None, -AGO - SPAN, -AGO
    for day in range(1, len(sums)):
        windows = {size: _minus(sums[day], sums[max(day - size, 0)]) for size in WINDOWS}
        if since is None:
            fresh = _refer(_minus(sums[max(day - AGO, 0)], sums[max(day - AGO - SPAN, 0)]))
            recent = (part for size, part in windows.items() if day - size >= well)
            if reference and any(_has_stopped(part, reference) for part in recent):
                since = day - 1
            elif fresh and day - back >= AGO + SPAN and not _falls(windows[AGO], reference):
                reference = fresh
        elif reference and (size := _mended(windows, reference, day - since)):
            since, back, well = None, day, day - size
        yield State(_said(sums[day], since, reference), since, reference)


def _said(all_days: Sums, since: int | None, reference: Reference | None) -> str:
    if since is not None:
        return "stopped"
    if all_days.n >= NEVER and all_days.k <= all_days.n // STRAYS:
        return "never-worked"
    return "steady" if reference else "too-few"


def _has_stopped(part: Sums, reference: Reference) -> bool:
    is_low = part.k < HALF * reference.rate * part.n
    return is_low and _score(part, reference, reference.rate) < ALARM


def _mended(windows: Mapping[int, Sums], reference: Reference, days: int) -> int | None:
    """The first window of whole days since the alarm that is clearly above half, by its size."""
    half = HALF * reference.rate
    above = (size for size, part in windows.items() if _score(part, reference, half) > BACK)
    return next((size for size in above if size < days), None)


def _falls(week: Sums, reference: Reference | None) -> bool:
    return reference is not None and _score(week, reference, reference.rate) < FALLING


def _refer(part: Sums) -> Reference | None:
    """A period as reference; None with too few visits or days, and without an arrival.

    rho by the days' own Pearson chi-squared, as for a beta-binomial: D. A. Williams (1982),
    "Extra-binomial variation in logistic linear models", Applied Statistics 31. A day of n visits
    has the variance n p (1-p) (1 + (n-1) rho), so chi-squared is df + rho sum (n-1) on average.
    """
    if part.n < LEAST_BEFORE or part.days < LEAST_DAYS or not part.k:
        return None
    p = part.rate
    chi2 = (part.kk_by_n - 2 * p * part.k + p * p * part.n) / _spread(p)
    rho = (chi2 - (part.days - 1)) / max(part.n - part.days, 1)
    rho = min(max(rho, DAY_NOISE**2 * p * (1 - p)), 1)
    return Reference(p, part.burden(rho) / part.n**2, rho)


def _score(part: Sums, reference: Reference, rate: float) -> float:
    """How many standard errors the part's rate lies above `rate`; nan with too few visits."""
    if part.n < LEAST:
        return math.nan
    variance = part.burden(reference.rho) / part.n**2 + reference.variance
    return (part.rate - rate) / math.sqrt(_spread(rate) * variance)


def _spread(rate: float) -> float:
    """The variance of one visit; never 0, though all arrived or none."""
    return max(rate * (1 - rate), 1e-4)


def _day(n: int, k: int) -> Sums:
    return Sums(1, n, k, n * n, k * k / n) if n else Sums()


def _plus(one: Sums, other: Sums) -> Sums:
    return Sums(*(this + that for this, that in zip(one, other, strict=True)))


def _minus(one: Sums, other: Sums) -> Sums:
    return Sums(*(this - that for this, that in zip(one, other, strict=True)))
