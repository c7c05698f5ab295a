"""The lab: every technique as a button, and what counts as an arrival.

Nobody else ever sees it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import re
import sqlite3
import time
from contextlib import closing
from functools import partial
from types import SimpleNamespace
from urllib.parse import unquote

import html5lib
import pytest
from bs4 import BeautifulSoup
from django.http import HttpResponse
from django.test import AsyncRequestFactory, override_settings
from webtest import TestApp

from escape_mw import EscapeMiddleware, RulesError, catalogue, load
from escape_mw.asgi import EscapeMiddleware as AsgiMiddleware
from escape_mw.decision.handoffs import TECHNIQUES
from escape_mw.django import EscapeMiddleware as DjangoMiddleware
from escape_mw.flask import Escape
from escape_mw.lab.marks import LIFE, LabTokens, Session, Trial
from escape_mw.lab.store import results

from ..support import agents
from ..support.agents import (
    CHROME_ANDROID,
    CHROME_DESKTOP,
    FACEBOOK_PREVIEW,
    INSTAGRAM_IOS,
    SAFARI,
    TIKTOK_ANDROID,
    TIKTOK_IOS,
    UNNAMED_ANDROID,
)
from ..support.examples import SECRET, SITE
from ..support.marked import set_clock
from ..support.sites import (
    answer_to,
    ask_asgi,
    ask_django_asgi,
    ask_django_wsgi,
    ask_wsgi,
    flask_site,
    plain,
    starlette_site,
)
from ..support.wsgi import environ_of

TOKEN = LabTokens(SECRET).link
PAGE = f"/_escape/lab?token={TOKEN}"
MARKS = LabTokens(SECRET)
TIKTOK = Session("tiktok", "41.9", "ios", "round")
OTHERS = LabTokens("a token of somebody else")


@pytest.fixture
def lab(tmp_path):
    """A wrapped site with the lab on: `get` and `say` are its visitors, `results` what it wrote."""
    file = tmp_path / "lab.sqlite3"
    rules = {"version": 1, "secret": SECRET, "lab": {"file": str(file)}}
    middleware = EscapeMiddleware(plain, rules)
    site = TestApp(middleware, lint=True)

    def get(path, agent=TIKTOK_IOS, method="GET", **headers):
        return site.request(
            SITE + path.removeprefix(SITE),
            method=method,
            headers={"User-Agent": agent, **headers},
            expect_errors=True,
        )

    def say(path, body, agent=TIKTOK_IOS):
        headers = {"User-Agent": agent, "Content-Type": "application/x-www-form-urlencoded"}
        return site.post(SITE + path.removeprefix(SITE), body, headers=headers, expect_errors=True)

    store = middleware.engine.state.rules.lab.store
    return SimpleNamespace(
        get=get,
        say=say,
        middleware=middleware,
        file=file,
        rules=rules,
        store=store,
        results=lambda: results(file) if file.exists() else [],
    )


def arrival(marks=MARKS):
    token = marks.sign_trial(Trial(TIKTOK, "browser", "x-safari"), int(time.time()))
    return f"/_escape/lab/arrived?m={token}"


def saw(round_=TIKTOK, marks=MARKS, token=TOKEN):
    return f"/_escape/lab/saw?token={token}&run={marks.sign_session(round_, int(time.time()))}"


def row(answer, name):
    return BeautifulSoup(answer.body, "html.parser").find(id=name)


def handed(page):
    """What the page's row of x-safari hands over."""
    return row(page, "browser.x-safari.tap").a["href"].removeprefix("x-safari-")


# --- the page -------------------------------------------------------------------------------------

PHONES = {
    "TikTok on iOS": (TIKTOK_IOS, "tiktok", "ios"),
    "TikTok on Android": (TIKTOK_ANDROID, "tiktok", "android"),
    "Instagram on iOS": (INSTAGRAM_IOS, "instagram", "ios"),
    "Instagram on Android": (agents.INSTAGRAM_ANDROID, "instagram", "android"),
    "LINE on iOS": (agents.LINE_IOS, "line", "ios"),
    "KakaoTalk on Android": (agents.KAKAOTALK_ANDROID, "kakaotalk", "android"),
    "WeChat on Android": (agents.WECHAT_ANDROID, "wechat", "android"),
    "an app that names itself to nobody": (UNNAMED_ANDROID, None, "android"),
}


