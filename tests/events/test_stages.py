"""From requests to events: what is recorded of each visit, and what is never recorded."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escape_mw import Event, Tally, catalogue, load
from escape_mw.decision.markers import MAX_AGE
from escape_mw.decision.model import Journey
from escape_mw.events import stages
from escape_mw.events.event import COUNTED, STAGES

from ..support import agents
from ..support.agents import (
    CHROME_ANDROID,
    CHROME_DESKTOP,
    FACEBOOK_PREVIEW,
    LINE_IOS,
    SAFARI,
    TIKTOK_ANDROID,
    TIKTOK_IOS,
    UNNAMED_ANDROID,
    UNNAMED_IOS,
)
from ..support.examples import NOW, TRACK
from ..support.measured import ALBUM, RULES, Measured, of_visits, trial, with_each_rule, word


class Ask(NamedTuple):
    """A request, `later` seconds after the first; {M} stands for the last answer's marker."""

    path: str
    agent: str = TIKTOK_ANDROID
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed
    method: str = "GET"
    later: int = 0


SHOWN = ["eligible", "shown intent tap"]
PRESAVE, ARRIVAL = Ask("/presave/x"), Ask("/presave/x?{M}", CHROME_ANDROID)
LINE, RETRY = Ask("/presave/x", LINE_IOS), Ask("/presave/x?{M}", LINE_IOS)


def arriving(**headers):
    return [PRESAVE, ARRIVAL._replace(headers=headers)]


