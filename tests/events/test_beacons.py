"""Our own two addresses: what a beacon and an outcome are believed, and whom they leave alone."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import re
import signal
import time
from collections import Counter
from io import BytesIO
from types import SimpleNamespace

import pytest
from django.test import AsyncClient, Client, override_settings
from hypothesis import given, settings
from hypothesis import strategies as st
from webtest import TestApp

from escape_mw import EscapeMiddleware, load
from escape_mw.decision.model import Subject
from escape_mw.decision.tokens import BEACON_AGE, OUTCOME_AGE, Tokens
from escape_mw.engine.outcomes import measuring
from escape_mw.events import limiter
from escape_mw.events.beacons import MAX_BODY
from escape_mw.events.limiter import RateLimiter
from escape_mw.flask import Escape
from escape_mw.lab.marks import LabTokens, Session, Trial

from ..support.agents import CHROME_DESKTOP, INSTAGRAM_IOS, SAFARI, TIKTOK_ANDROID, TIKTOK_IOS
from ..support.examples import NOW, SECRET
from ..support.marked import marked, site_token, stay
from ..support.measured import RULES, Measured, of_visits, times, trial, word
from ..support.sites import PAGE, flask_site, plain
from ..support.wsgi import environ_of

POLICY = load(RULES).policy
TOKENS = POLICY.tokens
SUBJECT = Subject("visit", POLICY.rules[0].key, "tiktok", "android")
PLACE, PRESAVED = "/_escape/e", "/_escape/outcome/presave"
SITE_S = PAGE.encode()


@pytest.fixture
def site():
    """A site, a page's token of a visit in TikTok on Android, and the site's own token of it."""
    measured = Measured()
    measured.at(NOW)
    return SimpleNamespace(
        post=lambda body, place=PLACE, **more: measured.ask(
            place, TIKTOK_ANDROID, "POST", body, **more
        ),
        measured=measured,
        token=TOKENS.beacon(SUBJECT, NOW),
        visit=TOKENS.site(SUBJECT, "", NOW),
        at=lambda later: measured.at(NOW + later),
    )


def fresh_beacon():
    """A beacon's token of this moment, for middlewares with the real clock."""
    return TOKENS.beacon(SUBJECT, int(time.time()))


BEACONS = [
    pytest.param("{T} tapped intent", ["tapped intent tap"], id="a tap"),
    pytest.param("{T} attempt intent", ["attempt intent auto"], id="an automatic attempt"),
    pytest.param("{T} left intent", ["left intent tap"], id="hidden within its time"),
    pytest.param("{T} returned intent", ["returned intent tap"], id="visible again at once"),
    pytest.param("{T} copied", ["copied"], id="copied"),
    pytest.param("{T} continued", ["continued"], id="continued"),
    pytest.param("{T} tapped menu", ["tapped menu written"], id="any step of the visit's ladder"),
    pytest.param("{T} copied intent", ["forged x1"], id="a technique where none belongs"),
    pytest.param("{T} tapped", ["forged x1"], id="no technique where one belongs"),
    pytest.param(
        "{T} tapped extbrowser", ["forged x1"], id="a technique of another platform's ladder"
    ),
    pytest.param("{T} tapped <script>", ["forged x1"], id="a technique that is none"),
    pytest.param("{T} tapped intent\n", ["forged x1"], id="a line break"),
    pytest.param("{T}\ttapped\tintent", ["forged x1"], id="tabs"),
    pytest.param("{T} arrived", ["forged x1"], id="an arrival cannot be told"),
    pytest.param("{T} arrived intent", ["forged x1"], id="an arrival by a technique neither"),
    pytest.param("{T} eligible", ["forged x1"], id="nor that a visit was eligible"),
    pytest.param("{T} shown intent", ["forged x1"], id="nor that the page was shown"),
    pytest.param("{T} outcome", ["forged x1"], id="nor an outcome"),
    pytest.param("{T} repeat", ["forged x1"], id="nor a repeat"),
    pytest.param("{T} TAPPED intent", ["forged x1"], id="capitals"),
    pytest.param("{T}", ["forged x1"], id="a token and nothing else"),
    pytest.param("", ["forged x1"], id="nothing"),
    pytest.param("tapped intent", ["forged x1"], id="no token"),
    pytest.param("{T}x tapped intent", ["forged x1"], id="a signature that does not hold"),
    pytest.param("x{T} tapped intent", ["forged x1"], id="a journey that nobody signed"),
    pytest.param(f"{'x' * 400} tapped intent", ["forged x1"], id="a token that is too long"),
    pytest.param("ünï.aaaa.bbbb tapped intent", ["forged x1"], id="a token that is not ASCII"),
    pytest.param(
        f"{{T}} tapped intent {'x' * 300}",
        ["tapped intent tap"],
        id="more words are not listened to",
    ),
]