@pytest.mark.parametrize(("agent", "app", "platform"), PHONES.values(), ids=PHONES)
def test_every_technique_of_the_platform_is_a_row_and_the_ladder_comes_first(
    lab, agent, app, platform
):
    page = BeautifulSoup(lab.get(PAGE, agent).body, "html.parser")
    names = [item["id"] for item in page.select("li")]
    assert len(set(names)) == len(names)
    assert {name.split(".")[1] for name in names} == {
        name
        for name, technique in TECHNIQUES.items()
        if platform in technique.phones and (not technique.apps or app in technique.apps)
    }
    rows = [row for row in catalogue.load().techniques if row.platform == platform]
    for goal in ("app", "browser"):
        own = next((row for row in rows if (row.app, row.goal) == (app, goal)), None) or next(
            row for row in rows if (row.app, row.goal) == ("default", goal)
        )
        ladder = [step.technique for step in own.steps if (step.technique, goal) != ("menu", "app")]
        shown = [name.split(".")[1] for name in names if name.startswith(goal)]
        assert list(dict.fromkeys(shown))[: len(ladder)] == ladder
        for name in (name for name in names if name.startswith(goal)):
            technique, known = name.split(".")[1], page.find(id=name).p.text
            is_in = technique in ladder
            assert known.startswith(f"{technique}: {'' if is_in else 'not '}in the ladder ")


@pytest.mark.parametrize(("agent", "app", "platform"), PHONES.values(), ids=PHONES)
def test_each_button_hands_over_an_arrival_of_its_own_or_a_song(lab, agent, app, platform):
    page = BeautifulSoup(lab.get(PAGE, agent).body, "html.parser")
    for item in page.select("li"):
        goal, technique, trigger = item["id"].split(".")
        asks = goal not in TECHNIQUES[technique].arrives
        opened = [button["value"] for button in item.select("button")] == [
            "opened",
            "nothing",
            "error",
            "question",
            "page",
        ]
        assert opened == asks
        if technique == "menu":
            assert not item.a
            continue
        uri = item.a["href"]
        if trigger == "auto":  # the same page, which then opens it without a tap
            assert uri.endswith(f"&fire={item['id']}")
            uri = row(lab.get(uri, agent), item["id"]).a["data-fires"]
        if asks:
            assert "4uLU6hMCjMI75M1A2tKUQC" in uri
            assert "arrived" not in uri
        else:
            value = re.search(r"/_escape/lab/arrived\?m=([\w.~-]+)", unquote(uri))[1]
            mark = MARKS.read_trial(value, int(time.time()))
            session = mark.session
            assert (session.app, session.platform) == (app or "default", platform)
            assert (mark.goal, mark.technique, mark.trigger) == (goal, technique, trigger)


SPLIT = [  # where the evidence differs: what a tester of that app is offered, and how
    pytest.param(INSTAGRAM_IOS, "browser.extbrowser.tap", "link", id="Instagram's opener by a tap"),
    pytest.param(INSTAGRAM_IOS, "browser.extbrowser.auto", "link", id="and by itself"),
    pytest.param(agents.FACEBOOK_IOS, "browser.x-safari.tap", "link", id="a plain link"),
    pytest.param(agents.FACEBOOK_IOS, "browser.x-safari-location.tap", "location", id="a script"),
    pytest.param(agents.FACEBOOK_IOS, "browser.x-safari-window.tap", "window", id="a window"),
    pytest.param(agents.FACEBOOK_ANDROID, "browser.intent.auto", "link", id="an intent, unnamed"),
    pytest.param(agents.FACEBOOK_ANDROID, "browser.intent-chrome.tap", "link", id="to Chrome"),
]


@pytest.mark.parametrize(("agent", "name", "opens"), SPLIT)
def test_what_the_evidence_splits_on_can_be_tried(lab, agent, name, opens):
    assert row(lab.get(PAGE, agent), name).a["data-opens"] == opens


def test_only_the_named_row_fires_and_never_once_it_worked(lab):
    page = lab.get(PAGE, INSTAGRAM_IOS)
    fired = row(page, "browser.extbrowser.auto").a["href"]
    again = BeautifulSoup(lab.get(fired, INSTAGRAM_IOS).body, "html.parser")
    [only] = again.select("[data-fires]")
    assert only.find_parent("li")["id"] == "browser.extbrowser.auto"
    lab.get(unquote(only["data-fires"]).partition("url=")[2], SAFARI)
    assert [(result.technique, result.trigger) for result in lab.results()] == [
        ("extbrowser", "auto")
    ]
    assert not BeautifulSoup(lab.get(fired, INSTAGRAM_IOS).body, "html.parser").select(
        "[data-fires]"
    )


def test_only_major_and_minor_of_the_version_are_carried(lab):
    assert "Techniques in Instagram 403.0</h1>" in lab.get(PAGE, INSTAGRAM_IOS).text


