"""The report's own formulas give what statsmodels gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import (
    confint_proportions_2indep,
    power_proportions_2indep,
    proportion_confint,
    samplesize_proportions_2indep_onetail,
)

from escape_mw.report.power import Arms, textbook_power, textbook_size
from escape_mw.report.statistics import (
    Share,
    corrected,
    difference,
    difference_interval,
    ratio,
    wilson,
)

ALPHAS = st.floats(1e-6, 0.5)
SHARES = st.integers(1, 10**7).flatmap(
    lambda of: st.builds(Share, st.one_of(st.just(0), st.just(of), st.integers(0, of)), st.just(of))
)
WITH_OUTCOMES = SHARES.filter(lambda share: share.count > 0)
RATES = st.tuples(st.floats(1e-4, 0.98), st.floats(1e-3, 1)).map(
    lambda drawn: (drawn[0], drawn[0] + (0.99 - drawn[0]) * drawn[1])
)


def same(value):
    return pytest.approx(value, rel=1e-9, abs=1e-9)


def by_statsmodels(escape, holdout, **how):
    return confint_proportions_2indep(escape.count, escape.of, holdout.count, holdout.of, **how)


@given(SHARES, ALPHAS)
def test_wilson(share, alpha):
    expected = proportion_confint(share.count, share.of, alpha=alpha, method="wilson")
    assert wilson(share, alpha) == same(expected)


@given(SHARES, SHARES, ALPHAS)
def test_difference(escape, holdout, alpha):
    expected = by_statsmodels(escape, holdout, method="newcomb", compare="diff", alpha=alpha)
    assert difference(escape, holdout, alpha) == same(expected)


def test_difference_of_arrays():
    """As the power is summed: every result of one arm with every one of the other."""
    escape, holdout = np.arange(0, 401)[:, None], np.arange(0, 101)[None, :]
    expected = confint_proportions_2indep(
        escape, 400, holdout, 100, method="newcomb", compare="diff", alpha=0.05
    )
    for own, theirs in zip(
        difference_interval(escape, 400, holdout, 100, 0.05), expected, strict=True
    ):
        assert own.shape == (401, 101)
        assert np.abs(own - theirs).max() < 1e-9


@given(WITH_OUTCOMES, WITH_OUTCOMES, ALPHAS)
def test_ratio(escape, holdout, alpha):
    expected = by_statsmodels(escape, holdout, method="log", compare="ratio", alpha=alpha)
    assert ratio(escape, holdout, alpha) == same(expected)


@settings(max_examples=20)  # multipletests collects garbage at each call
@given(st.lists(st.floats(0, 1), min_size=1))
def test_corrected(p_values):
    assert corrected(p_values) == same(multipletests(p_values, method="holm")[1].tolist())


@given(RATES, st.floats(0.01, 0.99), st.floats(0.01, 0.999), ALPHAS)
def test_textbook_size(rates, holdout, power, alpha):
    baseline, rate = rates
    escape = samplesize_proportions_2indep_onetail(
        rate - baseline, baseline, power, ratio=holdout / (1 - holdout), alpha=alpha
    )
    size = textbook_size(baseline, rate, holdout, power, alpha)
    assert size == same(escape / (1 - holdout))


@given(RATES, st.integers(1, 10**7), st.integers(1, 10**7), ALPHAS)
def test_textbook_power(rates, escape, holdout, alpha):
    baseline, rate = rates
    expected = power_proportions_2indep(
        rate - baseline,
        baseline,
        escape,
        ratio=holdout / escape,
        alpha=alpha / 2,
        alternative="larger",
        return_results=False,
    )
    power = textbook_power(baseline, rate, Arms(escape, holdout), alpha)
    assert power == same(expected)
