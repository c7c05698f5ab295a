"""What an experiment shows, day by day: a reading that may be looked at every day.

Pure functions over both arms' running totals, numbers or arrays whose last axis is the day. Visits
are independent, each assigned by a coin of its own, so variances are those of binomials.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import lambertw
from scipy.stats import norm

from .statistics import ALPHA, ENOUGH, Numbers, score_interval

EARLY = 0.001  # of ALPHA, spent before a planned size is reached; the rest is spent there
REFUSE = 0.004  # sound experiments that are ever refused for their arms' sizes, at most
DOUBT = 0.0005  # and for each kind of visit that programs make
SETTLED = 5000  # visits at which the check of the arms' sizes is sharpest
FEW = 500  # and that of visits by programs
TYPICAL = 0.37  # standard deviation of the relative lift that the sequence is tuned to


class Totals(NamedTuple):
    """Visits of both arms at the end of each day, and those of them with the outcome."""

    escape: Numbers
    escape_with: Numbers
    holdout: Numbers
    holdout_with: Numbers

    @property
    def visits(self) -> Numbers:
        """The visits of both arms."""
        return self.escape + self.holdout


class Effect(NamedTuple):
    """The arms' rates, and the limits of their difference and of their ratio."""

    escape: Numbers
    holdout: Numbers
    low: Numbers
    high: Numbers
    ratio_low: Numbers
    ratio_high: Numbers


class Verdict(NamedTuple):
    """What is said after each day, the effect that it is said from, and whether it is final.

    `said` is "refused", "too-early", "better", "worse" or "no-difference".
    """

    said: Numbers
    effect: Effect
    is_final: Numbers


def verdict(totals: Totals, share: float, planned: int = 0) -> Verdict:
    """Read an experiment whose holdout is this `share` of the visits; totals of closed days only.

    Without a plan, the sequence at ALPHA. With `planned` visits: until the end of the day on which
    they are reached, the sequence at EARLY as a guard (J. L. Haybittle, 1971, "Repeated assessment
    of results in clinical trials of cancer treatment", British Journal of Radiology 44); from then
    on the reading for one look on that day, for ever. The errors add up to ALPHA.
    """
    is_final = (totals.visits >= planned) & (planned > 0)
    totals = _frozen(totals, is_final)
    alpha = np.where(is_final, ALPHA - EARLY, EARLY if planned else ALPHA)
    found = effect(totals, alpha, is_final)
    is_open = (found.low <= 0) & (found.high >= 0)
    is_early = ~is_enough(totals) | ((planned > 0) & ~is_final & is_open)
    cases = [is_refused(totals, share), is_early, found.low > 0, found.high < 0]
    said = np.select(cases, ["refused", "too-early", "better", "worse"], "no-difference")
    return Verdict(said, found, is_final)


def effect(totals: Totals, alpha: Numbers = ALPHA, is_fixed: Numbers = False) -> Effect:
    """The rates and their limits: of the sequence or, where `is_fixed`, for one look.

    Both limits come from one rule. Each arm's score interval (E. B. Wilson, 1927) at the reach in
    standard errors; for the difference combined as by R. G. Newcombe (1998, "Interval estimation
    for the difference between independent proportions", Statistics in Medicine 17, method 10); for
    the ratio, all R that the same combination allows for p - R q (A. Donner and G. Y. Zou, 2012,
    "Closed-form confidence intervals for functions of the normal mean and standard deviation",
    Statistical Methods in Medical Research 21). So one excludes 1 exactly if the other excludes 0.

    The sequence is tuned to a true difference of TYPICAL times the rate of both arms (or times the
    rate without the outcome, if smaller): it is narrowest about where it finds a lift of half as
    much again in four of five experiments.
    """
    n, m = np.maximum(totals.escape, 1), np.maximum(totals.holdout, 1)
    p, q = totals.escape_with / n, totals.holdout_with / m
    rate = (totals.escape_with + totals.holdout_with) / np.maximum(totals.visits, 1)
    typical = TYPICAL * np.maximum(np.minimum(rate, 1 - rate), 1e-9)
    variance = np.maximum(p * (1 - p) / n + q * (1 - q) / m, 1e-15)
    looks = boundary(typical**2 / variance, alpha)
    reach = np.where(is_fixed, norm.isf(np.asarray(alpha) / 2), looks)
    p_low, p_high = score_interval(totals.escape_with, n, reach)
    q_low, q_high = score_interval(totals.holdout_with, m, reach)
    low = p - q - np.hypot(p - p_low, q_high - q)
    high = p - q + np.hypot(p_high - p, q - q_low)
    ratios = _ratio_low(p, q, p_low, q_high), _ratio_high(p, q, p_high, q_low)
    return Effect(p, q, low, high, *ratios)