RECORDED = [
    pytest.param([PRESAVE], SHOWN, id="the page is shown"),
    pytest.param(
        [LINE], ["eligible", "attempt line-external redirect"], id="a redirect is an attempt"
    ),
    pytest.param(
        [Ask("/presave/x", TIKTOK_IOS)],
        ["eligible", "shown menu written"],
        id="a page with nothing but words is shown",
    ),
    pytest.param([PRESAVE, PRESAVE], SHOWN * 2, id="two visits without a marker are two"),
    pytest.param([PRESAVE, ARRIVAL], [*SHOWN, "arrived intent tap"], id="an arrival"),
    pytest.param(
        [LINE, Ask("/presave/x?{M}", SAFARI)],
        ["eligible", "attempt line-external redirect", "arrived line-external redirect"],
        id="a redirect's arrival",
    ),
    pytest.param(
        [PRESAVE, ARRIVAL, ARRIVAL],
        [*SHOWN, "arrived intent tap", "repeat x1"],
        id="a reload of the arrival is a repeat",
    ),
    pytest.param(
        [PRESAVE, ARRIVAL, ARRIVAL._replace(agent=SAFARI)],
        [*SHOWN, "arrived intent tap", "arrived-elsewhere intent tap"],
        id="a shared link, opened on another kind of phone",
    ),
    pytest.param(
        [PRESAVE, ARRIVAL._replace(later=MAX_AGE)],
        [*SHOWN, "arrived intent tap"],
        id="an arrival in the tenth minute",
    ),
    pytest.param(
        [PRESAVE, ARRIVAL._replace(later=MAX_AGE + 1)],
        SHOWN,
        id="an arrival after more than ten minutes",
    ),
    pytest.param(
        [PRESAVE, PRESAVE._replace(path="/presave/x?{M}", later=MAX_AGE + 1)],
        SHOWN * 2,
        id="in a webview after more than ten minutes, by a shared link: a new visit",
    ),
    pytest.param([PRESAVE, ARRIVAL._replace(method="HEAD")], SHOWN, id="a HEAD is not an arrival"),
    pytest.param([PRESAVE, ARRIVAL._replace(method="POST")], SHOWN, id="a POST is not an arrival"),
    pytest.param(arriving(Purpose="prefetch"), SHOWN, id="a prefetch is not an arrival"),
    pytest.param(
        arriving(Sec_Purpose="prefetch;prerender"), SHOWN, id="a prerender is not an arrival"
    ),
    pytest.param(arriving(Sec_Fetch_Dest="image"), SHOWN, id="an image is not an arrival"),
    pytest.param(
        arriving(Sec_Fetch_Dest="iframe", Sec_Fetch_Mode="navigate"),
        SHOWN,
        id="a frame is not an arrival",
    ),
    pytest.param(
        arriving(X_Requested_With="XMLHttpRequest"),
        SHOWN,
        id="a script's request is not an arrival",
    ),
    pytest.param(
        [PRESAVE, ARRIVAL._replace(agent=FACEBOOK_PREVIEW)],
        SHOWN,
        id="a link preview is not an arrival",
    ),
    pytest.param(
        [PRESAVE, ARRIVAL._replace(path="/presave/x?{M}x")],
        SHOWN,
        id="a forged signature is not an arrival",
    ),
    pytest.param(
        [PRESAVE, ARRIVAL._replace(path="/presave/x?{S}")],
        SHOWN,
        id="a visitor who stays has not arrived",
    ),
    pytest.param(arriving(Sec_GPC="1"), SHOWN, id="GPC on arrival"),
    pytest.param(arriving(DNT="1"), SHOWN, id="DNT on arrival"),
    pytest.param(
        arriving(DNT="0", Sec_GPC="0"), [*SHOWN, "arrived intent tap"], id="GPC and DNT that say no"
    ),
    pytest.param(
        [PRESAVE, ARRIVAL._replace(path="/admin/x?{M}")],
        SHOWN,
        id="a marker on a path that the rules leave alone is not an arrival",
    ),
    pytest.param(
        [PRESAVE, ARRIVAL._replace(path="/presave/y?{M}")],
        SHOWN,
        id="a marker on another page is not an arrival",
    ),
    pytest.param(
        [PRESAVE, ARRIVAL._replace(path="/presave/x?fbclid=1&{M}")],
        [*SHOWN, "arrived intent tap"],
        id="an arrival with a click id",
    ),
    pytest.param(
        [LINE, RETRY],
        ["eligible", "attempt line-external redirect", "shown x-safari tap"],
        id="a retry is the same visit",
    ),
    pytest.param(
        [LINE, RETRY, RETRY._replace(path="/presave/x?{M0}")],
        ["eligible", "attempt line-external redirect", "shown x-safari tap", "repeat x1"],
        id="a retry that is reloaded",
    ),
    pytest.param(
        [LINE, RETRY._replace(path="/presave/x?{M}x")],
        ["eligible", "attempt line-external redirect"],
        id="a forged retry is nobody's visit",
    ),
    pytest.param(
        [PRESAVE, Ask("/presave/x?{S}")],
        SHOWN,
        id="a visitor who continues here is not shown the page again",
    ),
    pytest.param(
        [Ask("/presave/x", headers={"Sec-GPC": "1"})],
        ["eligible x1"],
        id="GPC in the webview: only counted",
    ),
    pytest.param(
        [Ask("/presave/x", headers={"DNT": "1"})] * 2,
        ["eligible x2"],
        id="DNT in the webview: only counted",
    ),
    pytest.param(
        [Ask("/listen", headers={"DNT": "1"})],
        ["eligible x1"],
        id="DNT on the site's redirect: counted once",
    ),
    pytest.param(
        [Ask("/presave/x", headers={"DNT": "1"}, method="HEAD")],
        [],
        id="a HEAD with DNT is not even counted",
    ),
    pytest.param(
        [Ask("/presave/x", headers={"DNT": "1"}), ARRIVAL],
        ["eligible x1"],
        id="a visitor who was only counted does not arrive",
    ),
    pytest.param(
        [Ask("/presave/x", LINE_IOS, {"DNT": "1"}), RETRY._replace(headers={"DNT": "1"})],
        ["eligible x1"],
        id="a retry with DNT is counted once",
    ),
    pytest.param([Ask("/presave/x", method="HEAD")], [], id="a HEAD shows no page"),
    pytest.param(
        [Ask("/presave/x", headers={"Sec-Fetch-Dest": "image"})], [], id="an image in the webview"
    ),
    pytest.param([Ask("/presave/x", SAFARI), Ask("/presave/x", CHROME_DESKTOP)], [], id="browsers"),
    pytest.param([Ask("/presave/x", FACEBOOK_PREVIEW)], [], id="a link preview"),
    pytest.param(
        [Ask("/presave/x", UNNAMED_ANDROID)], [], id="an unnamed webview that no rule asks for"
    ),
    pytest.param([Ask("/admin/x")], [], id="an excluded path"),
    pytest.param([Ask("/other")], [], id="a page that no rule shows"),
    pytest.param([Ask("/news")], [], id="a redirect to anywhere else"),
    pytest.param([Ask("/presave/x?code=1&state=2")], [], id="a sign-in on its way back"),
]


