"""Each method against a published example, and against properties that hold for all numbers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escape_mw.report.statistics import Interval, Share, wilson

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


def test_excludes():
    assert Interval(0.1, 0.2).excludes(0)
    assert not Interval(-0.1, 0.2).excludes(0)
    assert not Interval(0.0, 0.2).excludes(0)
