"""Outcomes: what the site says has happened.

In whichever visit, through whatever flow of its own.
"""

from __future__ import annotations

import gc
import json
import os
import re
import time
import weakref
from contextlib import contextmanager
from urllib.parse import unquote

import prometheus_client
import pytest
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import path
from flask import Flask, request, session
from hypothesis import given, settings
from hypothesis import strategies as st
from webtest import TestApp

import escape_mw
from escape_mw.decision.journeys import VISIT
from escape_mw.decision.model import Subject
from escape_mw.decision.tokens import OUTCOME_AGE
from escape_mw.engine.outcomes import ENGINES, measuring
from escape_mw.events.source import open_events

from ..support.agents import CHROME_ANDROID, SAFARI, TIKTOK_ANDROID
from ..support.examples import SITE
from ..support.marked import site_token
from ..support.measured import MARKER, RULES, Measured, of_visits, trial, word

OTHER = {**RULES, "secret": "another secret for tests"}
ANOTHER = {**RULES, "site": "another"}


def token(rules=RULES):
    """What a site that has these rules finds in its environ, for one visit."""
    return site_token(escape_mw.load(rules).policy, "visit")


def beacon():
    return escape_mw.load(RULES).policy.tokens.beacon(Subject("visit"), int(time.time()))


RECORDED = [
    pytest.param(token, True, ["outcome presave"], id="a visit of ours"),
    pytest.param(lambda: token() + "x", False, ["forged x1"], id="a forged one"),
    pytest.param(beacon, False, ["forged x1"], id="the token of a page"),
    pytest.param(lambda: token(OTHER), False, ["forged x1"], id="of a site with another secret"),
    pytest.param(lambda: token(ANOTHER), False, ["forged x1"], id="of another site"),
    pytest.param(lambda: "visit", False, ["forged x1"], id="anything else"),
    pytest.param(lambda: "ünï", False, ["forged x1"], id="not even ASCII"),
    pytest.param(lambda: "x" * 10_000, False, ["forged x1"], id="far too long"),
    pytest.param(lambda: "", False, [], id="no visit"),
    pytest.param(lambda: None, False, [], id="None"),
    pytest.param(lambda: 7, False, [], id="a number"),
    pytest.param(lambda: token().encode(), False, [], id="bytes"),
    pytest.param(lambda: ["visit"], False, [], id="a list, as a query parser gives"),
]


@pytest.mark.parametrize(("visit", "known", "words"), RECORDED)
def test_record(visit, known, words):
    site = Measured()
    assert escape_mw.record("presave", visit()) is known
    assert site.words == words


@pytest.mark.parametrize(
    ("later", "known", "words"),
    [(OUTCOME_AGE, True, ["outcome presave"]), (OUTCOME_AGE + 1, False, ["repeat x1"])],
)
def test_a_visit_is_believed_for_a_day(later, known, words):
    site, visit = Measured(), token()
    site.at(time.time() + later)
    assert escape_mw.record("presave", visit) is known
    assert site.words == words


WORDS = [
    pytest.param("x" * 500, "x" * 64, id="longer than a column"),
    pytest.param("♫" * 100, "♫" * 64, id="longer, in other scripts"),
    pytest.param("a\0b", "a\ufffdb", id="a NUL, which PostgreSQL refuses"),
    pytest.param("caf\udce9", "caf\ufffd", id="half a surrogate, which UTF-8 cannot encode"),
    pytest.param("\x1b]0;x\x07", "\ufffd]0;x\ufffd", id="what a terminal would act upon"),
    pytest.param("\u202eevas-erp", "\ufffdevas-erp", id="text from right to left"),
    pytest.param("夜明け 1\u3000\u200d✨", "夜明け 1\u3000\u200d✨", id="another script as it is"),
    pytest.param("'); DROP TABLE escape_mw_events;--", None, id="SQL"),
    pytest.param("%s %(x)s :x ?", None, id="what drivers take for a placeholder"),
]


