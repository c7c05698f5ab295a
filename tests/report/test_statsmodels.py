"""The report's own formulas give what statsmodels gives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from escape_mw.report.statistics import Share, score_interval, wilson
from escape_mw.report.verdict import Totals, effect

ALPHAS = st.floats(1e-6, 0.5)
ARMS = st.integers(1, 10**7).flatmap(
    lambda of: st.tuples(
        st.one_of(st.just(0), st.just(of), st.integers(0, of)),
        st.just(of),
    )
)


def same(value):
    return pytest.approx(value, rel=1e-9, abs=1e-9)


@given(ARMS, ALPHAS)
def test_score_interval(arm, alpha):
    expected = proportion_confint(*arm, alpha=alpha, method="wilson")
    assert score_interval(*arm, norm.isf(alpha / 2)) == same(expected)


@given(ARMS)
def test_wilson(arm):
    assert wilson(Share(*arm)) == same(proportion_confint(*arm, method="wilson"))


@given(ARMS, ARMS, ALPHAS)
def test_difference_for_one_look(escape, holdout, alpha):
    expected = confint_proportions_2indep(
        *escape, *holdout, method="newcomb", compare="diff", alpha=alpha
    )
    found = effect(Totals(*escape[::-1], *holdout[::-1]), alpha, is_fixed=True)
    assert (found.low, found.high) == same(expected)
