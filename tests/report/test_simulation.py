"""Error rates of the verdict and of the watch over techniques, where the truth is known.

The seeds are fixed, so the results are the same in every run.
"""

from __future__ import annotations

import numpy as np
import pytest

from escape_mw.report.power import visits_needed
from escape_mw.report.statistics import ALPHA
from escape_mw.report.verdict import Totals, effect, is_enough, is_refused, verdict
from escape_mw.report.watch import watch

EXPERIMENTS, DAYS = 2000, 90
FOUND = ["better", "worse"]

pytestmark = pytest.mark.slow


def simulated(seed, per_day, rate, *, baseline=None, holdout=0.5, days=DAYS, kept=1.0):
    """Running totals of experiments, by day; `kept` is the share of held-out visits that count."""
    rng = np.random.default_rng(seed)
    shape = EXPERIMENTS, days
    visits = np.full(shape, per_day) if np.isscalar(per_day) else np.broadcast_to(per_day, shape)
    held = rng.binomial(visits, holdout)
    escape, held = visits - held, rng.binomial(held, kept)
    successes = rng.binomial(escape, rate), rng.binomial(held, baseline or rate)
    return Totals(*(arm.cumsum(-1) for arm in (escape, successes[0], held, successes[1])))


def error(rate):
    """One standard error of a share of the experiments."""
    return (rate * (1 - rate) / EXPERIMENTS) ** 0.5


WEEKS = np.where(np.arange(DAYS) % 7 < 5, 300, 900)
LAUNCH = np.where(np.arange(DAYS) < 2, 5000, 100)
NOTHING = [
    pytest.param(1, 1000, 0.05, 0.5, id="five in a hundred, half held out"),
    pytest.param(2, 1000, 0.05, 0.1, id="a tenth held out"),
    pytest.param(3, 100, 0.30, 0.5, id="few visits, many outcomes"),
    pytest.param(4, 100, 0.30, 0.1, id="few visits, a tenth held out"),
    pytest.param(5, 5000, 0.005, 0.5, id="rare outcomes"),
    pytest.param(6, 1000, 0.90, 0.5, id="nearly everybody"),
    pytest.param(7, 1000, 0.10, 0.9, id="most held out"),
    pytest.param(8, WEEKS, 0.05, 0.5, id="weekends"),
    pytest.param(9, LAUNCH, 0.05, 0.2, id="a launch, then little"),
]


@pytest.mark.parametrize(("seed", "per_day", "rate", "holdout"), NOTHING)
def test_without_a_difference_daily_looks_ever_say_one_in_at_most_one_of_twenty(
    seed, per_day, rate, holdout
):
    found = verdict(simulated(seed, per_day, rate, holdout=holdout), holdout)
    assert np.isin(found.said, FOUND).any(-1).mean() <= 0.05


