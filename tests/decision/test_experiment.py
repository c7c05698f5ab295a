"""Experiments: the draw, and the two arms.

Who is let through is drawn alike in every process, and both arms are measured by the same
instrument.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from escape_mw import EscapeMiddleware, RulesError, Visit, load
from escape_mw.decision.decide import decide
from escape_mw.decision.experiment import Experiment
from escape_mw.decision.journeys import VISIT
from escape_mw.decision.model import Marker, Subject

from ..support.agents import CHROME_ANDROID, FIREFOX, LINE_IOS, SAFARI, TIKTOK_ANDROID, TIKTOK_IOS
from ..support.examples import NOW, SECRET, TRACK
from ..support.measured import RULES, Measured, trial
from ..support.wsgi import environ_of

MANY = 20_000
# Exceeded by chance once in a thousand, with one degree of freedom.
# The draws here are always the same.
CHI_SQUARED = 10.83


def experiment(**more):
    return Experiment(**{"name": "autumn", "holdout": 0.5, "secret": SECRET, **more})


def arms(trial, number=MANY):
    return [trial.arm(f"id{at}") for at in range(number)]


# --- the draw -------------------------------------------------------------------------------------

DRAW = """
from escape_mw.decision.experiment import Experiment
trial = Experiment("autumn", 0.5, "a secret for tests only")
print([trial.arm(f"id{number}") for number in range(250)])
"""


def test_every_process_draws_the_same():
    drawn = set()
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", DRAW],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        drawn.add(done.stdout.strip())
    assert drawn == {str(arms(experiment(), 250))}


INDEPENDENT = [
    pytest.param({"secret": "another secret for tests"}, id="another secret"),
    pytest.param({"name": "winter"}, id="another experiment"),
]


def chi_squared(one, other):
    """Pearson's statistic of two lists of arms: how far from independent."""
    both = {(a, b): 0 for a in ("escape", "holdout") for b in ("escape", "holdout")}
    for pair in zip(one, other, strict=True):
        both[pair] += 1
    total = 0.0
    for (a, b), seen in both.items():
        expected = one.count(a) * other.count(b) / len(one)
        total += (seen - expected) ** 2 / expected
    return total


@pytest.mark.parametrize("more", INDEPENDENT)
def test_anything_else_draws_anew(more):
    first = arms(experiment())
    assert chi_squared(first, arms(experiment(**more))) < CHI_SQUARED
    assert chi_squared(first, first) > 1000, "or this would measure nothing"


def test_long_secrets_count_to_their_last_letter():
    long = "x" * 100
    assert (
        chi_squared(arms(experiment(secret=f"{long}a")), arms(experiment(secret=f"{long}b")))
        < CHI_SQUARED
    )


@pytest.mark.parametrize("holdout", [0.01, 0.1, 0.5, 0.9])
def test_the_holdout_has_its_share(holdout):
    """Within 3.3 standard errors, as 999 of 1,000 fair draws would be.

    These are always the same.
    """
    held = arms(experiment(holdout=holdout)).count("holdout")
    assert abs(held - MANY * holdout) < 3.3 * (MANY * holdout * (1 - holdout)) ** 0.5


def test_words_that_run_into_each_other_are_told_apart():
    one = [experiment(name="a").arm(f"1{at}") for at in range(MANY)]
    other = [experiment(name="a1").arm(f"{at}") for at in range(MANY)]
    assert chi_squared(one, other) < CHI_SQUARED


def test_the_secret_is_not_shown():
    assert SECRET not in repr(experiment())


# --- the two arms ---------------------------------------------------------------------------------


class Asked:
    """A site that keeps the environs that it was asked with."""

    def __init__(self):
        self.environs = []

    def __call__(self, environ, start_response):
        self.environs.append(environ)
        location = [("Location", TRACK)] if environ["PATH_INFO"] == "/listen" else []
        start_response(
            "302 Found" if location else "200 OK", [("Content-Type", "text/plain"), *location]
        )
        return [b"the site"]


def answered(app, environ):
    started = []
    body = b"".join(app(environ, lambda *response: started.append(response[:2])))
    return started, body


def visit_of(token, rules):
    """What the events call the visit of a site token."""
    tokens = load(rules).policy.tokens
    reading = tokens.read_site(token, int(time.time()))
    assert reading.is_fresh
    return tokens.hash_of(reading.subject.visit)


@pytest.mark.parametrize(
    "agent",
    [TIKTOK_ANDROID, TIKTOK_IOS, LINE_IOS],
    ids=["TikTok on Android", "TikTok on iOS", "LINE, which would be redirected"],
)
@pytest.mark.parametrize("path", ["/presave/x", "/listen"])
def test_the_holdout_passes_untouched(agent, path):
    """The same environ, object and keys, but for the visit; the same answer."""
    app, site = Asked(), Asked()
    measured = Measured(trial("holdout"), app)
    environ, bare = environ_of(agent, path, "a=1"), environ_of(agent, path, "a=1")
    environ["wsgi.input"] = environ["wsgi.errors"] = bare["wsgi.input"] = bare["wsgi.errors"] = None
    assert answered(measured.middleware, environ) == answered(site, bare)
    assert app.environs[0] is environ
    token = environ.pop(VISIT)
    assert environ == bare
    assert measured.words == ["eligible holdout"]
    (event,) = measured.events
    assert (event.visit, event.experiment) == (visit_of(token, trial()), "autumn")


