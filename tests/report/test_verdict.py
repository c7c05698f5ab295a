"""The verdict's formulas against published examples, what it says, and a plan's freezing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import binom, norm

from escape_mw.report.power import visits_needed
from escape_mw.report.verdict import Totals, boundary, effect, is_enough, is_refused, verdict


def totals(escape, holdout):
    """Each arm as (count, of)."""
    return Totals(escape[1], escape[0], holdout[1], holdout[0])


def days(*rows):
    """Both arms by day, each as (escape with, escape, holdout with, holdout)."""
    k, n, j, m = np.array(rows).T
    return Totals(n, k, m, j)


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
def test_difference_for_one_look(escape, holdout, low, high):
    found = effect(totals(escape, holdout), is_fixed=True)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def by_the_paper(t, alpha, rho):
    """Theorem 2.2 of Waudby-Smith et al. (2024), in standard errors."""
    return math.sqrt(t) * math.sqrt(
        2 * (t * rho**2 + 1) / (t**2 * rho**2) * math.log(math.sqrt(t * rho**2 + 1) / alpha)
    )


@given(st.integers(1, 10**8), st.floats(1e-4, 0.5), st.floats(1e-3, 1))
def test_boundary_is_that_of_the_paper(visits, alpha, rho):
    assert boundary(visits * rho**2, alpha) == pytest.approx(by_the_paper(visits, alpha, rho))


@given(st.floats(1e-6, 1e9), st.floats(0.001, 0.2))
def test_boundary_is_wider_than_one_look(spread, alpha):
    assert boundary(spread, alpha) > norm.isf(alpha / 2)


def test_the_sequence_is_narrowest_where_it_usually_ends():
    """Of relative lifts that it could be tuned to, for +50 % at a size that finds it."""
    size = visits_needed(0.05, 0.5).daily / 2
    variance = (0.05 * 0.95 + 0.075 * 0.925) / size
    reaches = {lift: boundary((lift * 0.0625) ** 2 / variance, 0.05) for lift in (0.1, 0.37, 2)}
    assert min(reaches, key=reaches.get) == 0.37


# --- properties that hold for all numbers ---------------------------------------------------------


@st.composite
def arms(draw, least=1):
    of = draw(st.integers(2 * least, 2_000_000))
    return draw(st.integers(least, of - least)), of


@given(arms(), arms(), st.booleans())
def test_ratio_and_difference_agree(escape, holdout, is_fixed):
    """One excludes 1 exactly if the other excludes 0: no verdict differs from its lift."""
    found = effect(totals(escape, holdout), is_fixed=is_fixed)
    for limit, ratio in ((found.low, found.ratio_low), (found.high, found.ratio_high)):
        if abs(limit) > 1e-12:
            assert (limit > 0) == (ratio > 1)


@given(arms(), arms(), st.booleans())
def test_limits_surround_the_estimate(escape, holdout, is_fixed):
    found = effect(totals(escape, holdout), is_fixed=is_fixed)
    assert found.low <= found.escape - found.holdout <= found.high
    assert 0 <= found.ratio_low <= found.escape / found.holdout <= found.ratio_high


@given(arms(), arms())
def test_arms_exchanged(escape, holdout):
    one, other = effect(totals(escape, holdout)), effect(totals(holdout, escape))
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-12)
    if math.isfinite(one.ratio_high):
        assert one.ratio_high == pytest.approx(1 / other.ratio_low, rel=1e-6)


@given(arms(10), arms(10))
def test_looking_every_day_is_wider_than_one_look(escape, holdout):
    often, once = (effect(totals(escape, holdout), is_fixed=fixed) for fixed in (False, True))
    assert often.low < once.low
    assert once.high < often.high


RATIOS = [
    pytest.param((189, 11_034), (104, 11_037), id="heart attacks, Physicians' Health Study"),
    pytest.param((30, 200), (20, 200), id="few visits"),
    pytest.param((900, 1000), (850, 1000), id="high rates"),
]


@pytest.mark.parametrize(("escape", "holdout"), RATIOS)
def test_the_ratio_s_limits_are_where_a_difference_ends(escape, holdout):
    """By search: the R for which the combined interval of p - R q ends at 0."""
    found = effect(totals(escape, holdout), is_fixed=True)
    p, q = found.escape, found.holdout
    z = norm.isf(0.025)
    (p_low, p_high), (q_low, q_high) = (wilson(*arm, z) for arm in (escape, holdout))
    low = brentq(lambda r: p - r * q - math.hypot(p - p_low, r * (q_high - q)), 0, p / q)
    high = brentq(lambda r: p - r * q + math.hypot(p_high - p, r * (q - q_low)), p / q, 100)
    assert (found.ratio_low, found.ratio_high) == pytest.approx((low, high), rel=1e-6)


def wilson(count, of, z):
    """The score interval, by its equation."""
    rate = count / of
    ends = np.roots([1 + z**2 / of, -2 * rate - z**2 / of, rate**2])
    return min(ends), max(ends)


# --- what is said ---------------------------------------------------------------------------------

ENOUGH = [
    pytest.param((10, 20), (10, 20), True, id="ten of each"),
    pytest.param((9, 20), (10, 20), False, id="nine outcomes"),
    pytest.param((9, 20), (11, 20), False, id="nine without"),
    pytest.param((0, 0), (10, 20), False, id="an empty arm"),
]


@pytest.mark.parametrize(("escape", "holdout", "enough"), ENOUGH)
def test_is_enough(escape, holdout, enough):
    assert is_enough(totals(escape, holdout)) == enough


SAID = [
    pytest.param((240, 2000, 140, 2000), 0, "better", id="more"),
    pytest.param((140, 2000, 240, 2000), 0, "worse", id="fewer"),
    pytest.param((150, 2000, 140, 2000), 0, "no-difference", id="about as many"),
    pytest.param((9, 2000, 140, 2000), 0, "too-early", id="nine outcomes"),
    pytest.param((150, 2000, 140, 2600), 0, "refused", id="arms of other sizes"),
    pytest.param((180, 2000, 140, 2000), 0, "no-difference", id="one look would find it"),
    pytest.param((180, 2000, 140, 2000), 4000, "better", id="it was planned to be looked at once"),
    pytest.param((180, 2000, 140, 2000), 4001, "too-early", id="one planned visit is missing"),
    pytest.param((300, 2000, 140, 2000), 9000, "better", id="beyond doubt, before the plan"),
]


@pytest.mark.parametrize(("row", "planned", "said"), SAID)
def test_said(row, planned, said):
    assert verdict(days(row), 0.5, planned).said[-1] == said


def test_a_plan_is_frozen_when_it_is_reached():
    """Whatever comes later, however clear."""
    rows = (60, 1000, 60, 1000), (130, 2000, 125, 2000), (900, 4000, 300, 4000)
    found = verdict(days(*rows), 0.5, 3500)
    assert list(found.said) == ["too-early", "no-difference", "no-difference"]
    assert list(found.is_final) == [False, True, True]
    assert found.effect.escape[2] == 130 / 2000
    assert verdict(days(*rows), 0.5).said[-1] == "better", "without a plan it would be seen"


def test_what_was_refused_stays_refused():
    rows = (100, 1000, 100, 1300), (900, 9000, 900, 9000)
    assert list(is_refused(days(*rows), 0.5)) == [True, True]
    assert not is_refused(days(rows[1]), 0.5)[-1]


SPLITS = [
    pytest.param(821_588, 815_482, 0.5, True, id="Kohavi, Tang and Xu (2020), chapter 21"),
    pytest.param(705, 224, 0.25, False, id="Mendel's flowers, three to one"),
    pytest.param(0, 0, 0.5, False, id="no visits"),
]


@pytest.mark.parametrize(("escape", "holdout", "share", "refused"), SPLITS)
def test_refused(escape, holdout, share, refused):
    assert is_refused(days((0, escape, 0, holdout)), share)[-1] == refused


# --- sizes ----------------------------------------------------------------------------------------

SIZES = [
    pytest.param(0.60, 0.10 / 0.60, 712, id="Fleiss: 60 and 70 in a hundred"),
    pytest.param(0.10, 0.50, 1372, id="10 and 15 in a hundred"),
    pytest.param(0.01, 0.50, 15_500, id="10 and 15 in a thousand"),
]


@pytest.mark.parametrize(("baseline", "lift", "textbook"), SIZES)
def test_a_plan_of_equal_arms_has_the_textbook_s_size(baseline, lift, textbook):
    size = visits_needed(baseline, lift)
    assert size.planned == pytest.approx(textbook, rel=0.02)
    assert 1.6 < size.daily / size.planned < 2


def test_an_uneven_split_needs_more():
    assert visits_needed(0.1, 0.5, 0.1).planned > 2.5 * visits_needed(0.1, 0.5).planned


def test_rare_outcomes_need_ten_in_each_arm():
    """From 2 to 8 %: the textbook asks for 206 visits in each arm, with 4 outcomes held out."""
    held_out = round(visits_needed(0.02, 3.0).planned / 2)
    assert round(float(binom.sf(9, held_out, 0.02)), 2) == 0.98, "in 98 of 100 experiments"


IMPOSSIBLE = [
    pytest.param(0.8, 0.5, id="a rate above 1"),
    pytest.param(0.0, 0.5, id="+50 % of zero"),
    pytest.param(0.1, 0.0, id="no lift"),
]


@pytest.mark.parametrize(("baseline", "lift"), IMPOSSIBLE)
def test_no_size_shows_that(baseline, lift):
    with pytest.raises(ValueError, match="both must lie between 0 and 1"):
        visits_needed(baseline, lift)