def asked(site, requests):
    for request in requests:
        site.at(NOW + request.later)
        assert (
            site.ask(request.path, request.agent, request.method, **request.headers).status_int
            < 400
        )


@pytest.mark.parametrize(("requests", "words"), RECORDED)
def test_what_is_recorded(requests, words):
    site = Measured()
    asked(site, requests)
    assert site.words == words
    assert len({event.visit for event in of_visits(site.events)}) == words.count("eligible")


OTHER_RULES = [
    pytest.param(
        RULES | {"mode": "observe"}, [PRESAVE], ["eligible"], id="observe: only that it would act"
    ),
    pytest.param(RULES | {"mode": "observe"}, [LINE], ["eligible"], id="observe: no attempt"),
    pytest.param(
        RULES | {"mode": "observe"},
        [Ask("/listen", headers={"DNT": "1"})],
        ["eligible x1"],
        id="observe with DNT",
    ),
    pytest.param(RULES | {"mode": "off"}, [PRESAVE], [], id="off"),
    pytest.param(with_each_rule(share=0), [PRESAVE, Ask("/listen")], [], id="a share of none"),
    pytest.param(
        with_each_rule(when={"visitors": ["webview"]}),
        [Ask("/presave/x", UNNAMED_ANDROID)],
        SHOWN,
        id="an unnamed webview that is asked for",
    ),
    pytest.param(
        with_each_rule(when={"visitors": ["webview"]}),
        [Ask("/presave/x", UNNAMED_ANDROID), ARRIVAL],
        [*SHOWN, "arrived intent tap"],
        id="its arrival",
    ),
    pytest.param(
        RULES | {"events": False},
        [PRESAVE],
        SHOWN,
        id="a sink of the site's own measures where the rules do not",
    ),
    pytest.param(RULES | {"marker": "_out"}, [PRESAVE], SHOWN, id="another marker"),
]


@pytest.mark.parametrize(("rules", "requests", "words"), OTHER_RULES)
def test_what_is_recorded_by_other_rules(rules, requests, words):
    site = Measured(rules)
    asked(site, requests)
    assert site.words == words


IN_A_TRIAL = [
    pytest.param(
        [PRESAVE], ["eligible escape", "shown intent tap escape"], ["eligible holdout"], id="a page"
    ),
    pytest.param(
        [LINE],
        ["eligible escape", "attempt line-external redirect escape"],
        ["eligible holdout"],
        id="a redirect trigger",
    ),
    pytest.param(
        [Ask("/listen")],
        ["eligible escape", "shown intent-app tap escape"],
        ["eligible holdout"],
        id="the site's redirect",
    ),
    pytest.param([Ask("/other")], [], [], id="a page that the site does not redirect"),
    pytest.param(
        [PRESAVE, ARRIVAL],
        ["eligible escape", "shown intent tap escape", "arrived intent tap escape"],
        ["eligible holdout"],
        id="an arrival, whose arm is that of whoever was shown a page",
    ),
    pytest.param(
        [Ask("/presave/x", headers={"DNT": "1"})],
        ["eligible x1"],
        ["eligible x1"],
        id="DNT: in no arm",
    ),
    pytest.param([Ask("/presave/x", method="HEAD")], [], [], id="a HEAD"),
]