@pytest.mark.parametrize(("outcome", "stored"), WORDS)
def test_every_sink_gets_the_sites_word_as_all_of_them_can_take_it(
    database_url, caplog, outcome, stored
):
    """A word that one refuses would block all later events, or all metrics."""
    stored = stored or outcome
    sinks = {"database": database_url, "prometheus": True, "log": True}
    with caplog.at_level("INFO", "escape_mw.events"):
        site = Measured(RULES | {"events": sinks})
        assert escape_mw.record(outcome, token())
        assert [event.outcome for event in site.events] == [stored]
    assert json.loads(caplog.messages[-1])["outcome"] == stored
    with open_events(database_url) as database:
        assert [event.outcome for event in database.read()] == [stored]
    label = stored.replace("\\", "\\\\").replace('"', '\\"')
    assert f'outcome="{label}"'.encode() in prometheus_client.generate_latest()


def test_twice_is_a_repeat_and_another_outcome_is_none():
    site = Measured(RULES | {"events": {"outcomes": ["presave", "follow"]}})
    assert [
        escape_mw.record(outcome, token())
        for outcome in ("presave", "presave", "follow", "presave")
    ] == [True] * 4
    assert site.words == ["outcome presave", "outcome follow", "repeat x2"]


def test_record_needs_no_declaration():
    """The site's own code is believed; only what comes from outside must be named in the rules."""
    site = Measured(RULES | {"events": {"log": True}})
    assert escape_mw.record("a new one", token())
    assert site.words == ["outcome a new one"]


ANY = Measured()


@settings(deadline=None)
@given(st.text(max_size=40), st.one_of(st.none(), st.text(max_size=60)))
def test_record_never_raises(outcome, visit):
    ENGINES[:] = [weakref.ref(ANY.middleware.engine)]
    assert escape_mw.record(outcome, visit) is False
    assert all(event.name == "forged" for event in ANY.events)


# --- where no middleware runs ---------------------------------------------------------------------


def stored(database_url):
    with open_events(database_url) as database:
        return [(one.name, getattr(one, "outcome", "")) for one in database.read()]


def test_a_worker_records_with_the_rules_alone(database_url):
    rules = RULES | {"events": {"database": database_url}}
    worker = escape_mw.recorder(rules)
    assert [worker.record("presave", visit) for visit in (token(), token(), "forged", None)] == [
        *(True, True, False, False)
    ]
    assert stored(database_url) == [("outcome", "presave"), ("forged", ""), ("repeat", "")]


def test_a_worker_that_is_killed_has_delivered(tmp_path):
    url = f"sqlite:///{tmp_path / 'events.sqlite3'}"
    worker = escape_mw.recorder(RULES | {"events": {"database": url}})
    child = os.fork()
    if child == 0:
        worker.record("presave", token())
        os._exit(0)  # as a pool of workers ends: nothing runs at the end
    os.waitpid(child, 0)
    assert stored(url) == [("outcome", "presave")]


def test_an_outcome_that_a_workers_sink_cannot_take_yet_goes_with_the_next(caplog):
    taken, is_down = [], [True]

    def sink(events):
        if is_down[0]:
            raise OSError("down")
        taken.extend(getattr(one, "outcome", one.name) for one in events)

    worker = escape_mw.recorder(RULES | {"events": False}, sinks=[sink])
    assert worker.record("presave", token())
    is_down[0] = False
    assert worker.record("follow", token())
    assert taken == ["presave", "follow"]
    assert [record.getMessage()[:36] for record in caplog.records] == [
        "event sink failed, will retry: OSErr"
    ]


UNFIT = [
    pytest.param({"events": False}, (), "nothing would be recorded", id="nothing is measured"),
    pytest.param({"secret": None, "events": False}, [print], "secret", id="no secret"),
]