@pytest.mark.parametrize(
    "agent", [agent for agent, *_ in PHONES.values()] + [SAFARI], ids=[*PHONES, "Safari"]
)
def test_one_small_document_and_no_other_request(lab, agent):
    answer = lab.get(PAGE, agent)
    assert len(answer.body) < 14_000
    html5lib.HTMLParser(strict=True).parse(answer.text)
    page = BeautifulSoup(answer.body, "html.parser")
    assert not page.select("link, img, iframe, script[src], [style], [onclick]")
    assert page.html["lang"] == "en"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith(
        "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'; "
        "script-src 'sha256-"
    )
    for element in page.select("style, script"):
        assert base64.b64encode(hashlib.sha256(element.string.encode()).digest()).decode() in policy
    assert (
        answer.headers["Cache-Control"],
        answer.headers["X-Robots-Tag"],
        answer.headers["Referrer-Policy"],
    ) == ("no-store", "noindex", "no-referrer")
    assert page.select_one("meta[name=robots]")["content"] == "noindex"
    assert "Set-Cookie" not in answer.headers


def test_buttons_are_large_and_every_question_has_its_legend(lab):
    text = lab.get(PAGE).text
    for selector in (r"\.go", "button", r"\.plain"):
        assert re.search(rf"^{selector}{{[^}}]*min-height:3rem", text, re.MULTILINE)
    page = BeautifulSoup(text, "html.parser")
    assert all(item.fieldset.legend.text and item.h3.text for item in page.select("li"))
    assert page.select_one("#state[role=status]")


def test_works_without_javascript(lab):
    """The question stands under every row.

    It is hidden only where our script says that it runs.
    """
    text = lab.get(PAGE).text
    assert all("js" in line for line in text.splitlines() if "display:none" in line)
    assert 'class="js"' not in text


EXPLAINED = [
    pytest.param(SAFARI, id="Safari"),
    pytest.param(CHROME_DESKTOP, id="a desktop"),
    pytest.param(agents.WECHAT_WINDOWS, id="a host app on a desktop"),
    pytest.param(FACEBOOK_PREVIEW, id="a link preview"),
    pytest.param("", id="no agent at all"),
]


@pytest.mark.parametrize("agent", EXPLAINED)
def test_anywhere_else_it_says_how_to_use_it(lab, agent):
    page = BeautifulSoup(lab.get(PAGE, agent).body, "html.parser")
    assert "send yourself this link" in page.text
    assert page.code.text == SITE + PAGE
    assert not page.select("li, form, script")


def test_over_plain_http_what_needs_https_is_left_out(lab):
    site = TestApp(EscapeMiddleware(plain, lab.rules))
    page = site.get("http://localhost:8000" + PAGE, headers={"User-Agent": TIKTOK_IOS}).text
    assert 'id="browser.x-safari.tap"' not in page
    assert 'id="browser.chrome-ios.tap"' in page


def test_what_the_rules_switch_off_can_still_be_tried():
    rules = {
        "version": 1,
        "secret": SECRET,
        "lab": True,
        "techniques": [{"technique": "extbrowser", "enabled": False}],
    }
    answer = ask_wsgi(EscapeMiddleware(plain, rules), PAGE, INSTAGRAM_IOS)[2].decode()
    assert 'id="browser.extbrowser.tap"' in answer


def test_the_song_is_the_first_that_the_rules_name():
    to = "https://music.apple.com/us/album/harbour-lights/1440857781"
    rules = {
        "version": 1,
        "secret": SECRET,
        "lab": True,
        "rules": [{"path": "/listen", "to": to}],
    }
    assert f'href="{to}"' in ask_wsgi(EscapeMiddleware(plain, rules), PAGE, TIKTOK_IOS)[2].decode()


def test_it_knows_where_it_is_mounted(lab):
    environ = environ_of(
        TIKTOK_IOS, SCRIPT_NAME="/shop", PATH_INFO="/_escape/lab", QUERY_STRING=f"token={TOKEN}"
    )
    body = b"".join(EscapeMiddleware(plain, lab.rules)(environ, lambda *_: None)).decode()
    assert "https://site.example/shop/_escape/lab/arrived?m=" in body


# --- who sees it ----------------------------------------------------------------------------------