@pytest.mark.parametrize(("requests", "escaped", "held_out"), IN_A_TRIAL)
def test_both_arms_are_eligible_before_the_split(requests, escaped, held_out):
    for arm, words in (("escape", escaped), ("holdout", held_out)):
        site = Measured(trial(arm))
        asked(site, requests)
        assert site.words == words
        assert {event.experiment for event in of_visits(site.events)} <= {"autumn", ""}


def test_a_visit_keeps_its_arm_on_its_way():
    """The retry and the arrival say which visit they are of, its first event says the arm."""
    site = Measured(trial("escape"))
    asked(site, [LINE, RETRY, Ask("/presave/x?{M}", SAFARI)])
    assert [(event.name, event.arm) for event in site.events] == [
        ("eligible", "escape"),
        ("attempt", "escape"),
        ("shown", "escape"),
        ("arrived", "escape"),
    ]
    assert len({event.visit for event in site.events}) == 1


def test_observing_assigns_no_arm():
    site = Measured(trial() | {"mode": "observe"})
    asked(site, [PRESAVE])
    assert site.words == ["eligible"]


# --- the fields -----------------------------------------------------------------------------------

SONG = {"service": "spotify", "kind": "track", "goal": "app"}
ABOUT = [
    pytest.param(
        "/presave/x",
        TIKTOK_ANDROID,
        {"rule": "pre-saves", "service": "site", "kind": "other", "goal": "browser"},
        id="a page",
    ),
    pytest.param(
        ALBUM,
        TIKTOK_ANDROID,
        {"rule": "bio", "service": "spotify", "kind": "album", "goal": "app"},
        id="a URL of the rules",
    ),
    pytest.param(
        "/listen", TIKTOK_ANDROID, {"rule": "redirects", **SONG}, id="the site's redirect to a song"
    ),
    pytest.param(
        "/smart",
        TIKTOK_ANDROID,
        {"rule": "redirects", "service": "linkfire", "kind": "smartlink", "goal": "browser"},
        id="the site's smart link",
    ),
    pytest.param(
        "/follow",
        TIKTOK_ANDROID,
        {"rule": "redirects", "service": "spotify", "kind": "oauth", "goal": "browser"},
        id="a sign-in",
    ),
    pytest.param(
        "/listen",
        TIKTOK_IOS,
        {"app": "tiktok", "app_version": "41", "platform": "ios"},
        id="TikTok 41.9 on iOS",
    ),
    pytest.param(
        "/listen",
        TIKTOK_ANDROID,
        {"app": "tiktok", "app_version": "33", "platform": "android"},
        id="TikTok 33.3.4 on Android",
    ),
    pytest.param(
        "/listen",
        agents.INSTAGRAM_IOS,
        {"app": "instagram", "app_version": "403", "platform": "ios"},
        id="Instagram 403.0.0.28.80",
    ),
    pytest.param(
        "/listen",
        agents.KAKAOTALK_ANDROID,
        {"app": "kakaotalk", "app_version": "240980"},
        id="a version of one long number is cut",
    ),
    pytest.param(
        "/listen",
        agents.FACEBOOK_IOS,
        {"app": "facebook", "app_version": "541"},
        id="Facebook 541.0.0.40.70",
    ),
    pytest.param(
        "/listen",
        UNNAMED_IOS,
        {"app": "", "app_version": "", "platform": "ios"},
        id="an unnamed webview",
    ),
]


@pytest.mark.parametrize(("path", "agent", "fields"), ABOUT)
def test_every_event_of_a_visit_says_what_it_was_about(path, agent, fields):
    site = Measured(with_each_rule(when={"visitors": ["in-app", "webview"]}))
    site.ask(path, agent)
    assert len(site.events) == 2
    for event in site.events:
        assert event._asdict() | fields == event._asdict()
        assert (event.experiment, event.arm) == ("", "")
        assert event.rule_version == version_of(site, fields["rule"]) if "rule" in fields else True


def test_the_time_is_whole_seconds():
    site = Measured()
    site.at(NOW + 0.999)
    site.ask("/presave/x", TIKTOK_ANDROID)
    assert [event.time for event in site.events] == [NOW, NOW]


def version_of(site, name="pre-saves"):
    policy = site.middleware.engine.state.rules.policy
    return next(policy.versions[rule.key] for rule in policy.rules if rule.name == name)


