"""Intervals and tests, each by a published method, from SciPy where it has them.

Every interval is two-sided at 95 %, unless `alpha` says otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.special import lambertw
from scipy.stats import chisquare, fisher_exact, norm

# A number, or an array of them.
Numbers = Any

ALPHA = 0.05
# Visits with the outcome, and without, in each arm. With fewer, a normal approximation fails.
ENOUGH = 10
# Visits at which the always-valid interval is tightest. It must be chosen before the data are seen,
# so it is a constant.
TIGHTEST = 5000


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


def is_enough(*arms: Share) -> bool:
    """Whether each arm suffices for a normal approximation, as the intervals of a lift require."""
    return all(min(arm.count, arm.of - arm.count) >= ENOUGH for arm in arms)


def wilson(share: Share, alpha: float = ALPHA) -> Interval | None:
    """The score interval of one proportion; None without a visit.

    E. B. Wilson (1927), "Probable inference, the law of succession, and statistical inference",
    JASA 22.
    """
    if not share.of:
        return None
    return Interval(*map(float, score_interval(share.count, share.of, alpha)))


def score_interval(count: Numbers, of: Numbers, alpha: float = ALPHA) -> tuple[Numbers, Numbers]:
    """Wilson's low and high, of numbers or arrays."""
    rate, spread = count / of, norm.isf(alpha / 2) ** 2 / of
    centre = rate + spread / 2
    reach = np.sqrt(spread * (rate * (1 - rate) + spread / 4))
    return (
        np.maximum((centre - reach) / (1 + spread), 0.0),
        np.minimum((centre + reach) / (1 + spread), 1.0),
    )


def difference(escape: Share, holdout: Share, alpha: float = ALPHA) -> Interval:
    """The interval of escape's rate minus holdout's, valid for one look.

    Method 10, which combines both rates' score intervals: R. G. Newcombe (1998), "Interval
    estimation for the difference between independent proportions", Statistics in Medicine 17.
    """
    bounds = difference_interval(escape.count, escape.of, holdout.count, holdout.of, alpha)
    return Interval(*map(float, bounds))


def difference_interval(
    count: Numbers, of: Numbers, other: Numbers, other_of: Numbers, alpha: float = ALPHA
) -> tuple[Numbers, Numbers]:
    """Newcombe's low and high, of numbers or arrays."""
    low, high = score_interval(count, of, alpha)
    other_low, other_high = score_interval(other, other_of, alpha)
    rate, other_rate = count / of, other / other_of
    return (
        rate - other_rate - np.hypot(rate - low, other_high - other_rate),
        rate - other_rate + np.hypot(high - rate, other_rate - other_low),
    )


def ratio(escape: Share, holdout: Share, alpha: float = ALPHA) -> Interval:
    """The interval of escape's rate divided by holdout's, valid for one look. Both need outcomes.

    By the logarithm of the ratio: D. Katz, J. Baptista, S. P. Azen and M. C. Pike (1978),
    "Obtaining confidence intervals for the risk ratio in cohort studies", Biometrics 34. The score
    interval would be slightly better, but its quartic is hard to solve reliably at the sizes of
    these experiments.
    """
    reach = float(norm.isf(alpha / 2)) * _ratio_error(escape, holdout)
    middle = escape.rate / holdout.rate
    return Interval(middle * math.exp(-reach), middle * math.exp(reach))


def always_valid_difference(escape: Share, holdout: Share, alpha: float = ALPHA) -> Interval:
    """The interval of escape's rate minus holdout's, valid however often it is read.

    An asymptotic confidence sequence for the average effect in a randomised experiment without
    covariates, centred on the plain difference: I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy
    and A. Ramdas (2024), "Time-uniform central limit theory and asymptotic confidence sequences",
    Annals of Statistics 52. Being asymptotic, it is valid only once both arms are large enough for
    a normal approximation (see is_enough).
    """
    error = math.sqrt(_variance(escape) / escape.of + _variance(holdout) / holdout.of)
    return _around(escape.rate - holdout.rate, error, escape.of + holdout.of, alpha)


def always_valid_ratio(escape: Share, holdout: Share, alpha: float = ALPHA) -> Interval:
    """The same for escape's rate divided by holdout's. Both arms need an outcome.

    By the logarithm of the ratio (delta method).
    """
    error = _ratio_error(escape, holdout)
    low, high = _around(math.log(escape.rate / holdout.rate), error, escape.of + holdout.of, alpha)
    return Interval(math.exp(low), math.exp(high))


def boundary(visits: int, alpha: float = ALPHA, tightest: int = TIGHTEST) -> float:
    """Half the width of the always-valid interval after so many visits, in standard errors.

    The normal mixture of H. Robbins (1970), "Statistical methods related to the law of the iterated
    logarithm", Annals of Mathematical Statistics 41, as in theorem 2.2 of Waudby-Smith et al.:
    sqrt(2 (t rho² + 1) / (t rho²) * log(sqrt(t rho² + 1) / alpha)), with the rho that makes it
    narrowest at `tightest` visits.
    """
    spread = visits * (-float(lambertw(-(alpha**2) / math.e, -1).real) - 1) / tightest
    return math.sqrt(2 * (spread + 1) / spread * math.log(math.sqrt(spread + 1) / alpha))


def sample_ratio(escape: int, holdout: int, planned: float) -> float:
    """The p-value of the arms' sizes under the `planned` share of the holdout (0 to 1).

    Pearson's chi-squared test with one degree of freedom: A. Fabijan et al. (2019), "Diagnosing
    sample ratio mismatch in online controlled experiments", KDD.
    """
    visits = escape + holdout
    return float(chisquare([escape, holdout], [visits * (1 - planned), visits * planned]).pvalue)


def drop(before: Share, now: Share) -> float:
    """The one-sided p-value of the hypothesis that the rate is not lower now than before.

    Fisher's exact test: R. A. Fisher (1935), "The logic of inductive inference", Journal of the
    Royal Statistical Society 98.
    """
    table = [[now.count, now.of - now.count], [before.count, before.of - before.count]]
    return float(fisher_exact(table, alternative="less")[1])


def corrected(p_values: Sequence[float]) -> list[float]:
    """The p-values, corrected for their number.

    S. Holm (1979), "A simple sequentially rejective multiple test procedure", Scandinavian Journal
    of Statistics 6.
    """
    result = [1.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, p_values[place] * (len(p_values) - rank))
        result[place] = min(highest, 1.0)
    return result


def _variance(share: Share) -> float:
    return share.rate * (1 - share.rate)


def _ratio_error(escape: Share, holdout: Share) -> float:
    """The standard error of the logarithm of the ratio of both rates."""
    return math.sqrt(
        _variance(escape) / escape.rate**2 / escape.of
        + _variance(holdout) / holdout.rate**2 / holdout.of
    )


def _around(centre: float, error: float, visits: int, alpha: float) -> Interval:
    reach = error * boundary(visits, alpha)
    return Interval(centre - reach, centre + reach)