@pytest.mark.parametrize("arm", ["escape", "holdout"])
def test_a_site_that_is_asked_for_its_redirect_has_the_visit_in_both_arms(arm):
    app = Asked()
    measured = Measured(trial(arm), app)
    assert (
        measured.ask("/listen", TIKTOK_ANDROID).status_int == {"escape": 200, "holdout": 302}[arm]
    )
    visit = visit_of(app.environs[0][VISIT], trial())
    assert {event.visit for event in measured.events} == {visit}
    assert measured.events[0].arm == arm


def test_a_redirects_visit_draws_once_per_visit():
    """The site is asked in between; its visit must not change its arm."""
    app = Asked()
    measured = Measured(trial(), app)
    for _ in range(20):
        measured.ask("/listen", TIKTOK_ANDROID)
    visits = [visit_of(environ[VISIT], trial()) for environ in app.environs]
    drawn = {event.visit: event.arm for event in measured.events}
    assert list(drawn) == visits
    assert len([event for event in measured.events if event.name == "eligible"]) == 20
    assert set(drawn.values()) == {"escape", "holdout"}


NOT_HANDED = [
    pytest.param(RULES, "/listen", TIKTOK_ANDROID, {}, id="without an experiment"),
    pytest.param(trial(), "/listen", SAFARI, {}, id="a browser"),
    pytest.param(
        trial(), "/listen", TIKTOK_ANDROID, {"HTTP_DNT": "1"}, id="who asks not to be followed"
    ),
    pytest.param(
        trial(), "/listen", TIKTOK_ANDROID, {"HTTP_SEC_FETCH_DEST": "image"}, id="an image"
    ),
    pytest.param(
        trial() | {"mode": "observe"}, "/listen", TIKTOK_ANDROID, {}, id="while it is only observed"
    ),
    pytest.param(trial(), "/admin/x", TIKTOK_ANDROID, {}, id="an excluded path"),
    pytest.param(trial(), "/listen", TIKTOK_ANDROID, {"REQUEST_METHOD": "POST"}, id="a form"),
]


@pytest.mark.parametrize(("rules", "path", "agent", "more"), NOT_HANDED)
def test_nobody_else_has_a_visit(rules, path, agent, more):
    app = Asked()
    answered(EscapeMiddleware(app, rules, sinks=[lambda _: None]), environ_of(agent, path, **more))
    assert len(app.environs) == 1
    assert VISIT not in app.environs[0]


@pytest.mark.parametrize("rules", [RULES, trial("escape")], ids=["without an experiment", "in one"])
def test_an_arrival_has_the_visit_too(rules):
    app = Asked()
    measured = Measured(rules, app)
    measured.ask("/presave/x", TIKTOK_ANDROID)
    assert app.environs == []
    measured.ask("/presave/x?{M}", CHROME_ANDROID)
    visit = visit_of(app.environs[0][VISIT], rules)
    assert {event.visit for event in measured.events} == {visit}


def test_nobody_can_put_a_visit_there():
    """A header of that name is another key, and a visitor's word for it stays one."""
    app = Asked()
    measured = Measured(trial("holdout"), app)
    measured.ask("/listen", FIREFOX, **{"Escape-Mw.Visit": "forged"})
    assert VISIT not in app.environs[0]
    measured.ask("/listen", TIKTOK_ANDROID, **{"Escape-Mw.Visit": "forged"})
    assert app.environs[1][VISIT] != "forged"


# --- problems -------------------------------------------------------------------------------------

SOUND = """\
version: 1
secret: sixteen characters
events: true
rules:
  - path: /a
    to: page
    experiment: {name: autumn, holdout: 0.5}
  - path: /b
    to: page
    experiment: {name: autumn, holdout: 0.5}
"""
PROBLEMS = [
    pytest.param(
        SOUND.replace("secret: sixteen characters", "detect: true"),
        [3, 7, 10],
        "a 'secret': without it, ",
        id="no secret",
    ),
    pytest.param(
        SOUND.replace("events: true", "events: false"),
        [7, 10],
        "an experiment needs 'events:', or nothing would be measured",
        id="no events",
    ),
    pytest.param(
        SOUND[:-5] + "0.4}\n",
        [10],
        "the experiment autumn stands in another rule with other numbers",
        id="the same name with another share",
    ),
    pytest.param(
        SOUND[:-2] + ", seed: 1}\n", [10], "'seed' is gone: ", id="a seed, as version 0.1 had it"
    ),
    pytest.param(
        SOUND[:-2] + ", per: day}\n", [10], "'per' is gone: ", id="a unit, as version 0.1 had it"
    ),
    pytest.param(SOUND[:-5] + "0}\n", [10], "be greater than 0", id="nobody is held out"),
    pytest.param(SOUND[:-5] + "1}\n", [10], "be less than 1", id="everybody is held out"),
    pytest.param(
        SOUND.replace("autumn", "Autumn Tour"), [7, 10], "Autumn Tour", id="a name with blanks"
    ),
    pytest.param(SOUND.replace("name: autumn, ", ""), [7, 10], "is missing", id="no name"),
]