@pytest.mark.parametrize(("seed", "per_day", "rate", "holdout"), NOTHING)
def test_a_plan_says_one_no_more_often(seed, per_day, rate, holdout):
    """The daily looks before it included; two standard errors are left to the simulation."""
    totals = simulated(seed + 100, per_day, rate, holdout=holdout)
    planned = int(np.median(totals.visits[:, DAYS // 2]))
    found = verdict(totals, holdout, planned)
    assert np.isin(found.said, FOUND).any(-1).mean() <= 0.05 + 2 * error(0.05)
    assert found.is_final[:, -1].all()


@pytest.mark.parametrize(("seed", "per_day", "rate", "holdout"), NOTHING)
def test_sound_experiments_are_not_refused(seed, per_day, rate, holdout):
    totals = simulated(seed + 200, per_day, rate, holdout=holdout)
    assert is_refused(totals, holdout)[:, -1].mean() <= 0.005


def test_daily_looks_at_the_interval_for_one_look_find_many():
    """Why the sequence is needed, and that this simulation would show peeking."""
    totals = simulated(20, 1000, 0.05)
    found = effect(totals, ALPHA, is_fixed=True)
    is_found = is_enough(totals) & ((found.low > 0) | (found.high < 0))
    assert is_found.any(-1).mean() > 0.25


@pytest.mark.parametrize(
    ("seed", "holdout"),
    [pytest.param(30, 0.5, id="half held out"), pytest.param(31, 0.1, id="a tenth held out")],
)
def test_the_truth_is_always_inside(seed, holdout):
    """For the difference and the ratio alike, on every day, where there is a lift."""
    totals = simulated(seed, 500, 0.075, baseline=0.05, holdout=holdout)
    found, enough = effect(totals), is_enough(totals)
    for low, high, truth in (
        (found.low, found.high, 0.025),
        (found.ratio_low, found.ratio_high, 1.5),
    ):
        is_missed = enough & ((truth < low) | (truth > high))
        assert is_missed.any(-1).mean() <= 0.05


def test_arms_that_lose_visits_are_refused():
    """A tenth of the held-out visits is lost: seen in most experiments by 10,000 visits."""
    refused = is_refused(simulated(32, 500, 0.05, days=40, kept=0.9), 0.5)
    assert refused[:, 19].mean() > 0.5
    assert refused[:, 39].mean() > 0.95


SIZES = [
    pytest.param(40, 0.10, 0.5, 0.5, id="a tenth, half held out"),
    pytest.param(41, 0.05, 0.5, 0.1, id="a tenth held out"),
    pytest.param(42, 0.02, 1.0, 0.5, id="a low rate doubled"),
    pytest.param(43, 0.30, 0.2, 0.8, id="most held out"),
    pytest.param(44, 0.05, 0.5, 0.5, id="five in a hundred"),
    pytest.param(45, 0.005, 0.5, 0.5, id="rare outcomes"),
]


def in_steps(seed, visits, baseline, lift, holdout):
    """Experiments that end at so many visits, after a month."""
    per_day = np.diff(np.linspace(0, visits, 31).astype(int))
    rate = baseline * (1 + lift)
    return simulated(seed, per_day, rate, baseline=baseline, holdout=holdout, days=30)


@pytest.mark.parametrize(("seed", "baseline", "lift", "holdout"), SIZES)
def test_by_the_printed_size_daily_looks_find_a_lift_in_four_of_five(seed, baseline, lift, holdout):
    visits = visits_needed(baseline, lift, holdout).daily
    found = verdict(in_steps(seed, visits, baseline, lift, holdout), holdout)
    assert 0.78 <= (found.said == "better").any(-1).mean() <= 0.84


@pytest.mark.parametrize(("seed", "baseline", "lift", "holdout"), SIZES)
def test_at_the_printed_size_a_plan_finds_it_in_four_of_five(seed, baseline, lift, holdout):
    visits = visits_needed(baseline, lift, holdout).planned
    found = verdict(in_steps(seed + 10, visits, baseline, lift, holdout), holdout, visits)
    assert found.is_final[:, -1].all()
    assert 0.78 <= (found.said[:, -1] == "better").mean() <= 0.84


# --- techniques -----------------------------------------------------------------------------------

HALF_YEAR, ROWS = 26 * 7, 24  # days; techniques of a site
RATE, DEAD = 0.6, 0.05


def arrivals(rng, per_day, rates, noise):
    """Visits a day and arrivals; both differ from day to day, and weekends from weekdays."""
    shown = rng.poisson(per_day * np.exp(rng.normal(0, 0.3, rates.shape)))
    weekend = 0.25 * (np.arange(rates.shape[-1]) % 7 >= 5)
    logits = np.log(rates / (1 - rates)) + rng.normal(0, noise, rates.shape) + weekend
    return shown, rng.binomial(shown, 1 / (1 + np.exp(-logits)))


def said(shown, arrived):
    return [state.said for state in watch(shown.tolist(), arrived.tolist())]


@pytest.mark.parametrize(("seed", "noise"), [(50, 0.15), (51, 0.3)])
def test_in_a_half_year_without_a_death_a_site_rarely_sees_one(seed, noise):
    """24 techniques of 3 to 2,000 visits a day; false in at most one of five half-years."""
    rng, half_years = np.random.default_rng(seed), 100
    found = 0
    for _ in range(half_years):
        per_day = np.exp(rng.uniform(np.log(3), np.log(2000), (ROWS, 1)))
        rates = np.broadcast_to(rng.uniform(0.05, 0.7, (ROWS, 1)), (ROWS, HALF_YEAR))
        shown, arrived = arrivals(rng, per_day, rates, noise)
        found += any("stopped" in said(*row) for row in zip(shown, arrived, strict=True))
    assert found / half_years <= 0.2


DEATHS = [
    pytest.param(52, 20, 1, id="20 visits a day"),
    pytest.param(53, 200, 1, id="200 visits a day"),
    pytest.param(54, 5, 4, id="5 visits a day"),
]


@pytest.mark.parametrize(("seed", "per_day", "median"), DEATHS)
def test_a_death_is_seen_and_stays_said(seed, per_day, median):
    rng, begin, days = np.random.default_rng(seed), 60, 60
    rates = np.full((300, begin + days), RATE)
    rates[:, begin:] = DEAD
    rows = zip(*arrivals(rng, per_day, rates, 0.15), strict=True)
    after = [said(*row)[begin:] for row in rows]
    first = [row.index("stopped") + 1 for row in after if "stopped" in row]
    assert len(first) >= 0.99 * len(after)
    assert np.median(first) <= median
    assert all("steady" not in row[row.index("stopped") :] for row in after if "stopped" in row)
