"""Each method against a published example, and against properties that hold for all numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from escape_mw.report.power import Arms, chance_to_find, smallest_lift, visits_needed
from escape_mw.report.statistics import (
    TIGHTEST,
    Interval,
    Share,
    always_valid_difference,
    always_valid_ratio,
    boundary,
    corrected,
    difference,
    drop,
    is_enough,
    ratio,
    sample_ratio,
    wilson,
)

# R. G. Newcombe (1998), "Two-sided confidence intervals for the single proportion", table I,
# method 3.
SINGLE = [
    pytest.param(81, 263, 0.2553, 0.3662, id="81 of 263"),
    pytest.param(15, 148, 0.0624, 0.1605, id="15 of 148"),
    pytest.param(0, 20, 0.0000, 0.1611, id="0 of 20"),
    pytest.param(1, 29, 0.0061, 0.1718, id="1 of 29"),
]


@pytest.mark.parametrize(("count", "of", "low", "high"), SINGLE)
def test_wilson(count, of, low, high):
    assert wilson(Share(count, of)) == pytest.approx((low, high), abs=5e-5)


def test_wilson_of_nothing():
    assert wilson(Share(0, 0)) is None
    assert Share(0, 0).rate == 0


# R. G. Newcombe (1998), "Interval estimation for the difference between independent proportions",
# table II, method 10.
DIFFERENCES = [
    pytest.param((56, 70), (48, 80), 0.0524, 0.3339, id="56/70 and 48/80"),
    pytest.param((9, 10), (3, 10), 0.1705, 0.8090, id="9/10 and 3/10"),
    pytest.param((6, 7), (2, 7), 0.0582, 0.8062, id="6/7 and 2/7"),
    pytest.param((5, 56), (0, 29), -0.0381, 0.1926, id="5/56 and 0/29"),
    pytest.param((0, 10), (0, 20), -0.1611, 0.2775, id="0/10 and 0/20"),
    pytest.param((0, 10), (0, 10), -0.2775, 0.2775, id="0/10 and 0/10"),
    pytest.param((10, 10), (0, 20), 0.6791, 1.0000, id="10/10 and 0/20"),
    pytest.param((10, 10), (0, 10), 0.6075, 1.0000, id="10/10 and 0/10"),
]


@pytest.mark.parametrize(("escape", "holdout", "low", "high"), DIFFERENCES)
def test_difference(escape, holdout, low, high):
    assert difference(Share(*escape), Share(*holdout)) == pytest.approx((low, high), abs=5e-5)


def test_ratio():
    """Heart attacks in the Physicians' Health Study: 1.43 to 2.30.

    A. Agresti, "An Introduction to Categorical Data Analysis", 2.2.3.
    """
    assert ratio(Share(189, 11_034), Share(104, 11_037)) == pytest.approx((1.43, 2.30), abs=0.01)


RATIOS = [
    pytest.param(
        821_588,
        815_482,
        0.5,
        1.8e-6,
        id="Kohavi, Tang and Xu (2020), Trustworthy Online Controlled Experiments, chapter 21",
    ),
    pytest.param(705, 224, 0.25, 0.5319, id="Mendel's flowers, three to one"),
    pytest.param(500, 500, 0.5, 1.0, id="exactly as planned"),
]


@pytest.mark.parametrize(("escape", "holdout", "planned", "p"), RATIOS)
def test_sample_ratio(escape, holdout, planned, p):
    assert sample_ratio(escape, holdout, planned) == pytest.approx(p, rel=0.02)


DROPS = [
    pytest.param((3, 4), (1, 4), 17 / 70, id="the lady tasting tea, reversed"),
    pytest.param((1, 4), (3, 4), 69 / 70, id="a rise is not a drop"),
    pytest.param((0, 50), (0, 20), 1.0, id="never worked"),
    pytest.param((90, 100), (0, 20), 1.7e-15, id="stopped completely"),
]


@pytest.mark.parametrize(("before", "now", "p"), DROPS)
def test_drop(before, now, p):
    assert drop(Share(*before), Share(*now)) == pytest.approx(p, rel=0.1)


def test_corrected():
    assert corrected([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert corrected([]) == []


# --- the always-valid interval --------------------------------------------------------------------


def by_the_paper(t, alpha, rho):
    """Theorem 2.2 of Waudby-Smith et al. (2024), in standard errors."""
    return math.sqrt(t) * math.sqrt(
        2 * (t * rho**2 + 1) / (t**2 * rho**2) * math.log(math.sqrt(t * rho**2 + 1) / alpha)
    )


@pytest.mark.parametrize("visits", [20, 1000, 5000, 1_000_000])
def test_boundary_is_that_of_the_paper(visits):
    """With the paper's own approximation of the best rho, it is the same within 2 %."""
    rho = math.sqrt((-2 * math.log(0.05) + math.log(-2 * math.log(0.05) + 1)) / TIGHTEST)
    assert boundary(visits) == pytest.approx(by_the_paper(visits, 0.05, rho), rel=0.02)