def boundary(spread: Numbers, alpha: Numbers) -> Numbers:
    """How many standard errors a confidence sequence reaches.

    The truth is ever outside with a probability of at most `alpha`, however often one looks.
    `spread` is the square of the typical effect in standard errors. The normal mixture of H.
    Robbins (1970), "Statistical methods related to the law of the iterated logarithm", Annals of
    Mathematical Statistics 41; asymptotic for an estimated variance: I. Waudby-Smith, D. Arbour, R.
    Sinha, E. H. Kennedy and A. Ramdas (2024), "Time-uniform central limit theory and asymptotic
    confidence sequences", Annals of Statistics 52, theorem 2.2.
    """
    return np.sqrt((1 + 1 / spread) * (np.log1p(spread) - 2 * np.log(alpha)))


def is_refused(
    totals: Totals, share: float, alpha: float = REFUSE, settled: int = SETTLED
) -> Numbers:
    """Whether the arms' sizes have left the planned split, on this or on any earlier day.

    Sound experiments are ever refused with a probability of at most `alpha`.

    A sequence too, since it is looked at every day (M. Lindon and A. Malek, 2022, "Anytime-valid
    inference for multinomial count data", NeurIPS). It is narrowest at `settled` visits.
    """
    visits = np.maximum(totals.visits, 1)
    excess = (1 - share) * totals.holdout - share * totals.escape
    narrowest = -float(lambertw(-(alpha**2) / np.e, -1).real) - 1
    reach = boundary(visits / settled * narrowest, alpha)
    is_apart = np.abs(excess) > np.sqrt(visits * share * (1 - share)) * reach
    return np.logical_or.accumulate(is_apart, axis=-1)


def is_enough(totals: Totals) -> Numbers:
    """Whether each arm has enough visits with the outcome and without, for a lift to be read."""
    n, k, m, j = totals
    return np.minimum.reduce([k, n - k, j, m - j]) >= ENOUGH


def _frozen(totals: Totals, is_final: Numbers) -> Totals:
    """The totals of each day; from the first final day on, those of that day."""
    days = np.arange(is_final.shape[-1])
    end = np.where(is_final.any(-1), is_final.argmax(-1), days[-1])
    at = np.minimum(days, end[..., None])
    return Totals(*(np.take_along_axis(arm, at, -1) for arm in totals))


def _ratio_low(p: Numbers, q: Numbers, p_low: Numbers, q_high: Numbers) -> Numbers:
    """The smaller R at which p - R q lies on its limit."""
    first, last = q**2 - (q_high - q) ** 2, p**2 - (p - p_low) ** 2
    root = np.sqrt(np.maximum((p * q) ** 2 - first * last, 0))
    return np.maximum(last, 0) / np.maximum(p * q + root, 1e-30)


def _ratio_high(p: Numbers, q: Numbers, p_high: Numbers, q_low: Numbers) -> Numbers:
    """The larger; infinite where the holdout's rate may be 0."""
    first, last = q**2 - (q - q_low) ** 2, p**2 - (p_high - p) ** 2
    root = np.sqrt(np.maximum((p * q) ** 2 - first * last, 0))
    return np.where(first > 0, (p * q + root) / np.maximum(first, 1e-30), np.inf)