@pytest.mark.parametrize(("rules", "sinks", "message"), UNFIT)
def test_a_worker_whose_rules_cannot_record_ends(rules, sinks, message):
    with pytest.raises(escape_mw.RulesError, match=message):
        escape_mw.recorder(RULES | rules, sinks=sinks)


def test_without_any_middleware_nothing_is_recorded():
    assert escape_mw.record("presave", token()) is False


def test_where_nothing_is_measured_nothing_is_recorded():
    held = escape_mw.EscapeMiddleware(lambda *_: [], {**RULES, "events": False})
    assert escape_mw.record("presave", token()) is False
    assert held


def test_a_middleware_that_is_gone_records_nothing():
    site = Measured()
    told = site.told
    del site
    gc.collect()
    assert escape_mw.record("presave", token()) is False
    assert told == []


@pytest.mark.parametrize("outcome", [None, 7, b"presave", ["presave"]])
def test_an_outcome_that_is_not_text_is_not_one(outcome):
    site = Measured()
    assert escape_mw.record(outcome, token()) is False
    assert site.words == []


SITES = [
    pytest.param(OTHER, id="another secret"),
    pytest.param(ANOTHER, id="the same secret, another site"),
    pytest.param({**RULES, "rules": [{"path": "/**", "to": "page"}]}, id="other rules"),
]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("others", SITES)
def test_two_sites_in_one_process_are_told_apart(caplog, others, turned):
    """By record() and at either site's own address, in whichever order they were made."""
    both = {"events": {"outcomes": ["presave", "follow"]}}
    made = [Measured(rules | both) for rules in ((others, RULES) if turned else (RULES, others))]
    ours, theirs = reversed(made) if turned else made
    for _ in range(5):
        assert escape_mw.record("presave", token())
        assert escape_mw.record("follow", token(others))
    for site in made:
        site.ask("/_escape/outcome/presave", SAFARI, "POST", token(others).encode())
    assert [event.outcome for event in of_visits(ours.events)] == ["presave"]
    assert [event.outcome for event in of_visits(theirs.events)] == ["follow", "presave"]
    assert caplog.records == []


ALIKE = [
    pytest.param(RULES, RULES, 1, id="alike, with sinks of their own"),
    pytest.param(RULES, ANOTHER, 0, id="another site"),
    pytest.param(RULES, OTHER, 0, id="another secret"),
    pytest.param(RULES, {**RULES, "mode": "off"}, 1, id="one of them off, for now"),
]


@pytest.mark.parametrize(("one", "other", "warnings"), ALIKE)
def test_two_middlewares_that_cannot_be_told_apart_are_warned_of(caplog, one, other, warnings):
    kept = [Measured(one), Measured(other)]
    assert len(caplog.records) == warnings
    assert kept


def test_one_application_wrapped_twice_is_not_warned_of(caplog):
    """Where both record in the same place, no outcome is lost, whichever of them it goes to."""
    told = []
    sinks = [told.extend]
    kept = [escape_mw.EscapeMiddleware(plain_site, RULES, sinks=sinks) for _ in range(3)]
    assert caplog.records == []
    assert kept


# --- through the site's own flow ------------------------------------------------------------------


def plain_site(environ, start_response):
    """Hands the visit on in a link of its own, and records what comes back."""
    if environ["PATH_INFO"] == "/callback":
        body = str(escape_mw.record("presave", environ["QUERY_STRING"].removeprefix("visit=")))
    else:
        body = f"<a href='/callback?visit={environ.get(VISIT, '')}'>on</a>"
    start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", str(len(body)))])
    return [body.encode()]


def flask_site():
    """Keeps the visit in its session, as long as the visitor is away to sign in."""
    app = Flask(__name__)
    app.secret_key = "for tests only"

    @app.get("/presave/x")
    def begin():
        session["visit"] = request.environ.get(VISIT)
        return "<a href='/callback?code=1&state=2'>on</a>"

    @app.get("/callback")
    def back():
        return str(escape_mw.record("presave", session.get("visit")))

    return app