OFF = {"app": "tiktok", "technique": "intent", "enabled": False}
VERSIONS = [
    pytest.param(RULES | {"secret": "another secret for tests"}, True, id="another secret"),
    pytest.param(
        RULES | {"rules": [*RULES["rules"], {"path": "/more", "to": "page"}]}, True, id="a new rule"
    ),
    pytest.param(RULES | {"page": {"title": "Harbour"}}, True, id="the page of every rule"),
    pytest.param(with_each_rule(share=50), False, id="another share"),
    pytest.param(with_each_rule(page={"title": "Harbour"}), False, id="the rule's own page"),
    pytest.param(trial(), False, id="an experiment"),
    pytest.param(RULES | {"techniques": [OFF]}, False, id="a step that is switched off"),
    pytest.param(with_each_rule(when={"apps": ["instagram"]}), False, id="other host apps"),
]


@pytest.mark.parametrize(("rules", "is_same"), VERSIONS)
def test_a_rule_s_version_is_of_what_it_says_and_of_its_steps(rules, is_same):
    assert (version_of(Measured(rules)) == version_of(Measured())) is is_same


UNMET = [
    pytest.param({"platforms": ["ios"]}, {"platform": "android"}, id="another platform's"),
    pytest.param({"apps": ["instagram"]}, {}, id="another host app's"),
]


@pytest.mark.parametrize(("when", "more"), UNMET)
def test_steps_that_no_visitor_of_the_rule_meets_are_not_in_its_version(when, more):
    narrow = with_each_rule(when=when)
    off = narrow | {"techniques": [OFF | more]}
    assert version_of(Measured(narrow)) == version_of(Measured(off))


FIRSTS = [
    pytest.param("/presave/x", TIKTOK_ANDROID, ("intent", "own"), id="a page of the site"),
    pytest.param("/presave/x", LINE_IOS, ("line-external", "own"), id="a redirect to the browser"),
    pytest.param("/presave/x", TIKTOK_IOS, ("menu", "own"), id="words alone"),
    pytest.param(ALBUM, TIKTOK_ANDROID, ("intent-app", "destination"), id="the music app"),
]


@pytest.mark.parametrize(("path", "agent", "first"), FIRSTS)
def test_a_visit_s_first_event_says_what_was_shown_first_and_what_is_handed_over(
    path, agent, first
):
    site = Measured()
    site.ask(path, agent)
    assert [(event.first, event.handover) for event in site.events] == [first, ("", "")]


def test_what_was_let_through_was_shown_nothing():
    for rules in (trial("holdout"), RULES | {"mode": "observe"}):
        site = Measured(rules)
        site.ask("/presave/x", TIKTOK_ANDROID)
        assert [(event.first, event.handover) for event in site.events] == [("", "")]


@pytest.mark.parametrize("arm", ["escape", "holdout"])
def test_a_visit_of_an_experiment_says_its_plan(arm):
    site = Measured(trial(arm, planned=900))
    site.ask("/presave/x", TIKTOK_ANDROID)
    assert [event.planned for event in site.events if event.name == "eligible"] == [900]


OWN_WORDS = [
    pytest.param("/r/harbour/x", "harbour", id="a capture"),
    pytest.param("/r/harbour/x?utm_campaign=spring", "harbour", id="the first that has a value"),
    pytest.param("/p?utm_campaign=spring", "spring", id="a query parameter"),
    pytest.param("/p?utm_campaign=" + 70 * "x", 64 * "x", id="cut"),
    pytest.param("/p?utm_campaign=a%0ab", "a\N{REPLACEMENT CHARACTER}b", id="made storable"),
    pytest.param("/p?other=spring", "", id="none"),
]


@pytest.mark.parametrize(("path", "word"), OWN_WORDS)
def test_a_visit_s_first_event_has_the_site_s_own_word(path, word):
    site = Measured(
        RULES
        | {
            "events": {"by": ["release", "utm_campaign"]},
            "rules": [{"path": "/r/{release}/**", "to": "page"}, {"path": "/p", "to": "page"}],
        }
    )
    site.ask(path, TIKTOK_ANDROID)
    assert [event.by for event in site.events] == [word, ""]