@pytest.mark.parametrize(("body", "words"), BEACONS)
def test_a_beacon(site, body, words):
    answer = site.post(body.replace("{T}", site.token).encode("latin-1"))
    assert (answer.status_int, answer.body) == (204, b"")
    assert site.measured.words == words


SESSION = Session("tiktok", "33", "android", "visit")
MARKED = marked(POLICY, "/presave/x", "intent", visit="visit", moment=NOW).partition("_esc=")[2]
STAY = stay(POLICY, "/presave/x", moment=NOW).partition("_esc=")[2]
OTHERS = [
    pytest.param(Tokens("another secret for tests", "").beacon(SUBJECT, NOW), id="another secret"),
    pytest.param(Tokens(SECRET, "another").beacon(SUBJECT, NOW), id="another site with the secret"),
    pytest.param(Tokens(SECRET, "another").site(SUBJECT, "", NOW), id="another site's own token"),
    pytest.param(MARKED, id="a marker"),
    pytest.param(STAY, id="the marker of one who stays"),
    pytest.param(LabTokens(SECRET).sign_session(SESSION, NOW), id="what the lab signed"),
    pytest.param(
        LabTokens(SECRET).sign_trial(Trial(SESSION, "browser", "intent"), NOW),
        id="a trial of the lab",
    ),
]


@pytest.mark.parametrize("other", OTHERS)
def test_a_token_of_another_sort_is_forged(site, other):
    assert site.post(f"{other} tapped intent".encode()).status_int == 204
    assert site.post(other.encode(), PRESAVED).status_int == 204
    assert site.measured.words == ["forged x2"]


def test_a_page_makes_no_outcome_and_a_site_no_stage(site):
    """Whoever sees a page has its token; only the site's own code has the other."""
    assert site.post(site.token.encode(), PRESAVED).status_int == 204
    assert site.post(f"{site.visit} tapped intent".encode()).status_int == 204
    assert site.measured.words == ["forged x2"]


def test_a_visit_of_rules_that_are_gone_is_still_told(site):
    for subject in (SUBJECT._replace(rule="gone"), SUBJECT._replace(visit="two", app="gone")):
        site.post(f"{TOKENS.beacon(subject, NOW)} copied".encode())
    assert [(event.name, event.rule, event.app) for event in site.measured.events] == [
        ("copied", "", "tiktok"),
        ("copied", "pre-saves", "gone"),
    ]


def test_what_comes_twice_changes_nothing(site):
    for body in (
        "{T} tapped intent",
        "{T} tapped intent",
        "{T} copied",
        "{T} tapped menu",
        "{T} copied",
        "{T} left intent",
    ):
        site.post(body.replace("{T}", site.token).encode())
    assert site.measured.words == [
        "tapped intent tap",
        "copied",
        "tapped menu written",
        "left intent tap",
        "repeat x2",
    ]


TAPPED, STREAMED = "{T} tapped intent", "{V}"
LATE = [
    pytest.param(PLACE, TAPPED, BEACON_AGE, "tapped intent tap", id="a page of an hour"),
    pytest.param(PLACE, TAPPED, BEACON_AGE + 1, "repeat x1", id="an older page"),
    pytest.param(PRESAVED, STREAMED, OUTCOME_AGE, "outcome presave", id="an outcome within a day"),
    pytest.param(PRESAVED, STREAMED, OUTCOME_AGE + 1, "repeat x1", id="a later one"),
]


@pytest.mark.parametrize(("place", "body", "later", "expected"), LATE)
def test_how_long_a_token_is_believed(site, place, body, later, expected):
    site.at(later)
    body = body.replace("{T}", site.token).replace("{V}", site.visit)
    assert site.post(body.encode(), place).status_int == 204
    assert site.measured.words == [expected]