def test_boundary_is_narrowest_where_it_says():
    widths = {
        tightest: boundary(5000, tightest=tightest)
        for tightest in (500, 2000, 4500, 5000, 5500, 20_000)
    }
    assert min(widths, key=widths.get) == 5000


@settings(deadline=None)
@given(st.integers(1, 10**9), st.floats(0.001, 0.2))
def test_boundary_is_wider_than_one_look(visits, alpha):
    assert boundary(visits, alpha) > norm.isf(alpha / 2)


def test_always_valid_by_hand():
    low, high = always_valid_difference(Share(150, 1000), Share(100, 1000))
    error = math.sqrt(0.15 * 0.85 / 1000 + 0.1 * 0.9 / 1000)
    assert (low, high) == pytest.approx(
        (0.05 - error * boundary(2000), 0.05 + error * boundary(2000))
    )
    assert low < 0.02 < difference(Share(150, 1000), Share(100, 1000)).low


# --- properties that hold for all numbers ---------------------------------------------------------


@st.composite
def shares(draw, least=0):
    of = draw(st.integers(max(1, 2 * least), 2_000_000))
    return Share(draw(st.integers(least, of - least)), of)


@settings(deadline=None)
@given(shares())
def test_wilson_contains_the_rate(share):
    low, high = wilson(share)
    assert 0 <= low <= share.rate + 1e-12
    assert share.rate - 1e-12 <= high <= 1


@settings(deadline=None)
@given(shares(), shares())
def test_difference_is_antisymmetric(one, other):
    low, high = difference(one, other)
    assert -1 - 1e-9 <= low <= one.rate - other.rate + 1e-12
    assert one.rate - other.rate - 1e-12 <= high <= 1 + 1e-9
    assert difference(other, one) == pytest.approx((-high, -low), abs=1e-9)


@settings(deadline=None)
@given(shares(10), shares(10))
def test_ratio_is_reciprocal(one, other):
    low, high = ratio(one, other)
    assert 0 < low < one.rate / other.rate < high
    assert ratio(other, one) == pytest.approx((1 / high, 1 / low))


@settings(deadline=None)
@given(shares(10), shares(10))
def test_always_valid_is_wider(one, other):
    low, high = always_valid_ratio(one, other)
    assert low < one.rate / other.rate < high
    low, high = always_valid_difference(one, other)
    fixed = difference(one, other)
    assert high - low > (fixed.high - fixed.low) * 0.9


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_correction_never_lowers_a_p_value(values):
    assert all(after >= before for before, after in zip(values, corrected(values), strict=True))


def test_excludes():
    assert Interval(0.1, 0.2).excludes(0)
    assert not Interval(-0.1, 0.2).excludes(0)
    assert not Interval(0.0, 0.2).excludes(0)