# --- what is never recorded -----------------------------------------------------------------------


@pytest.mark.parametrize("header", ["Sec-GPC", "DNT"])
def test_a_visitor_who_asks_not_to_be_tracked_gets_a_page_that_reports_nothing(header):
    site = Measured()
    private = site.ask("/presave/x", TIKTOK_ANDROID, **{header: "1"})
    marker = site.marker
    followed = site.ask("/presave/x", TIKTOK_ANDROID)
    assert 'data-beacon="/_escape/e"' in followed
    assert "connect-src 'self'" in followed.headers["Content-Security-Policy"]
    assert "~tiktok~" in site.marker
    assert 'data-beacon="' not in private
    assert 'data-visit="' not in private
    assert "connect-src" not in private.headers["Content-Security-Policy"]
    assert marker
    assert marker.startswith("_esc=2~intent~~"), "no visit in the marker"


@pytest.mark.parametrize(
    ("agent", "app", "platform"),
    [
        pytest.param(TIKTOK_ANDROID, "tiktok", "android", id="a host app"),
        pytest.param(UNNAMED_IOS, "", "ios", id="an unnamed webview"),
    ],
)
def test_of_a_visitor_who_asks_not_to_be_tracked_only_this_is_counted(agent, app, platform):
    site = Measured(with_each_rule(when={"visitors": ["in-app", "webview"]}))
    site.ask("/presave/x", agent, DNT="1")
    assert [event._replace(time=0) for event in site.events] == [
        Tally("eligible", "pre-saves", app, platform, number=1)
    ]


def test_without_events_there_is_nothing_to_report_to():
    site = Measured()
    bare = type(site.middleware)(site.middleware.app, RULES | {"events": False})
    page = type(site.site)(bare).get(
        "https://site.example/presave/x", headers={"User-Agent": TIKTOK_ANDROID}
    )
    assert 'data-beacon="' not in page
    assert "connect-src" not in page.headers["Content-Security-Policy"]


CANARY = "zq7x"
HOSTILE = st.text(
    st.characters(min_codepoint=1, max_codepoint=255, exclude_characters="\r\n"), max_size=30
).map(lambda text: f"{text}{CANARY}")
APPS = {app.id for app in catalogue.load().apps} | {""}
SERVICES = {entry.id for entry in catalogue.load().destinations} | {"site", ""}
FORMS = {
    "visit": "[0-9a-f]{24}|",
    "name": "|".join((*STAGES, *COUNTED)),
    "rule": "pre-saves|bio|out|redirects|",
    "app": "|".join(APPS),
    "app_version": "[0-9]{0,6}",
    "platform": "ios|android|",
    "service": "|".join(SERVICES),
    "kind": "[a-z]*",
    "goal": "app|browser|",
    "technique": "[a-z-]*",
    "trigger": "redirect|auto|tap|written|",
    "outcome": "presave|",
    "experiment": "autumn|",
    "arm": "escape|holdout|",
    "rule_version": "[0-9a-f]{8}|",
    "first": r"[a-z-]*",
    "handover": "(own|destination)?",
    "planned": "0",
    "by": "",
    "hints": "(yes|no)?",
    "day": "[0-9]{5}|0",
    "time": "[0-9]{10}",
    "number": "[0-9]+",
}
NAMED = [
    TIKTOK_IOS,
    TIKTOK_ANDROID,
    LINE_IOS,
    agents.INSTAGRAM_IOS,
    agents.FACEBOOK_IOS,
    agents.KAKAOTALK_ANDROID,
    agents.WECHAT_ANDROID,
    SAFARI,
]
VERSIONS = re.compile(r"(musical_ly_|Instagram |FBAV/|Line/|KAKAOTALK |MicroMessenger/)", re.ASCII)