UNTOUCHED = [
    pytest.param("GET", "/_escape/lab", id="no token"),
    pytest.param("GET", "/_escape/lab?token=", id="an empty token"),
    pytest.param("GET", "/_escape/lab?token=another-token-of-sixteen", id="a wrong token"),
    pytest.param("GET", f"/_escape/lab?token={TOKEN}x", id="a longer token"),
    pytest.param("GET", "/_escape/lab?token=%C3%BC%FF", id="a token that is no ASCII"),
    pytest.param("GET", f"/_escape/lab?token=x&token={TOKEN}", id="two tokens, the first wrong"),
    pytest.param("GET", f"/_escape/lab/?token={TOKEN}", id="another path"),
    pytest.param("GET", f"/_escape/labs?token={TOKEN}", id="a longer path"),
    pytest.param("GET", f"/x/_escape/lab?token={TOKEN}", id="further down"),
    pytest.param("GET", saw(), id="a GET of the form's target"),
    pytest.param("POST", PAGE, id="a POST of the page"),
    pytest.param("PUT", PAGE, id="another method"),
    pytest.param("POST", saw(token="another-token-of-sixteen"), id="an answer with a wrong token"),
    pytest.param("GET", "/_escape/lab/arrived", id="an arrival without a mark"),
    pytest.param(
        "GET",
        "/_escape/lab/arrived?m=tiktok~41.9~ios~x~browser~intent",
        id="a mark without a signature",
    ),
    pytest.param("GET", arrival(marks=OTHERS), id="a forged mark"),
    pytest.param(
        "GET",
        f"/_escape/lab/arrived?m={MARKS.sign_session(TIKTOK, int(time.time()))}",
        id="a round for a mark",
    ),
    pytest.param("GET", arrival()[:-1] + "%FF", id="a mark that is no ASCII"),
    pytest.param(
        "GET", f"/_escape/lab/arrived?m=a.{'Z' * 300}.b", id="a mark whose time is no time"
    ),
    pytest.param("GET", f"/_escape/lab/arrived?m={'a' * 1500}", id="a mark of any length"),
]


class Unreadable:
    def __getattr__(self, name):
        raise AssertionError(f"wsgi.input.{name}")


@pytest.mark.parametrize("agent", [TIKTOK_IOS, SAFARI], ids=["in TikTok", "in Safari"])
@pytest.mark.parametrize(("method", "path"), UNTOUCHED)
def test_the_site_answers_itself(lab, method, path, agent):
    path, _, query = path.partition("?")
    environ = environ_of(
        agent, PATH_INFO=path, QUERY_STRING=query, REQUEST_METHOD=method, CONTENT_LENGTH="3"
    )
    environ["wsgi.input"] = Unreadable()
    before, seen = dict(environ), []
    EscapeMiddleware(
        lambda given, start: seen.append(given) or start("404 Not Found", []) or [], lab.rules
    )(environ, lambda *_: None)
    assert seen[0] is environ
    assert environ == before
    assert not lab.file.exists()


OFF = [
    pytest.param({}, id="no lab in the rules"),
    pytest.param({"lab": False, "secret": "sixteen characters"}, id="lab: false"),
    pytest.param({"secret": SECRET, "lab": True, "mode": "off"}, id="mode: off"),
    pytest.param(
        {"secret": SECRET, "lab": True, "exclude": ["/_escape/**"]},
        id="an excluded path",
    ),
    pytest.param(
        {"secret": SECRET, "lab": True, "allowed_hosts": ["label.example"]},
        id="another host",
    ),
]


@pytest.mark.parametrize("rules", OFF)
def test_off(rules):
    app = EscapeMiddleware(plain, {"version": 1, **rules})
    for agent in (TIKTOK_IOS, SAFARI):
        assert ask_wsgi(app, PAGE, agent) == ask_wsgi(plain, PAGE, agent)


def test_observing_does_not_switch_it_off(lab):
    assert (
        b"Techniques in TikTok"
        in ask_wsgi(EscapeMiddleware(plain, lab.rules | {"mode": "observe"}), PAGE, TIKTOK_IOS)[2]
    )


def test_a_browser_elsewhere_is_let_through_at_the_first_look(lab):
    middleware = EscapeMiddleware(plain, lab.rules)
    environ = environ_of(SAFARI, PATH_INFO="/listen")
    assert answer_to(middleware.engine, environ) is None
    middleware.engine.visit = None  # nothing further is computed
    assert answer_to(middleware.engine, environ) is None


# --- arrivals -------------------------------------------------------------------------------------

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def test_an_arrival_in_a_real_browser_is_recorded_once(lab):
    arrival = handed(lab.get(PAGE))
    assert "<h1>It worked: recorded</h1>" in lab.get(arrival, SAFARI).text
    assert "<h1>It worked: already recorded</h1>" in lab.get(arrival, SAFARI).text
    [result] = lab.results()
    assert DAY.fullmatch(result.day)
    assert result[1:] == ("tiktok", "41.9", "ios", "browser", "x-safari", "worked", "tap")


