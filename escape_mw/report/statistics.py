"""Intervals and tests, each by a published method, from SciPy where it has them.

Every interval is two-sided at 95 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import norm

Numbers = Any  # a number, or an array of them

ALPHA = 0.05
# Visits with the outcome, and without, in each arm. With fewer, a normal approximation fails.
ENOUGH = 10


class Interval(NamedTuple):
    """From `low` to `high`, both included."""

    low: float
    high: float

    def excludes(self, value: float) -> bool:
        """Whether the value lies outside the interval."""
        return not self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `of` visits."""

    count: int
    of: int

    @property
    def rate(self) -> float:
        """The fraction, from 0 to 1; 0 without any visits."""
        return self.count / self.of if self.of else 0.0


def wilson(share: Share) -> Interval | None:
    """The score interval of one proportion; None without a visit.

    E. B. Wilson (1927), "Probable inference, the law of succession, and statistical inference",
    JASA 22.
    """
    if not share.of:
        return None
    low, high = score_interval(share.count, share.of, norm.isf(ALPHA / 2))
    return Interval(float(low), float(high))


def score_interval(count: Numbers, of: Numbers, reach: Numbers) -> tuple[Numbers, Numbers]:
    """Wilson's low and high, so many standard errors away."""
    rate, spread = count / of, reach**2 / of
    centre = rate + spread / 2
    half = np.sqrt(spread * (rate * (1 - rate) + spread / 4))
    return (
        np.maximum((centre - half) / (1 + spread), 0.0),
        np.minimum((centre + half) / (1 + spread), 1.0),
    )