def django_begin(request):
    request.session["visit"] = request.META.get(VISIT)
    return HttpResponse("<a href='/callback?code=1&state=2'>on</a>")


def django_back(request):
    return HttpResponse(str(escape_mw.record("presave", request.session.get("visit"))))


urlpatterns = [path("presave/x", django_begin), path("callback", django_back)]
DJANGO = {
    "ROOT_URLCONF": __name__,
    "MIDDLEWARE": [
        "escape_mw.django.EscapeMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
    ],
    "SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies",
}


def of_wsgi(make):
    """browsers(told, arm): a browser with cookies of its own, at a WSGI site: get(path, agent)."""

    def browsers(told, arm):
        app = escape_mw.EscapeMiddleware(make(), trial(arm), sinks=[told.extend])

        def browser():
            site = TestApp(app, lint=True)
            return lambda path, agent: site.get(SITE + path, headers={"User-Agent": agent}).text

        return browser

    return browsers


def of_django(told, arm):
    """The same at a Django site.

    Each client loads the middleware anew, as another process would.
    """
    clients = []

    def browser():
        clients.append(Client())
        return lambda path, agent, client=clients[-1]: client.get(
            path, secure=True, headers={"User-Agent": agent, "Host": "site.example"}
        ).content.decode()

    with override_settings(ESCAPE_MW_SINKS=[told.extend], ESCAPE_MW_RULES=trial(arm), **DJANGO):
        yield browser


FLOWS = [
    pytest.param(of_wsgi(lambda: plain_site), id="plain WSGI, in a link"),
    pytest.param(of_wsgi(flask_site), id="Flask, in its session"),
    pytest.param(contextmanager(of_django), id="Django, in its session"),
]


@contextmanager
def site_of(flow, told, arm="escape"):
    made = flow(told, arm)
    if hasattr(made, "__enter__"):
        with made as browser:
            yield browser
    else:
        yield made


def on(page):
    """Where the site's own page leads on to."""
    return re.search("href='([^']*)'", page)[1]


def flushed(told):
    for engine in measuring():
        engine.state.measurement.recorder.flush()
    return [word(event) for event in told]


@pytest.mark.parametrize("flow", FLOWS)
def test_the_outcome_of_an_arrival(flow):
    """The page in TikTok, the real browser, away to sign in and back: one visit, in its arm."""
    told = []
    with site_of(flow, told) as browser:
        marker = MARKER.search(unquote(browser()("/presave/x", TIKTOK_ANDROID)))[0]
        real = browser()
        page = real(f"/presave/x?{marker}", CHROME_ANDROID)
        assert real(on(page), CHROME_ANDROID) == "True"
        assert real(on(page), CHROME_ANDROID) == "True", "a repeat is one of ours too"
        assert sorted(flushed(told)) == [
            "arrived intent tap escape",
            "eligible escape",
            "outcome presave escape",
            "repeat x1",
            "shown intent tap escape",
        ]
    assert len({event.visit for event in of_visits(told)}) == 1


@pytest.mark.parametrize("flow", FLOWS)
def test_the_outcome_of_a_holdout(flow):
    """The raw link, in the webview: the same flow, the same instrument."""
    told = []
    with site_of(flow, told, "holdout") as browser:
        webview = browser()
        page = webview("/presave/x", TIKTOK_ANDROID)
        assert webview(on(page), TIKTOK_ANDROID) == "True"
        assert flushed(told) == ["eligible holdout", "outcome presave holdout"]
    assert len({event.visit for event in told}) == 1


@pytest.mark.parametrize("flow", FLOWS)
def test_a_visitor_who_is_not_measured_has_no_outcome(flow):
    """A browser that came by itself: the site records None, and is told that nothing came of it."""
    told = []
    with site_of(flow, told) as browser:
        real = browser()
        assert real(on(real("/presave/x", SAFARI)), SAFARI) == "False"
        assert flushed(told) == []