@pytest.mark.parametrize(("text", "lines", "message"), PROBLEMS)
def test_problems_stand_at_their_line(tmp_path, text, lines, message):
    path = tmp_path / "escape.yaml"
    path.write_text(text)
    with pytest.raises(RulesError) as raised:
        load(path)
    assert [
        int(problem.removeprefix(f"{path}:").partition(":")[0]) for problem in raised.value.problems
    ] == lines
    assert all(message in problem for problem in raised.value.problems)


def test_sound_rules_are_sound(tmp_path):
    (tmp_path / "escape.yaml").write_text(SOUND)
    rules = load(tmp_path / "escape.yaml")
    assert [(rule.experiment.name, rule.experiment.holdout) for rule in rules.policy.rules] == [
        ("autumn", 0.5)
    ] * 2


# --- a flow of guarded pages ----------------------------------------------------------------------

REFERERS = [
    pytest.param("https://site.example/presave/x", True, id="a page of the experiment"),
    pytest.param("https://site.example/presave/x?step=1", True, id="with a query"),
    pytest.param("https://site.example/presave/y", True, id="this page itself"),
    pytest.param("https://site.example/other/x", False, id="a page of another experiment"),
    pytest.param("https://site.example/admin/x", False, id="an excluded page"),
    pytest.param("https://elsewhere.example/presave/x", False, id="another site"),
    pytest.param(None, False, id="no referrer"),
]


@pytest.mark.parametrize(("referer", "goes_on"), REFERERS)
def test_a_held_out_visitor_who_goes_on_is_one_visit(referer, goes_on):
    rules = trial("holdout")
    other = {"path": "/other/**", "to": "page", "experiment": {"name": "winter"}}
    app = Asked()
    site = Measured(rules | {"rules": [other, *rules["rules"]]}, app)
    headers = {"Referer": referer} if referer else {}
    site.ask("/presave/y", TIKTOK_ANDROID, Accept="text/html", **headers)
    assert site.words == ([] if goes_on else ["eligible holdout"])
    assert (VISIT in app.environs[0]) is not goes_on


def test_without_an_experiment_a_referrer_changes_nothing():
    site = Measured()
    headers = {"Referer": "https://site.example/presave/x", "Accept": "text/html"}
    assert "intent" in site.ask("/presave/y", TIKTOK_ANDROID, **headers).text


PAGE = "https://site.example/presave/x"
GOES_ON = [
    pytest.param({"referer": PAGE}, "flow", id="from a page of the experiment"),
    pytest.param({}, "holdout", id="from nowhere"),
    pytest.param({"referer": "https://site.example/about"}, "holdout", id="a page without a rule"),
    pytest.param({"referer": PAGE, "is_tap": True}, "escape", id="a tap is in no arm"),
    pytest.param({"referer": PAGE, "id": ""}, "escape", id="nobody knows the visit"),
    pytest.param(
        {"referer": PAGE, "marker": Marker("", "")}, "holdout", id="a marked one was shown a page"
    ),
]


@pytest.mark.parametrize(("more", "reason"), GOES_ON)
def test_who_is_let_through_and_why(more, reason):
    """The pass says who asked, where to and by which rule, as an escape does."""
    rules = trial("holdout")
    policy = load(rules | {"rules": rules["rules"][:1]}).policy
    fields = {"id": "a-visit", "moment": NOW} | more
    headers = {"accept": "text/html", "referer": fields.pop("referer", "")}
    url = "https://site.example/presave/y"
    visit = Visit(
        *("GET", "/presave/y", "", url, "site.example", TIKTOK_ANDROID, headers), **fields
    )
    decision = decide(visit, policy)
    found = decision.visitor.app, decision.destination.url, decision.rule
    assert (decision.reason, found) == (reason, ("tiktok", url, "pre-saves"))


def test_who_was_shown_a_page_stays_in_its_arm():
    """Whatever the draw would say: the marker of a page brings the visit."""
    policy = load(trial("holdout")).policy
    subject = Subject("a-visit", policy.rules[0].key, "tiktok", "android")
    fields = {"id": "a-visit", "moment": NOW}
    asked = Visit("GET", "/presave/x", "", PAGE, "site.example", TIKTOK_ANDROID, **fields)
    assert decide(asked, policy).journey.arm == "holdout"
    marker = Marker("", "intent", subject, is_verified=True)
    returned = decide(replace(asked, marker=marker), policy)
    assert (returned.reason, returned.journey.arm) == ("escape", "escape")