def test_the_page_tells_all_that_a_beacon_needs():
    """What the page says is posted as its script would.

    Through the address and with the token that stand in it.
    """
    measured = Measured()
    page = measured.ask("/presave/x", TIKTOK_ANDROID).text
    visit, place = re.search(r'data-visit="([^"]*)" data-beacon="([^"]*)"', page).groups()
    assert (
        measured.ask(place, TIKTOK_ANDROID, "POST", f"{visit} tapped intent".encode()).status_int
        == 204
    )
    assert measured.words == ["eligible", "shown intent tap", "tapped intent tap"]
    assert len({event.visit for event in measured.events}) == 1


ANSWERED = [
    pytest.param(b"x" * MAX_BODY, None, 204, ["forged x1"], id="as large as may be"),
    pytest.param(b"x" * (MAX_BODY + 1), None, 413, [], id="a byte larger"),
    pytest.param(b"", "99999999999999999999", 413, [], id="a length of many digits"),
    pytest.param(b"", "-1", 413, [], id="a negative length"),
    pytest.param(b"", "1e2", 413, [], id="a length that is no number"),
    pytest.param(b"", "\u0663", 413, [], id="digits of another script"),
    pytest.param(b"", "", 413, [], id="no length, as when it comes in chunks"),
    pytest.param(b"short", "100", 204, ["forged x1"], id="a body that ends early"),
]


@pytest.mark.parametrize(("body", "length", "status", "words"), ANSWERED)
@pytest.mark.parametrize("place", [PLACE, PRESAVED])
def test_how_large_a_body_may_be(place, body, length, status, words):
    measured = Measured()
    environ = environ_of(
        TIKTOK_ANDROID,
        place,
        REQUEST_METHOD="POST",
        CONTENT_LENGTH=str(len(body)) if length is None else length,
    )
    environ["wsgi.input"] = BytesIO(body)
    started = []
    assert b"".join(measured.middleware(environ, lambda *told: started.append(told))) == b""
    assert int(started[0][0][:3]) == status
    assert dict(started[0][1])["Cache-Control"] == "no-store"
    assert measured.words == words


THE_SITE_S = [
    pytest.param("GET", PLACE, id="GET of the beacon's address"),
    pytest.param("HEAD", PLACE, id="HEAD of it"),
    pytest.param("PUT", PLACE, id="PUT to it"),
    pytest.param("OPTIONS", PLACE, id="OPTIONS of it"),
    pytest.param("POST", PLACE + "/", id="a slash behind it"),
    pytest.param("POST", PLACE + "x", id="a longer name"),
    pytest.param("POST", "/x" + PLACE, id="below another path"),
    pytest.param("GET", PRESAVED, id="GET of an outcome"),
    pytest.param("POST", "/_escape/outcome/stream", id="an outcome that the rules do not name"),
    pytest.param("POST", "/_escape/outcome/", id="an outcome without a name"),
    pytest.param("POST", "/_escape/outcome", id="no slash"),
    pytest.param("POST", "/_escape/outcome/presave/x", id="below an outcome"),
    pytest.param("POST", "/_escape/outcome/_escape/outcome/presave", id="twice"),
    pytest.param("POST", "/_escape/lab", id="the lab, which is off"),
    pytest.param("POST", "/presave/x", id="any other form"),
]


class Unread:
    """A body that nobody may read."""

    def __getattr__(self, name):
        raise AssertionError(f"{name} was asked for")


@pytest.mark.parametrize("agent", [TIKTOK_ANDROID, SAFARI], ids=["TikTok", "Safari"])
@pytest.mark.parametrize(("method", "path"), THE_SITE_S)
def test_everything_else_is_the_sites_and_its_body_unread(caplog, method, path, agent):
    seen = []

    def app(environ, start_response):
        seen.append(environ)
        start_response("200 OK", [])
        return [b"the site"]

    measured = Measured(app=app)
    environ = environ_of(agent, path, REQUEST_METHOD=method, CONTENT_LENGTH="9") | {
        "wsgi.input": Unread()
    }
    before = dict(environ)
    assert b"".join(measured.middleware(environ, lambda *_: None)) == b"the site"
    assert seen == [environ]
    assert environ == before
    assert caplog.records == [], "not even by a fault that nobody saw"
    assert measured.words == []


WITHOUT = [
    pytest.param(RULES | {"mode": "off"}, [], id="rules that are off"),
    pytest.param({"version": 1}, None, id="rules without events"),
]