IPAD = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.6 Safari/605.1.15"
)
ARRIVALS = [
    pytest.param(SAFARI, {}, "It worked: recorded", id="Safari"),
    pytest.param(IPAD, {}, "It worked: recorded", id="an iPad's Safari, which calls itself a Mac"),
    pytest.param(TIKTOK_IOS, {}, "Still inside TikTok 41.9", id="the same webview"),
    pytest.param(INSTAGRAM_IOS, {}, "Still inside TikTok 41.9", id="another webview"),
    pytest.param(agents.UNNAMED_IOS, {}, "Still inside TikTok 41.9", id="an unnamed webview"),
    pytest.param(FACEBOOK_PREVIEW, {}, "Not counted", id="a link preview"),
    pytest.param(
        SAFARI + " (compatible; Googlebot/2.1)",
        {},
        "Not counted",
        id="a crawler that calls itself an iPhone",
    ),
    pytest.param(CHROME_ANDROID, {}, "Not counted", id="a browser of another platform"),
    pytest.param(
        agents.FIREFOX,
        {},
        "Not counted",
        id="a program that looks at links with a desktop browser's agent",
    ),
    pytest.param(SAFARI, {"Sec-Purpose": "prefetch"}, "Not counted", id="a prefetch"),
    pytest.param(SAFARI, {"Sec-Fetch-Dest": "image"}, "Not counted", id="an image"),
    pytest.param(
        SAFARI,
        {"X-Requested-With": "com.zhiliaoapp.musically"},
        "Still inside TikTok 41.9",
        id="a browser's agent with a host app's package",
    ),
]


@pytest.mark.parametrize(("agent", "headers", "title"), ARRIVALS)
def test_what_counts_as_an_arrival(lab, agent, headers, title):
    assert f"<h1>{title}</h1>" in lab.get(arrival(), agent, **headers).text
    assert len(lab.results()) == (title == "It worked: recorded")


def test_head_records_nothing(lab):
    for path in (PAGE, arrival()):
        answer = lab.get(path, SAFARI, method="HEAD")
        assert (answer.status_int, answer.body) == (200, b"")
    assert lab.results() == []


def test_a_mark_grows_old(lab):
    path, minted = arrival(), time.time()
    set_clock(lab.middleware, minted + LIFE + 5)
    answer = lab.get(path, SAFARI)
    assert (answer.status_int, lab.results()) == (410, [])
    assert "good for 60 minutes" in answer.text


def test_a_page_loaded_anew_in_the_last_minute_brings_no_second_result(lab):
    minted = time.time()

    def after(seconds):
        set_clock(lab.middleware, minted + seconds)

    after(0)
    first = lab.get(PAGE)
    lab.get(handed(first), SAFARI)
    after(LIFE - 5)
    again = lab.get("/_escape/" + row(first, "here")["href"])
    assert row(again, "here")["href"] == row(first, "here")["href"]
    after(2 * LIFE - 10)
    lab.get(
        handed(lab.get(PAGE)), SAFARI
    )  # somebody else's result, with which old marks are forgotten
    assert "It worked: already recorded" in lab.get(handed(again), SAFARI).text
    assert len(lab.results()) == 2


def test_a_round_grows_old(lab):
    path, minted = saw(), time.time()
    page = row(lab.get(PAGE), "here")["href"]
    set_clock(lab.middleware, minted + LIFE + 5)
    assert lab.say(path, {"browser.x-safari.tap": "nothing"}).status_int == 400
    assert "too old" in lab.say(path, {"browser.x-safari.tap": "nothing"}).text
    assert (
        row(lab.get("/_escape/" + page), "here")["href"].split("~")[4][:12]
        != page.split("~")[4][:12]
    ), "another round"


def test_threads_has_its_own_opener(lab):
    assert (
        row(lab.get(PAGE, agents.THREADS_IOS), "browser.extbrowser.tap")
        .a["href"]
        .startswith("barcelona://extbrowser/?url=https%3A")
    )


def test_two_rounds_are_two_tries_and_a_reload_is_not(lab):
    first = lab.get(PAGE)
    again = lab.get("/_escape/" + row(first, "here")["href"])
    for page in (first, again, lab.get(PAGE)):
        lab.get(handed(page), SAFARI)
    assert len(lab.results()) == 2


