"""The number of visits that an experiment needs, by the report's own reading."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from .statistics import ALPHA, ENOUGH
from .verdict import EARLY, Totals, effect

POWER = 0.8
MANY_LOOKS = 0.15  # standard errors that all looks up to a size gain, against the look at it alone
LARGEST = 30  # logarithm of the largest size that is tried


class Size(NamedTuple):
    """Visits of both arms at which a lift is found in four of five experiments.

    `daily`: looking every day until it is found; `planned`: in one reading, planned before.
    """

    daily: int
    planned: int


def visits_needed(baseline: float, lift: float, holdout: float = 0.5) -> Size:
    """The sizes for a true lift over the `baseline`, the rate without the escape page.

    `lift` is relative: 0.5 is +50 %. `holdout` is the holdout's share of the visits.

    Raises ValueError if the rates or the share of the holdout are not between 0 and 1.
    """
    rate = baseline * (1 + lift)
    if not (0 < baseline < rate < 1 and 0 < holdout < 1):
        raise ValueError(
            f"no experiment can show {rate:.4g} beside {baseline:.4g}: "
            "both must lie between 0 and 1"
        )
    return Size(*(_needed(rate, baseline, holdout, is_planned) for is_planned in (False, True)))


def _needed(rate: float, baseline: float, holdout: float, is_planned: bool) -> int:
    """The size at which a sample that is as unlucky as one in five has its lower limit at 0.

    Of all samples that are so many standard errors too low, the likeliest is taken: each arm is off
    in proportion to its variance. And each arm has enough outcomes in 98 of 100 experiments.
    """
    rates, shares = np.array([rate, baseline]), np.array([1 - holdout, holdout])
    unlucky = norm.ppf(POWER) - (0 if is_planned else MANY_LOOKS)
    alpha = ALPHA - EARLY if is_planned else ALPHA

    def low(log_visits: float) -> float:
        visits = math.exp(log_visits) * shares
        variance = rates * (1 - rates) / visits
        off = unlucky * variance / math.sqrt(variance.sum())
        p, q = np.clip(rates + [-1, 1] * off, 1e-12, 1 - 1e-12)
        totals = Totals(visits[0], visits[0] * p, visits[1], visits[1] * q)
        return float(effect(totals, alpha, is_planned).low)

    rarest = (shares * np.minimum(rates, 1 - rates)).min()
    found = math.exp(brentq(low, 0, LARGEST))
    return math.ceil(max(found, float((ENOUGH**0.5 + 1) ** 2 / rarest)))