@pytest.mark.parametrize(("rules", "sinks"), WITHOUT)
def test_where_nothing_is_measured_the_addresses_are_the_sites(rules, sinks):
    site = TestApp(EscapeMiddleware(plain, rules, sinks=sinks or ()))
    for path in (PLACE, PRESAVED):
        assert site.post(path, b"x").body == SITE_S


@pytest.mark.parametrize("escaped", ["~", "%7E", "%7e"])
def test_an_outcome_from_a_form(site, escaped):
    """Browsers and PHP escape the token's "~", curl does not."""
    token = site.visit.replace("~", escaped).encode()
    site.post(b"visit=" + token, PRESAVED, Content_Type="application/x-www-form-urlencoded")
    assert [
        (event.name, event.outcome, event.app, event.rule) for event in site.measured.events
    ] == [("outcome", "presave", "tiktok", "pre-saves")]


def test_an_outcome_counts_once_and_only_if_signed(site):
    for body in (
        site.visit,
        site.visit,
        "x" + site.visit,
        "",
        f"{site.visit}\n",
        f"visit={site.visit}&more=1",
    ):
        assert site.post(body.encode(), PRESAVED).status_int == 204
    assert site.measured.words == ["outcome presave", "repeat x1", "forged x4"]


def test_whoever_sends_it_it_is_about_the_visit(site):
    """The outcome comes from Safari, and is told of the visit in TikTok."""
    site.measured.ask(PRESAVED, CHROME_DESKTOP, "POST", site.visit.encode())
    site.measured.ask(PLACE, INSTAGRAM_IOS, "POST", f"{site.token} copied".encode())
    assert [(event.name, event.app, event.visit) for event in site.measured.events] == [
        ("outcome", "tiktok", TOKENS.hash_of("visit")),
        ("copied", "tiktok", TOKENS.hash_of("visit")),
    ]


@pytest.mark.parametrize("mount", ["", "/shop", "/söng%20x"])
def test_mounted_below_a_path(mount):
    raw = mount.replace("%20", " ").encode().decode("latin-1")
    site = Measured(RULES | {"rules": [{"path": "/**", "to": "page"}]})
    page = b"".join(
        site.middleware(environ_of(TIKTOK_ANDROID, "/presave/x", SCRIPT_NAME=raw), lambda *_: None)
    ).decode()
    assert f'data-beacon="{mount.replace("ö", "%C3%B6")}{PLACE}"' in page
    answer = site.ask(PLACE, TIKTOK_ANDROID, "POST", b"x", environ={"SCRIPT_NAME": raw})
    assert answer.status_int == 204


# --- any bytes at all -----------------------------------------------------------------------------

GARBAGE = Measured(trial())
PIECES = st.sampled_from(
    [
        *TOKENS.beacon(SUBJECT, NOW).split("."),
        *TOKENS.site(SUBJECT, "", NOW).split("."),
        *SUBJECT,
        ".",
        "~",
        " ",
        "visit=",
        "tapped",
        "intent",
        "copied",
        "\n",
        "\0",
        "%",
        "\xff",
        "-1",
        "a" * 300,
        TOKENS.beacon(SUBJECT, NOW),
        TOKENS.site(SUBJECT, "", NOW),
    ]
)


