"""Error rates and power of the report, over thousands of simulated experiments with known rates.

The seeds are fixed, so the results are the same in every run.
"""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep

from escape_mw.report.power import visits_needed
from escape_mw.report.readings import MISMATCH, blocking_reason
from escape_mw.report.statistics import (
    ENOUGH,
    Share,
    always_valid_difference,
    boundary,
    difference,
    sample_ratio,
)

EXPERIMENTS = 2000
PER_DAY = 100
BASELINE, LIFT = 0.10, 0.5

pytestmark = pytest.mark.slow


def simulated(seed, visits, *, rate=BASELINE, baseline=BASELINE, holdout=0.5, days=1):
    """Running totals of both arms: successes and sizes, each an array of experiments x days."""
    rng = np.random.default_rng(seed)
    per_day = np.full((EXPERIMENTS, days), visits // days) + (np.arange(days) < visits % days)
    held = rng.binomial(per_day, holdout)
    arms = []
    for sizes, chance in ((per_day - held, rate), (held, baseline)):
        arms.append(
            SimpleNamespace(
                count=rng.binomial(sizes, chance).cumsum(axis=1), of=sizes.cumsum(axis=1)
            )
        )
    return arms


def shares(arms, experiment, day=-1):
    return [Share(int(arm.count[experiment, day]), int(arm.of[experiment, day])) for arm in arms]


def always_valid(arms):
    """The always-valid interval of each experiment on each day; infinite if an arm is too small."""
    escape, holdout = arms
    rates = [arm.count / np.maximum(arm.of, 1) for arm in arms]
    error = np.sqrt(
        sum(
            rate * (1 - rate) / np.maximum(arm.of, 1) for rate, arm in zip(rates, arms, strict=True)
        )
    )
    reach = error * np.vectorize(lambda visits: boundary(int(visits)))(escape.of + holdout.of)
    reach[
        np.minimum.reduce([arm.count for arm in arms] + [arm.of - arm.count for arm in arms])
        < ENOUGH
    ] = math.inf
    return rates[0] - rates[1] - reach, rates[0] - rates[1] + reach


def test_the_vectorised_interval_is_the_report_s_own():
    arms = simulated(0, 3000, rate=0.13, days=10)
    low, high = always_valid(arms)
    for experiment in range(20):
        assert (low[experiment, 9], high[experiment, 9]) == pytest.approx(
            always_valid_difference(*shares(arms, experiment))
        )


NOTHING = [
    pytest.param(1, 0.10, 0.5, 1372, id="a tenth, half held out"),
    pytest.param(2, 0.03, 0.5, 5000, id="three in a hundred"),
    pytest.param(3, 0.10, 0.2, 4000, id="a fifth held out"),
    pytest.param(4, 0.40, 0.5, 800, id="many outcomes, few visits"),
]


@pytest.mark.parametrize(("seed", "rate", "holdout", "visits"), NOTHING)
def test_without_a_lift_one_look_finds_one_in_a_twentieth(seed, rate, holdout, visits):
    arms = simulated(seed, visits, rate=rate, baseline=rate, holdout=holdout)
    found = sum(difference(*shares(arms, number)).excludes(0) for number in range(EXPERIMENTS))
    assert found / EXPERIMENTS == pytest.approx(0.05, abs=0.012)


@pytest.mark.parametrize(("seed", "rate", "holdout", "visits"), NOTHING)
def test_without_a_lift_daily_looks_find_one_no_more_often(seed, rate, holdout, visits):
    arms = simulated(seed + 10, 10_000, rate=rate, baseline=rate, holdout=holdout, days=100)
    low, high = always_valid(arms)
    assert ((low > 0) | (high < 0)).any(axis=1).mean() <= 0.05, visits


def test_daily_looks_at_the_interval_for_one_look_find_many():
    """Why the always-valid interval is needed, and that this simulation would show peeking."""
    arms = simulated(20, 10_000, days=100)
    found = sum(
        any(difference(*shares(arms, number, day)).excludes(0) for day in range(9, 100, 10))
        for number in range(200)
    )
    assert found / 200 > 0.1


@pytest.mark.parametrize(
    ("seed", "holdout"),
    [pytest.param(30, 0.5, id="half held out"), pytest.param(31, 0.1, id="a tenth held out")],
)
def test_arms_as_planned_are_accepted(seed, holdout):
    arms = simulated(seed, 2000, holdout=holdout)
    fired = sum(
        sample_ratio(*(share.of for share in shares(arms, number)), holdout) < MISMATCH
        for number in range(EXPERIMENTS)
    )
    assert fired / EXPERIMENTS <= 0.003


def test_arms_not_as_planned_are_detected():
    arms = simulated(32, 2000, holdout=0.6)
    caught = sum(
        sample_ratio(*(share.of for share in shares(arms, number)), 0.5) < MISMATCH
        for number in range(EXPERIMENTS)
    )
    assert caught / EXPERIMENTS > 0.99


SIZES = [
    pytest.param(40, 0.10, 0.5, 0.5, id="a tenth, half held out"),
    pytest.param(41, 0.10, 0.5, 0.1, id="a tenth held out"),
    pytest.param(42, 0.02, 1.0, 0.5, id="a low rate doubled"),
    pytest.param(43, 0.30, 0.2, 0.8, id="most held out"),
    pytest.param(44, 0.02, 3.0, 0.5, id="a large lift, limited by ten outcomes per arm"),
]


@pytest.mark.parametrize(("seed", "baseline", "lift", "holdout"), SIZES)
def test_at_the_printed_size_the_report_finds_a_lift(seed, baseline, lift, holdout):
    """Found: with the size planned, the report prints a lift and its interval is above zero."""
    visits = visits_needed(baseline, lift, holdout).visits
    arms = simulated(seed, visits, rate=baseline * (1 + lift), baseline=baseline, holdout=holdout)
    found = 0
    for number in range(EXPERIMENTS):
        escape, held = shares(arms, number)
        printed = not blocking_reason(
            escape, held, sample_ratio(escape.of, held.of, holdout), visits
        )
        found += printed and difference(escape, held).low > 0
    assert found / EXPERIMENTS >= 0.8 - 2 * math.sqrt(0.8 * 0.2 / EXPERIMENTS)


@pytest.mark.parametrize(("seed", "baseline", "lift", "holdout"), SIZES)
def test_at_the_printed_size_a_lift_is_found_in_four_of_five(seed, baseline, lift, holdout):
    """The same over so many experiments that the simulation's own error is negligible."""
    visits, experiments = visits_needed(baseline, lift, holdout).visits, 400_000
    rng = np.random.default_rng(seed + 10)
    held = rng.binomial(visits, holdout, experiments)
    escape, holdouts = (
        rng.binomial(visits - held, baseline * (1 + lift)),
        rng.binomial(held, baseline),
    )
    low, _ = confint_proportions_2indep(
        escape, visits - held, holdouts, held, method="newcomb", compare="diff"
    )
    enough = (
        np.minimum.reduce([escape, holdouts, visits - held - escape, held - holdouts]) >= ENOUGH
    )
    assert 0.8 <= ((low > 0) & enough).mean() < 0.82