def test_back_on_the_page_the_row_says_that_it_worked(lab):
    page = lab.get(PAGE)
    lab.get(handed(page), SAFARI)
    back = row(lab.get("/_escape/" + row(page, "here")["href"]), "browser.x-safari.tap")
    assert back.strong.text == "Worked: recorded."
    assert back.fieldset is None
    fresh = row(lab.get(PAGE), "browser.x-safari.tap")
    assert fresh.strong is None
    assert re.search(r"Here: worked 1/1, \d{4}-\d{2}\.", fresh.p.text)


def test_the_page_says_how_many_were_tried(lab):
    page = lab.get(PAGE)
    number = len(page.html.select("ol > li"))
    assert row(page, "state").text == f"0 of {number} tried"
    told = lab.get(handed(page), SAFARI)
    assert "Safari, by a plain link: out of TikTok 41.9." in told.text
    back = lab.get("/_escape/" + row(page, "here")["href"])
    assert row(back, "state").text == f"1 of {number} tried"


def test_a_round_of_another_app_is_not_taken_over(lab):
    page = lab.get(f"{PAGE}&run={MARKS.sign_session(TIKTOK, int(time.time()))}", INSTAGRAM_IOS)
    assert "run=2~tiktok~" not in page.text
    assert "run=2~instagram~403.0~ios~" in page.text


# --- answers --------------------------------------------------------------------------------------


def test_an_answer_is_recorded_and_leads_back(lab):
    answer = lab.say(saw(), {"app.app-scheme.tap": "opened"})
    assert answer.status_int == 303
    assert answer.headers["Location"].startswith(f"{SITE}{PAGE}&run=2~tiktok~41.9~ios~round.")
    assert answer.headers["Location"].endswith("#app.app-scheme.tap")
    assert (
        row(lab.get(answer.headers["Location"].partition("#")[0]), "app.app-scheme.tap").strong.text
        == "You said: it opened."
    )
    assert [result[1:] for result in lab.results()] == [
        ("tiktok", "41.9", "ios", "app", "app-scheme", "opened", "tap")
    ]


SAID = [
    pytest.param(["nothing"], ["nothing"], id="an answer"),
    pytest.param(["nothing", "error"], ["error"], id="a second thought"),
    pytest.param(["nothing", None], ["worked"], id="an arrival after an answer"),
    pytest.param([None, "nothing"], ["worked"], id="an answer after an arrival"),
]


@pytest.mark.parametrize(("said", "recorded"), SAID)
def test_one_result_for_each_row_of_a_round(lab, said, recorded):
    for outcome in said:
        if outcome:
            assert lab.say(saw(), {"browser.x-safari.tap": outcome}).status_int == 303
        else:
            lab.get(arrival(), SAFARI)
    assert [result.sighting for result in lab.results()] == recorded


REFUSED = [
    pytest.param(saw(), b"", 400, id="an empty body"),
    pytest.param(saw(), b"browser.x-safari.tap=worked", 400, id="claiming an arrival"),
    pytest.param(
        saw(), b"browser.x-safari.tap=opened", 400, id="opened, where an arrival would tell"
    ),
    pytest.param(saw(), b"browser.sandwich.tap=nothing", 400, id="an unknown technique"),
    pytest.param(saw(), b"app.menu.written=nothing", 400, id="a row that is not on the page"),
    pytest.param(saw(), b"browser.x-safari.tap='); DROP TABLE results;--", 400, id="SQL"),
    pytest.param(saw(), b"\xff\x00\r\nX: 1", 400, id="bytes that are no form"),
    pytest.param(saw(), b"a" * 2049, 413, id="a byte too long"),
    pytest.param(saw(marks=OTHERS), b"browser.x-safari.tap=nothing", 400, id="a forged round"),
    pytest.param(saw().partition("&")[0], b"browser.x-safari.tap=nothing", 400, id="no round"),
    pytest.param(
        saw(Session("tiktok", "41.9", "ios", "x")) + "x",
        b"browser.x-safari.tap=nothing",
        400,
        id="a round with a letter more",
    ),
]


@pytest.mark.parametrize(("path", "body", "status"), REFUSED)
def test_answers_that_are_none(lab, path, body, status):
    assert lab.say(path, body).status_int == status
    assert lab.results() == []


@pytest.mark.parametrize("length", ["", "-1", "1e3", "٣", "99999999999999999999", "2049"])
def test_a_body_of_unknown_or_too_great_length_is_not_read(lab, length):
    environ = environ_of(
        TIKTOK_IOS,
        PATH_INFO="/_escape/lab/saw",
        QUERY_STRING=saw().partition("?")[2],
        REQUEST_METHOD="POST",
        CONTENT_LENGTH=length,
    )
    started = []
    EscapeMiddleware(plain, lab.rules)(
        environ | {"wsgi.input": Unreadable()}, lambda status, _: started.append(status)
    )
    assert started == ["413 Content Too Large"]