@st.composite
def agents_of(draw):
    """A host app's agent, with hostile text at its end or where the version stands."""
    agent, text = draw(st.sampled_from(NAMED)), draw(HOSTILE)
    return (
        VERSIONS.sub(lambda found: found[0] + text, agent, count=1)
        if draw(st.booleans())
        else agent + text
    )


@settings(deadline=None, max_examples=150)
@given(
    agent=agents_of(),
    address=HOSTILE,
    path=st.sampled_from(
        ["/presave/", "/bio/", "/", "/listen", "/smart", "/_escape/e", "/_escape/outcome/presave"]
    ),
    more=HOSTILE,
    query=HOSTILE,
    headers=st.dictionaries(
        st.sampled_from(
            [
                "HTTP_COOKIE",
                "HTTP_REFERER",
                "HTTP_X_FORWARDED_FOR",
                "HTTP_ACCEPT_LANGUAGE",
                "HTTP_X_REQUESTED_WITH",
                "HTTP_SEC_CH_UA",
                "HTTP_ACCEPT",
            ]
        ),
        HOSTILE,
    ),
    method=st.sampled_from(["GET", "GET", "HEAD", "POST"]),
)
def test_no_event_holds_anything_of_a_request(agent, address, path, more, query, headers, method):
    """Every field is a fixed word, or one of the catalogue or the rules.

    Only the digits of the app's version come from the visitor.
    """
    site = HOSTILE_SITE
    site.told.clear()
    marker = [f"{site.marker}&" if site.marker else ""]
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path + more,
        "QUERY_STRING": marker[0] + query,
        "HTTP_USER_AGENT": agent,
        **headers,
    }
    environ |= {
        "HTTP_HOST": "site.example",
        "SERVER_NAME": "site.example",
        "SERVER_PORT": "443",
        "wsgi.url_scheme": "https",
        "REMOTE_ADDR": address,
    }
    environ |= {"CONTENT_LENGTH": "0"}
    started = []
    page = b"".join(site.middleware(environ, lambda *args: started.append(args)))
    assert started
    assert isinstance(page, bytes)
    for event in site.events:
        assert CANARY not in repr(event)
        for name, value in event._asdict().items():
            assert re.fullmatch(FORMS[name], str(value), re.ASCII), (name, value)


def hostile_app(_, start_response):
    start_response("302 Found", [("Location", TRACK)])
    return [b""]


HOSTILE_SITE = Measured(trial(), hostile_app)
HOSTILE_SITE.ask("/presave/x", LINE_IOS)


def test_the_forms_cover_every_field_and_hostile_visits_are_recorded():
    """Otherwise the test above would prove nothing."""
    assert set(FORMS) == {*Event._fields, *Tally._fields}
    site = Measured()
    site.ask("/presave/x", TIKTOK_IOS.replace("41.9", f"41{CANARY}"))
    assert [word(event) for event in site.events] == ["eligible", "shown menu written"]
    assert site.events[0].app_version == "41"


HINTS = [
    pytest.param(Ask("/presave/x", headers={"Sec-CH-UA": '"Chromium"'}), "yes", id="some"),
    pytest.param(PRESAVE, "no", id="none"),
    pytest.param(Ask("/presave/x", TIKTOK_IOS), "", id="iOS sends none"),
]


@pytest.mark.parametrize(("request_", "hints"), HINTS)
def test_only_the_first_event_says_whether_client_hints_came(request_, hints):
    site = Measured(RULES)
    asked(site, [request_])
    assert [event.hints for event in site.events] == [hints, ""]


GONE = [
    pytest.param(Journey("a-visit", app="gone", platform="ios"), id="a host app that is gone"),
    pytest.param(Journey("a-visit", app="tiktok"), id="no platform"),
    pytest.param(Journey("a-visit", app="tiktok", platform="android"), id="a step of another"),
]


@pytest.mark.parametrize("journey", GONE)
def test_a_step_that_is_in_no_ladder_has_no_trigger(journey):
    """A page may be older than the rules that its beacon meets."""
    policy = load(RULES).policy
    assert stages.trigger_of(journey, "x-safari", policy) == ""
    assert stages.event(journey, "shown", policy, NOW).rule_version == ""
