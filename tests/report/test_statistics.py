"""Each method against a published example, and against properties that hold for all numbers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escape_mw.report.statistics import Interval, Share, corrected, drop, wilson

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


# --- properties that hold for all numbers ---------------------------------------------------------


@st.composite
def shares(draw):
    of = draw(st.integers(1, 2_000_000))
    return Share(draw(st.integers(0, of)), of)


@settings(deadline=None)
@given(shares())
def test_wilson_contains_the_rate(share):
    low, high = wilson(share)
    assert 0 <= low <= share.rate + 1e-12
    assert share.rate - 1e-12 <= high <= 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_correction_never_lowers_a_p_value(values):
    assert all(after >= before for before, after in zip(values, corrected(values), strict=True))


def test_excludes():
    assert Interval(0.1, 0.2).excludes(0)
    assert not Interval(-0.1, 0.2).excludes(0)
    assert not Interval(0.0, 0.2).excludes(0)