# --- what is kept, and what is not ----------------------------------------------------------------


def test_nothing_of_the_visitor_is_stored_logged_or_set(lab, caplog):
    caplog.set_level(logging.DEBUG)
    page = lab.get(PAGE, INSTAGRAM_IOS, Cookie="session=s3cret")
    arrived = lab.get(
        handed(page), SAFARI, Cookie="session=s3cret", **{"X-Forwarded-For": "192.0.2.7"}
    )
    said = lab.say(
        "/_escape/" + row(page, "here")["href"].replace("lab?", "lab/saw?"),
        {"browser.chrome-ios.tap": "error"},
        INSTAGRAM_IOS,
    )
    assert len(lab.results()) == 2
    assert not any("Set-Cookie" in answer.headers for answer in (page, arrived, said))
    kept = b"".join(path.read_bytes() for path in lab.file.parent.iterdir()) + caplog.text.encode()
    with closing(sqlite3.connect(lab.file)) as file:
        marks = dict(file.execute("SELECT mark, result FROM marks"))
    run = row(page, "here")["href"].partition("~ios~")[2].partition(".")[0]
    assert len(marks) == 2
    assert all(re.fullmatch(r"[0-9a-f]{64}", mark) for mark in marks)
    for secret in ("s3cret", "192.0.2.7", "Mozilla", "iPhone", "403.0.0", TOKEN, run):
        assert secret.encode() not in kept, secret


@pytest.mark.parametrize(
    "trouble", ["a folder that is gone", "a folder in its place", "no database"]
)
def test_a_file_that_cannot_be_used_fails_no_request_and_is_logged_once(tmp_path, caplog, trouble):
    file = tmp_path / ("gone/lab.sqlite3" if trouble == "a folder that is gone" else "lab.sqlite3")
    if trouble == "a folder in its place":
        file.mkdir()
    elif trouble == "no database":
        file.write_bytes(b"not a database at all" * 100)
    rules = {"version": 1, "secret": SECRET, "lab": {"file": str(file)}}
    app = EscapeMiddleware(plain, rules)
    for _ in range(2):
        assert b"Techniques in TikTok" in ask_wsgi(app, PAGE, TIKTOK_IOS)[2]
        assert b"It worked: not recorded" in ask_wsgi(app, arrival(), SAFARI)[2]
    faults = [record for record in caplog.records if "is unusable" in record.message]
    assert len(faults) == (1 if trouble != "a folder that is gone" else 2), (
        "where there is no file yet, reading works"
    )


def test_nothing_is_written_before_the_first_result(lab):
    lab.get(PAGE)
    lab.get(PAGE, SAFARI)
    lab.get(arrival(), TIKTOK_IOS)
    assert not list(lab.file.parent.iterdir())


# --- every shell ----------------------------------------------------------------------------------


@pytest.fixture
def shells(lab, monkeypatch):
    rules = load(lab.rules)
    monkeypatch.setattr("escape_mw.lab.marks.secrets.token_urlsafe", lambda _: "round")
    flask_app = flask_site()
    flask_app.config["ESCAPE_MW"] = rules
    Escape(flask_app)
    with override_settings(
        MIDDLEWARE=[
            "escape_mw.django.EscapeMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
        ],
        ESCAPE_MW_RULES=rules,
    ):
        wrapped = EscapeMiddleware(plain, rules)
        yield {
            "plain": lambda *words, **more: ask_wsgi(wrapped, *words, **more),
            "flask": lambda *words, **more: ask_wsgi(flask_app, *words, **more),
            "django": ask_django_wsgi,
            "django async": ask_django_asgi,
            "asgi": partial(ask_asgi, AsgiMiddleware(starlette_site(), rules)),
        }


def without_dates(answer):
    """An answer whose tokens say nothing of the second in which it was made."""
    status, headers, body = answer
    return status, headers, re.sub(rb"\.[0-9a-f]{8}\.[\w-]{27}", b".DATE.SIGNATURE", body)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("path", "agent"),
    [(PAGE, TIKTOK_IOS), (PAGE, SAFARI), ("arrived", TIKTOK_IOS)],
    ids=["page", "how to", "still inside"],
)
def test_the_same_in_every_shell(shells, path, agent, method):
    path = arrival() if path == "arrived" else path
    answers = [without_dates(ask(path, agent, method=method)) for ask in shells.values()]
    assert answers[0][0] == 200
    assert bool(answers[0][2]) == (method == "GET")
    assert answers == answers[:1] * 5


