"""The number of visits that an experiment needs, and the smallest lift that a number can show.

Power is that of the report itself: the probability that it prints a lift and that the printed
interval (Newcombe's) lies above zero. It is summed over all results of the two binomials where
these are few. Where they are many, the normal approximation makes no difference and is used.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.stats import binom, norm

from .statistics import ALPHA, ENOUGH, difference_interval

POWER = 0.8
CELLS = 500_000  # pairs of results, one per arm; up to this many, each is evaluated
REACH = 6  # standard deviations either side; the probability beyond is less than 1e-8
GROWTH = 1.002  # from one size that is tried to the next
HOLDOUT_SIZES = 7  # over which the power is averaged
SPARE = 0.001  # the error of that average
Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]


class Arms(NamedTuple):
    """Visits in each arm."""

    escape: int
    holdout: int

    @property
    def visits(self) -> int:
        """The visits of both arms."""
        return self.escape + self.holdout


def visits_needed(
    baseline: float, lift: float, holdout: float = 0.5, power: float = POWER, alpha: float = ALPHA
) -> Arms:
    """The size at which a true lift is found with this power.

    `baseline` is the holdout's rate, above 0. `lift` is relative to it: 0.5 is +50 %, and the rate
    with escapes must stay below 1. `holdout` is the holdout's share of the visits, between 0 and 1.

    The search starts at the textbook size for two proportions. The size grows until the report has
    the power, averaged over the sizes of the arms that random assignment produces.

    Raises ValueError if the rates or the share of the holdout are not between 0 and 1.
    """
    rate = baseline * (1 + lift)
    if not (0 < baseline < rate < 1 and 0 < holdout < 1):
        raise ValueError(
            f"no experiment can show {rate:.4g} beside {baseline:.4g}: "
            "both must lie between 0 and 1"
        )
    visits = max(math.ceil(textbook_size(baseline, rate, holdout, power, alpha)), 4 * ENOUGH)
    while _chance_as_assigned(baseline, rate, visits, holdout, alpha) < power + SPARE:
        visits = math.ceil(visits * GROWTH)
    held = round(visits * holdout)
    return Arms(visits - held, held)


def smallest_lift(
    baseline: float, arms: Arms, power: float = POWER, alpha: float = ALPHA
) -> float | None:
    """The smallest relative lift that these arms find with this power; None if they find none."""
    highest = 1 - 2 * ENOUGH / max(arms.escape, 1)
    if (
        not 0 < baseline < highest
        or not arms.holdout
        or chance_to_find(baseline, highest, arms, alpha) < power
    ):
        return None
    rate = brentq(
        lambda rate: chance_to_find(baseline, rate, arms, alpha) - power,
        baseline,
        highest,
        xtol=baseline * 1e-3,
    )
    return float(rate) / baseline - 1


def chance_to_find(baseline: float, rate: float, arms: Arms, alpha: float = ALPHA) -> float:
    """The probability that a lift is printed and lies above zero, given both arms' true rates."""
    escape, holdout = _likely(rate, arms.escape), _likely(baseline, arms.holdout)
    if len(escape) * len(holdout) > CELLS:
        return (
            textbook_power(baseline, rate, arms, alpha)
            * _chance_of_enough(rate, arms.escape)
            * _chance_of_enough(baseline, arms.holdout)
        )
    low, _ = difference_interval(
        escape[:, None], arms.escape, holdout[None, :], arms.holdout, alpha
    )
    chances = np.outer(
        binom.pmf(escape, arms.escape, rate), binom.pmf(holdout, arms.holdout, baseline)
    )
    return float(chances[low > 0].sum())


def textbook_size(
    baseline: float, rate: float, holdout: float, power: float, alpha: float
) -> float:
    """The visits of both arms by the normal approximation, looking at the upper tail alone.

    J. L. Fleiss, "Statistical Methods for Rates and Proportions".
    """
    same, apart = _deviations(baseline, rate, holdout)
    reach = norm.isf(alpha / 2) * same + norm.ppf(power) * apart
    return float((max(reach, 0) / (rate - baseline)) ** 2)


def textbook_power(baseline: float, rate: float, arms: Arms, alpha: float) -> float:
    """The power by the same approximation."""
    same, apart = _deviations(baseline, rate, arms.holdout / arms.visits)
    reach = (rate - baseline) * math.sqrt(arms.visits)
    return float(norm.sf((norm.isf(alpha / 2) * same - reach) / apart))


def _deviations(baseline: float, rate: float, holdout: float) -> tuple[float, float]:
    """Standard deviations of the difference times the root of all visits.

    First if both rates are the same, pooled; then if they are what they are.
    """
    pooled = rate * (1 - holdout) + baseline * holdout
    return (
        math.sqrt(pooled * (1 - pooled) / (holdout * (1 - holdout))),
        math.sqrt(rate * (1 - rate) / (1 - holdout) + baseline * (1 - baseline) / holdout),
    )


def _chance_as_assigned(
    baseline: float, rate: float, visits: int, holdout: float, alpha: float
) -> float:
    """The same over random assignment: the mean over equally likely sizes of the holdout."""
    sizes = binom.ppf((np.arange(HOLDOUT_SIZES) + 0.5) / HOLDOUT_SIZES, visits, holdout).astype(int)
    return (
        sum(chance_to_find(baseline, rate, Arms(visits - held, held), alpha) for held in sizes)
        / HOLDOUT_SIZES
    )


def _likely(rate: float, visits: int) -> Numbers:
    """Numbers of outcomes that are likely for so many visits, and that are enough for a lift."""
    middle, reach = visits * rate, REACH * math.sqrt(visits * rate * (1 - rate)) + REACH
    return np.arange(
        max(ENOUGH, math.floor(middle - reach)), min(visits - ENOUGH, math.ceil(middle + reach)) + 1
    )


def _chance_of_enough(rate: float, visits: int) -> float:
    return float(binom.cdf(visits - ENOUGH, visits, rate) - binom.cdf(ENOUGH - 1, visits, rate))