@settings(deadline=None, max_examples=400)
@given(
    st.one_of(
        st.binary(max_size=MAX_BODY + 5),
        st.lists(PIECES, max_size=12).map(lambda parts: "".join(parts).encode("latin-1")),
    ),
    st.sampled_from([PLACE, PRESAVED]),
)
def test_any_body_at_all(body, place):
    """Answered, never a fault, and nothing is told of a visit without its whole signed token."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limiter, "RATE", 1e9)
        patch.setattr(
            "escape_mw.engine.engine.logger.exception", lambda *_: pytest.fail("an internal error")
        )
        GARBAGE.told.clear()
        assert GARBAGE.ask(place, TIKTOK_IOS, "POST", body).status_int == (
            204 if len(body) <= MAX_BODY else 413
        )
        said = body.decode("latin-1").removeprefix("visit=").partition(" ")[0]
        is_signed = TOKENS.read_beacon(said, NOW) or TOKENS.read_site(said, NOW)
        assert len(GARBAGE.events) <= 1
        assert is_signed or not of_visits(GARBAGE.events)


# --- too fast -------------------------------------------------------------------------------------


def test_a_gate_lets_a_burst_through_and_then_so_many_a_second():
    now, burst, a_second = [0.0], 2_000, 500  # docs/measuring.md names the latter
    one = RateLimiter(lambda: now[0])
    assert [one.allow() for _ in range(burst + 5)] == [True] * burst + [False] * 5
    now[0] += 1
    assert sum(one.allow() for _ in range(burst)) == a_second
    now[0] += 3600
    assert sum(one.allow() for _ in range(burst * 2)) == burst, "it saves no more than a burst"


def test_what_comes_too_fast_is_counted(site, monkeypatch):
    monkeypatch.setattr(limiter, "BURST", 2)
    site.measured.middleware.engine.state.measurement.limiter = RateLimiter(lambda: 0.0)
    statuses = [
        site.post(f"{site.token} {word}".encode()).status_int
        for word in ("copied", "continued", "tapped intent", "tapped intent")
    ]
    statuses.append(site.post(site.visit.encode(), PRESAVED).status_int)
    assert statuses == [204, 204, 429, 429, 429]
    assert site.measured.words == ["copied", "continued", "capped x3"]


def test_what_nobody_signed_does_not_use_up_the_limit(site, monkeypatch):
    """Or a stranger could keep everybody else's figures out."""
    monkeypatch.setattr(limiter, "BURST", 2)
    site.measured.middleware.engine.state.measurement.limiter = RateLimiter(lambda: 0.0)
    for place, _ in itertools.product((PLACE, PRESAVED), range(200)):
        assert site.post(b"forged copied", place).status_int == 204
    assert site.post(f"{site.token} copied".encode()).status_int == 204
    assert site.post(site.visit.encode(), PRESAVED).status_int == 204
    told = Counter()
    for event in site.measured.events:
        told[event.name] += times(event)
    assert told == {"copied": 1, "outcome": 1, "forged": 400}


def test_the_page_is_shown_however_fast_beacons_come(site, monkeypatch):
    monkeypatch.setattr(limiter, "BURST", 0)
    assert site.post(f"{site.token} copied".encode()).status_int == 429
    assert site.measured.ask("/presave/x", TIKTOK_ANDROID).status_int == 200


# --- the frameworks -------------------------------------------------------------------------------

told = []
DJANGO = {
    "MIDDLEWARE": ["escape_mw.django.EscapeMiddleware"],
    "ESCAPE_MW_RULES": RULES,
    "ESCAPE_MW_SINKS": [told.extend],
}


def flushed():
    for engine in measuring():
        engine.state.measurement.recorder.flush()
    return [word(event) for event in told]


def test_flask_takes_both(caplog):
    app = flask_site()
    app.config["ESCAPE_MW"] = RULES | {"events": {"log": True, "outcomes": ["presave"]}}
    Escape(app)
    client = app.test_client()
    assert client.post(PLACE, data=f"{fresh_beacon()} copied").status_code == 204
    assert client.post(PRESAVED, data={"visit": site_token(POLICY, "visit")}).status_code == 204
    assert client.post("/_escape/outcome/other").status_code == 405, "the site's own answer"
    with caplog.at_level(logging.INFO, "escape_mw.events"):
        flushed()
    assert [json.loads(record.message)["name"] for record in caplog.records] == [
        "copied",
        "outcome",
    ]


def test_django_takes_both():
    told.clear()
    with override_settings(**DJANGO):
        client = Client()
        assert (
            client.post(PLACE, f"{fresh_beacon()} copied", content_type="text/plain").status_code
            == 204
        )
        assert (
            client.post(
                PRESAVED,
                f"visit={site_token(POLICY, 'visit')}",
                content_type="application/x-www-form-urlencoded",
            ).status_code
            == 204
        )
        assert client.post(
            "/_escape/outcome/other", "x", content_type="text/plain"
        ).content.startswith(SITE_S)
        assert flushed() == ["copied", "outcome presave"]


def test_django_takes_both_under_asgi():
    told.clear()

    async def post():
        client = AsyncClient()
        first = await client.post(PLACE, f"{fresh_beacon()} copied", content_type="text/plain")
        second = await client.post(PRESAVED, site_token(POLICY, "visit"), content_type="text/plain")
        return first.status_code, second.status_code

    with override_settings(**DJANGO):
        assert asyncio.run(post()) == (204, 204)
        assert flushed() == ["copied", "outcome presave"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_that_is_forked_while_another_thread_counts_goes_on():
    limiter = RateLimiter()
    with limiter._lock:
        child = os.fork()
        if child == 0:
            signal.alarm(10)
            os._exit(0 if limiter.allow() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