@pytest.mark.parametrize("name", ["plain", "flask", "django", "django async", "asgi"])
def test_an_arrival_in_every_shell(shells, lab, name):
    assert b"It worked: recorded" in shells[name](arrival(), SAFARI)[2]
    assert len(lab.results()) == 1


@pytest.mark.parametrize("name", ["plain", "flask", "django"])
def test_an_answer_in_every_shell(shells, lab, name, monkeypatch):
    body, request = b"browser.x-safari.tap=question", TestApp.request
    monkeypatch.setattr(
        TestApp, "request", lambda *words, **more: request(*words, body=body, **more)
    )
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert shells[name](saw(), TIKTOK_IOS, method="POST", **form)[0] == 303
    assert [result.sighting for result in lab.results()] == ["question"]


@pytest.mark.parametrize(
    ("token", "status"),
    [(TOKEN, 303), ("another-token-of-sixteen", 404)],
    ids=["with the token", "without it"],
)
@pytest.mark.usefixtures("shells")
def test_an_answer_in_async_django(lab, token, status):
    async def site(_):
        return HttpResponse(status=404)

    form = b"browser.x-safari.tap=question"
    request = AsyncRequestFactory().generic(
        "POST", saw(token=token), form, "application/x-www-form-urlencoded"
    )
    response = asyncio.run(DjangoMiddleware(site)(request))
    assert (response.status_code, len(lab.results())) == (status, int(status == 303))
    if status == 404:
        assert request.body == form


def test_an_answer_under_asgi(lab):
    """In parts, as a server may hand a body over."""
    form = b"browser.x-safari.tap=question"
    path, _, query = saw().partition("?")
    parts = [{"body": form[:9], "more_body": True}, {"body": form[9:]}]
    sent = []

    async def receive():
        return {"type": "http.request", **parts.pop(0)}

    async def send(message):
        sent.append(message)

    headers = {"host": "site.example", "user-agent": TIKTOK_IOS, "content-length": str(len(form))}
    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "https",
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    asyncio.run(AsgiMiddleware(starlette_site(), lab.rules)(scope, receive, send))
    assert (sent[0]["status"], len(lab.results())) == (303, 1)


@pytest.mark.parametrize("name", ["plain", "flask", "django", "django async", "asgi"])
def test_a_wrong_token_in_every_shell(shells, name):
    assert b"Pre-save" in shells[name]("/_escape/lab?token=another-token-of-sixteen", TIKTOK_IOS)[2]


# --- the rules ------------------------------------------------------------------------------------

BAD = [
    pytest.param(
        "lab: true",
        "2:1: lab: the lab needs a 'secret': without it, a link of the lab would not work",
        id="no token and no secret",
    ),
    pytest.param(
        "lab: {file: x}",
        "2:1: lab: the lab needs a 'secret': without it, a link of the lab would not work",
        id="a file alone",
    ),
    pytest.param("lab: on", "2:1: lab: 'lab' is true, false, or a mapping with file", id="a word"),
    pytest.param(
        "lab: {token: hush}",
        "2:7: lab.token: 'token' is gone: leave it out; `escape-mw lab url` prints the link",
        id="a token of one's own",
    ),
    pytest.param(
        "lab: {fil: x}",
        "2:7: lab.fil: unknown key (did you mean 'file'?); allowed here: file",
        id="an unknown key",
    ),
]


@pytest.mark.parametrize(("line", "problem"), BAD)
def test_bad_rules_at_their_line(tmp_path, line, problem):
    path = tmp_path / "escape.yaml"
    path.write_text(f"version: 1\n{line}\n")
    with pytest.raises(RulesError) as raised:
        load(path)
    assert raised.value.problems[-1].startswith(f"{path}:{problem}")


def test_the_token_comes_from_the_secret_and_tells_nothing_of_it(tmp_path):
    path = tmp_path / "escape.yaml"
    path.write_text("version: 1\nsecret: sixteen characters\nlab: true\n")
    first, second = load(path).lab, load(path).lab
    assert first.tokens.link == second.tokens.link
    assert re.fullmatch(r"[0-9a-f]{32}", first.tokens.link)
    assert first.tokens.link not in repr(first)
    assert (
        first.tokens.link
        != load({"version": 1, "secret": "another secret of mine", "lab": True}).lab.tokens.link
    )
    assert first.store.path == tmp_path / "escape_lab.sqlite3"