ENOUGH = [
    pytest.param(((10, 20), (10, 20)), True, id="ten of each"),
    pytest.param(((9, 20), (10, 20)), False, id="nine outcomes"),
    pytest.param(((10, 20), (11, 20)), False, id="nine without"),
    pytest.param(((0, 0), (10, 20)), False, id="an empty arm"),
]


@pytest.mark.parametrize(("arms", "enough"), ENOUGH)
def test_is_enough(arms, enough):
    assert is_enough(*(Share(*arm) for arm in arms)) is enough


# --- sizes ----------------------------------------------------------------------------------------

SIZES = [
    pytest.param(0.60, 0.10 / 0.60, 0.8, 0.05, 356, id="Fleiss: 60 and 70 in a hundred, 80 %"),
    pytest.param(0.60, 0.10 / 0.60, 0.9, 0.05, 477, id="Fleiss: 60 and 70 in a hundred, 90 %"),
    pytest.param(0.10, 0.50, 0.8, 0.05, 686, id="10 and 15 in a hundred, 80 %"),
    pytest.param(0.10, 0.50, 0.8, 0.01, 1020, id="10 and 15 in a hundred, at 1 %"),
]


@pytest.mark.parametrize(("baseline", "lift", "power", "alpha", "each"), SIZES)
def test_sizes_are_the_textbook_s(baseline, lift, power, alpha, each):
    arms = visits_needed(baseline, lift, power=power, alpha=alpha)
    assert each <= arms.holdout <= each * 1.03
    assert abs(arms.escape - arms.holdout) <= 1


def test_an_uneven_split_needs_more():
    even, uneven = visits_needed(0.1, 0.5), visits_needed(0.1, 0.5, 0.1)
    assert uneven.holdout == pytest.approx(uneven.visits * 0.1, abs=1)
    assert uneven.visits > 2.5 * even.visits


def test_rare_outcomes_need_ten_in_each_arm():
    """From 2 to 8 %: the textbook asks for 206 visits in each arm, with 4 outcomes held out."""
    assert visits_needed(0.02, 3.0).holdout * 0.02 > 10


IMPOSSIBLE = [
    pytest.param(0.8, 0.5, id="a rate above 1"),
    pytest.param(0.0, 0.5, id="+50 % of zero"),
    pytest.param(0.1, 0.0, id="no lift"),
]


@pytest.mark.parametrize(("baseline", "lift"), IMPOSSIBLE)
def test_no_size_shows_that(baseline, lift):
    with pytest.raises(ValueError, match="both must lie between 0 and 1"):
        visits_needed(baseline, lift)


@pytest.mark.parametrize(
    ("baseline", "lift", "holdout"), [(0.1, 0.5, 0.5), (0.3, 0.2, 0.2), (0.01, 1.0, 0.5)]
)
def test_the_smallest_lift_of_a_size_is_the_one_it_was_made_for(baseline, lift, holdout):
    assert smallest_lift(baseline, visits_needed(baseline, lift, holdout)) == pytest.approx(
        lift, rel=0.02
    )


TOO_SMALL = [
    pytest.param(0.1, Arms(0, 100), id="no escapes"),
    pytest.param(0.1, Arms(100, 0), id="no holdout"),
    pytest.param(0.0, Arms(100, 100), id="no rate"),
    pytest.param(0.1, Arms(30, 30), id="too few for ten outcomes"),
    pytest.param(0.97, Arms(1000, 1000), id="a rate too close to 1"),
]


@pytest.mark.parametrize(("baseline", "arms"), TOO_SMALL)
def test_no_lift_would_be_found(baseline, arms):
    assert smallest_lift(baseline, arms) is None


def test_exact_and_normal_power_agree():
    """Just below and just above the number of results that are evaluated one by one."""
    exact, normal = (
        chance_to_find(0.1, 0.1 + 0.8 / math.sqrt(visits), Arms(visits, visits))
        for visits in (36_000, 40_000)
    )
    assert exact == pytest.approx(normal, abs=0.01)
