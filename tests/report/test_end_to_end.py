"""What the report prints of visitors whose true lift is known: simulated, through the middleware.

The seeds are fixed, those of the visits' ids too, so the results are the same in every run.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from escape_mw.cli.main import main
from escape_mw.decision.tokens import Tokens
from escape_mw.events.database import Database
from escape_mw.report.counts import Scope
from escape_mw.report.readings import SETTLING, Plan
from escape_mw.report.summary import summary

from .visitors import DAY, FIRST_DAY, Habits, Site, crowd, names, rules


@pytest.fixture
def rng(monkeypatch, request):
    """Random numbers from a seed; visits' ids have others, so that they change no visitor."""
    ids = np.random.default_rng(request.param + 1000)

    def new_visit(moment):
        return f"{moment // DAY:04x}{ids.bytes(6).hex()}"

    monkeypatch.setattr(Tokens, "new_visit", staticmethod(new_visit))
    return np.random.default_rng(request.param)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'events.sqlite3'}"


def printed(url):
    """What the command prints of each experiment."""
    said = CliRunner().invoke(main, ["report", "--db", url, "--holdout", "0.5", "--json"])
    assert said.exit_code == 0, said.output
    report = json.loads(said.stdout)
    assert report["tallies"]["dropped"] == report["tallies"]["forged"] == 0
    return {one["experiment"]: one for one in report["experiments"]}


def arms(came):
    """How many of each arm pre-saved, of how many; by the model."""
    outcomes = {True: [], False: []}
    for is_escaped, outcome in came:
        outcomes[is_escaped].append(outcome)
    return {
        arm: {"count": sum(outcomes[is_escaped]), "of": len(outcomes[is_escaped])}
        for arm, is_escaped in (("escape", True), ("holdout", False))
    }


EXACT = [
    pytest.param(1, Habits(), id="as nearly everybody does"),
    pytest.param(2, Habits(lift=0), id="where there is no lift"),
    pytest.param(3, Habits(lost=0.2), id="a fifth of the beacons is lost"),
    pytest.param(4, Habits(private=0.1), id="a tenth asks for privacy"),
    pytest.param(5, Habits(is_flow=True), id="a flow of two guarded pages"),
    pytest.param(6, Habits(is_flow=True, private=0.1, lost=0.2), id="all of these"),
]


@pytest.mark.parametrize(("rng", "habits"), EXACT, indirect=["rng"])
def test_each_visit_and_each_outcome_is_printed_once_and_in_its_arm(rng, habits, url):
    site, [name] = Site(rules(url, 1)), names(1)
    came = site.receive(name, crowd(rng, 1000, FIRST_DAY, habits), habits)
    for arm, expected in arms(came).items():
        found = printed(url)[name][arm]
        assert {key: found[key] for key in expected} == expected


# --- the lift -------------------------------------------------------------------------------------

RUNS, DAYS = 8, 4
EVERYTHING = Habits(
    reloads=0.15, again=0.5, lost=0.2, private=0.1, scriptless=0.05, shares=0.015, is_flow=True
)
LIFTS = [
    pytest.param(11, Habits(reloads=0.15), 500, 2, id="failed visitors reload, in vain"),
    pytest.param(12, Habits(reloads=0.15, lift=0), 500, 2, id="they reload where there is no lift"),
    pytest.param(
        13, Habits(scriptless=0.05), 500, 2.5, id="no script runs in one webview of twenty"
    ),
    pytest.param(
        14, Habits(shares=0.015), 500, 2.5, id="friends with the same phone open the address"
    ),
    pytest.param(
        15,
        Habits(shares=0.015, elsewhere=0.015),
        500,
        2.5,
        id="friends with any phone open three of a hundred addresses",
    ),
    pytest.param(16, EVERYTHING, 1000, 2.5, id="everything at once"),
]


def lift_of(came):
    """The lift of those who came, by the model: their first visits, by the arm that they met."""
    counted = arms(came)
    rates = {arm: counted[arm]["count"] / counted[arm]["of"] for arm in counted}
    return rates["escape"] / rates["holdout"] - 1


def error_of(habits, visits):
    """One standard error of a lift with so many visits in each arm."""
    rates = habits.base * (1 + habits.lift), habits.base
    return (1 + habits.lift) * sum((1 - rate) / rate / visits for rate in rates) ** 0.5


@pytest.mark.slow
@pytest.mark.parametrize(("rng", "habits", "per_day", "points"), LIFTS, indirect=["rng"])
def test_the_printed_lift_is_about_the_true_one(rng, habits, per_day, points, url):
    """Compared with the lift of the same visitors by the model, which leaves chance out.

    That lift is the true one, but for chance; and the difference has a standard error of its own,
    by experiments, that is small beside the points allowed and is left to chance once.
    """
    site, lifts = Site(rules(url, RUNS)), []
    for name in names(RUNS):
        came = []
        for day in range(FIRST_DAY, FIRST_DAY + DAYS):
            came += site.receive(name, crowd(rng, per_day, day, habits), habits)
        lifts.append(lift_of(came))
    found = printed(url)
    shown = [found[name]["lift"]["ratio"]["estimate"] - 1 for name in names(RUNS)]
    assert all(found[name]["said"] != "refused" for name in names(RUNS))
    assert abs(np.mean(lifts) - habits.lift) < 3 * error_of(habits, RUNS * DAYS * per_day / 2)
    bias = 100 * np.subtract(shown, lifts)
    error = bias.std(ddof=1) / RUNS**0.5
    assert abs(bias.mean()) <= points + error
    assert error < points / 3


# --- daily looks ----------------------------------------------------------------------------------

EXPERIMENTS, WEEKS, A_DAY = 40, 2, 50
NOTHING = Habits(lift=0, base=0.3, reloads=0.15, lost=0.2, private=0.1, is_flow=True)
LOOKS = [
    pytest.param(21, {}, id="without a plan"),
    pytest.param(22, {"planned": 300}, id="with a plan"),
]


def looks(site, rng, url):
    """What the report says of each experiment after each day; the days after the last included."""
    database, said = Database(url), {name: [] for name in names(EXPERIMENTS)}
    for day in range(FIRST_DAY, FIRST_DAY + 7 * WEEKS + SETTLING + 1):
        for name in names(EXPERIMENTS) if day < FIRST_DAY + 7 * WEEKS else ():
            site.receive(name, crowd(rng, A_DAY, day, NOTHING), NOTHING)
        with database.reading() as connection:
            found = summary(connection, Scope(), Plan(holdout=0.5), (day + 1) * DAY)
        for reading in found.readings:
            said[reading.experiment].append(reading.said)
    database.close()
    return said


@pytest.mark.slow
@pytest.mark.parametrize(("rng", "plan"), LOOKS, indirect=["rng"])
def test_without_a_lift_daily_looks_hardly_ever_find_one(rng, plan, url):
    """In one experiment of twenty, and one of 200 is refused; three standard errors are left."""
    said = looks(Site(rules(url, EXPERIMENTS, **plan)), rng, url).values()
    for words, rate in (({"better", "worse"}, 0.05), ({"refused"}, 0.005)):
        found = sum(not words.isdisjoint(ever) for ever in said)
        assert found <= EXPERIMENTS * rate + 3 * (EXPERIMENTS * rate * (1 - rate)) ** 0.5
