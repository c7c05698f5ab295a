"""Host x date x visitor x rule: which rule a label's thirty domains meet, and on which day."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escape_mw import EscapeMiddleware, load
from escape_mw.decision.decide import decide
from escape_mw.decision.model import Visit
from escape_mw.decision.policy import hosts_of
from escape_mw.decision.visits import visit_of
from escape_mw.web.request import from_environ

from ..support import agents
from ..support.marked import marked, set_clock
from ..support.sites import ask_wsgi, plain
from ..support.wsgi import environ_of

ALBUM = "https://open.spotify.com/album/1DFixLWuPkv3KT3TnV35m3"
DAY = "2026-12-04 Europe/London"
LANTERNS, HARBOUR, TIDES = "lanterns.example", "harbour.example", "tides.label.example"
RULES = {
    "version": 1,
    "hosts": {
        LANTERNS: {},
        HARBOUR: {"base_url": "https://www.harbour.example"},
        TIDES: {},
        "label.example": {},
    },
    "rules": [
        {
            "name": "pre-save",
            "path": "/tides",
            "to": "page",
            "when": {"hosts": [LANTERNS], "until": DAY},
        },
        {
            "name": "release",
            "path": "/tides",
            "to": ALBUM,
            "everyone": True,
            "when": {"hosts": [LANTERNS], "from": DAY},
        },
        {"name": "below", "path": "/b", "to": "page", "when": {"hosts": ["*.label.example"]}},
        {
            "name": "week",
            "path": "/week",
            "to": "page",
            "when": {"from": "2026-12-01T00:00Z", "until": "2026-12-08T00:00Z"},
        },
        {"name": "rest", "path": "/rest/**"},
    ],
}
POLICY = load(RULES).policy
NOV, BEFORE, AT, AFTER = (
    int(datetime.fromisoformat(text).timestamp())
    for text in (
        "2026-11-28T12:00+00:00",
        "2026-12-03T23:59:59+00:00",
        "2026-12-04T00:00+00:00",
        "2026-12-09T00:00+00:00",
    )
)


def judged(host, path, at, agent=agents.TIKTOK_ANDROID, location=None):
    """The kind of the decision, its reason and its rule."""
    url = f"https://{host}{path}" if POLICY.allowed_hosts & {host.partition(":")[0]} else None
    visit = Visit("GET", path, "", url, host, agent, moment=at)
    decision = decide(visit, POLICY, location)
    return type(decision).__name__.lower(), decision.reason, getattr(decision, "rule", None)


PAGE, NONE = "page", ("pass", "no-rule", None)
CASES = [
    pytest.param(LANTERNS, "/tides", NOV, (PAGE, "escape", "pre-save"), id="weeks before"),
    pytest.param(LANTERNS, "/tides", BEFORE, (PAGE, "escape", "pre-save"), id="a second before"),
    pytest.param(LANTERNS, "/tides", AT, (PAGE, "escape", "release"), id="the second itself"),
    pytest.param(LANTERNS, "/tides", AFTER, (PAGE, "escape", "release"), id="days later"),
    pytest.param(f"{LANTERNS}:8443", "/tides", AT, (PAGE, "escape", "release"), id="with a port"),
    pytest.param(LANTERNS, "/tides/", AT, (PAGE, "escape", "release"), id="with a slash"),
    pytest.param(HARBOUR, "/tides", AT, NONE, id="another artist's host"),
    pytest.param(f"www.{LANTERNS}", "/tides", AT, NONE, id="a host below an exact one"),
    pytest.param(f"x{LANTERNS}", "/tides", AT, NONE, id="a host that ends alike"),
    pytest.param(TIDES, "/b", AT, (PAGE, "escape", "below"), id="below the label's host"),
    pytest.param("label.example", "/b", AT, NONE, id="the label's host itself"),
    pytest.param("notlabel.example", "/b", AT, NONE, id="no dot before it"),
    pytest.param(LANTERNS, "/b", AT, NONE, id="not below it"),
    pytest.param(LANTERNS, "/week", NOV, NONE, id="before a week"),
    pytest.param(LANTERNS, "/week", AT, (PAGE, "escape", "week"), id="in it, on one host"),
    pytest.param(HARBOUR, "/week", AT, (PAGE, "escape", "week"), id="in it, on another"),
    pytest.param(LANTERNS, "/week", AFTER, NONE, id="after it"),
    pytest.param("evil.example", "/week", AT, ("pass", "address", "week"), id="nobody's host"),
    pytest.param("", "/week", AT, ("pass", "address", "week"), id="no host"),
    pytest.param(
        TIDES, "/rest/x", AT, ("asksite", "no-redirect", "rest"), id="no target: redirect"
    ),
]


@pytest.mark.parametrize(("host", "path", "at", "expected"), CASES)
def test_which_rule(host, path, at, expected):
    assert judged(host, path, at) == expected


VISITORS = [
    pytest.param(agents.SAFARI, AT, ("pass", "browser", None), id="a browser on the day"),
    pytest.param(agents.FACEBOOK_PREVIEW, AT, ("pass", "bot", None), id="a preview"),
    pytest.param(agents.INSTAGRAM_IOS, AT, (PAGE, "escape", "release"), id="Instagram"),
    pytest.param(agents.TIKTOK_IOS, BEFORE, (PAGE, "escape", "pre-save"), id="TikTok on iOS"),
    pytest.param(agents.LINE_IOS, BEFORE, ("redirect", "escape", "pre-save"), id="LINE"),
    pytest.param(agents.WECHAT_WINDOWS, AT, ("pass", "platform", None), id="a desktop"),
]


@pytest.mark.parametrize(("agent", "at", "expected"), VISITORS)
def test_which_visitor(agent, at, expected):
    assert judged(LANTERNS, "/tides", at, agent) == expected


def test_each_host_has_its_own_address():
    app = EscapeMiddleware(plain, RULES)
    set_clock(app, AT)
    for host, address in [(LANTERNS, LANTERNS), (HARBOUR, "www.harbour.example")]:
        page = ask_wsgi(app, "/week", agents.TIKTOK_ANDROID, Host=host)[2].decode()
        assert f"intent://{address}/week?_esc=" in page
    assert b"intent:" not in ask_wsgi(app, "/week", agents.TIKTOK_ANDROID, Host="evil.example")[2]


OWN = ["https://harbour.example/x", "https://www.harbour.example/x", f"https://{TIDES}/x"]


@pytest.mark.parametrize("url", OWN)
def test_a_redirect_to_another_of_the_hosts_stays_on_the_site(url):
    """It is no destination, and a marked visit stays marked on it."""
    visit = Visit("GET", "/rest/x", "", f"https://{LANTERNS}/rest/x", LANTERNS, agents.TIKTOK_IOS)
    assert POLICY.owns(url, visit)
    assert decide(visit, POLICY, url).reason in {"own-host", "no-destination"}


def test_everyone_is_led_by_the_rule_of_the_day():
    app = EscapeMiddleware(plain, RULES)
    got = []
    for at in (BEFORE, AT):
        set_clock(app, at)
        status, headers, _ = ask_wsgi(app, "/tides", agents.SAFARI, Host=LANTERNS)
        got.append((status, dict(headers).get("location")))
    assert got == [(200, None), (302, ALBUM)]
    assert ask_wsgi(app, "/tides", agents.SAFARI, Host=HARBOUR)[0] == 200


def test_an_arrival_over_midnight_ends_by_the_rule_that_it_left_by():
    """One name on both sides of a date is one key: the rule of the place and the time counts."""
    same = [dict(rule, name="tides") for rule in RULES["rules"][:2]]
    for rules, expected in [(RULES["rules"], "pre-save"), (same, "tides")]:
        policy = load({**RULES, "rules": rules}).policy
        url = marked(policy, "/tides", "intent", site=f"https://{LANTERNS}", moment=BEFORE)
        value = url.partition("_esc=")[2]
        marker = policy.markers.read(value, f"https://{LANTERNS}/tides", AT)
        visit = Visit(
            *("GET", "/tides", "", f"https://{LANTERNS}/tides", LANTERNS, agents.SAFARI),
            marker=marker,
            is_marked=True,
            moment=AT,
        )
        decision = decide(visit, policy)
        assert (decision.reason, decision.rule) == ("arrived", expected)
        assert decision.location == ("/tides" if expected == "pre-save" else ALBUM)


def test_a_thousand_dated_rules_are_a_thousand_comparisons():
    """No date is parsed for a request, and no rule is matched by its path out of its time."""
    listed = [
        {"path": f"/r{n}", "to": "page", "when": {"until": "2026-01-01 Etc/UTC"}}
        for n in range(1000)
    ]
    policy = load({"version": 1, "rules": [*listed, {"path": "/r7", "to": "page"}]}).policy
    visit = Visit(
        "GET", "/r7", "", "https://a.example/r7", "a.example", agents.TIKTOK_IOS, moment=AT
    )
    assert decide(visit, policy).rule == "rule 1001"


HOSTILE = st.one_of(
    st.text(max_size=40),
    st.sampled_from([LANTERNS, HARBOUR, TIDES]).flatmap(
        lambda host: st.tuples(
            st.text("/@:#?.\\ x", max_size=3), st.text("/@:#?.\\ x", max_size=3)
        ).map(lambda ends: f"{ends[0]}{host}{ends[1]}")
    ),
)


@settings(max_examples=500)
@given(HOSTILE, st.sampled_from(["https", "http", "javascript", ""]))
def test_no_request_names_another_host_or_scheme(host, scheme):
    request = from_environ(
        {**environ_of(agents.TIKTOK_IOS), "HTTP_HOST": host, "wsgi.url_scheme": scheme}
    )
    url = visit_of(request, POLICY, AT).url
    assert url is None or urlsplit(url).scheme in {"https", "http"}
    assert url is None or urlsplit(url).hostname in POLICY.allowed_hosts


def test_before_the_day_no_rule_leads_everyone():
    url = f"https://{LANTERNS}/tides"
    visit = Visit("GET", "/tides", "", url, LANTERNS, agents.SAFARI, moment=BEFORE)
    assert POLICY.rule_for_everyone(visit) is None


HOSTS = [
    pytest.param("a.example", True, id="by its name"),
    pytest.param("a.example:8000", True, id="with a port"),
    pytest.param("x.a.example", False, id="below a name"),
    pytest.param("x.b.example", True, id="below a star"),
    pytest.param("y.x.b.example", True, id="two labels below"),
    pytest.param("b.example", False, id="the host above the star"),
    pytest.param("xb.example", False, id="a longer label"),
]


@pytest.mark.parametrize(("host", "expected"), HOSTS)
def test_which_hosts_a_rule_is_for(host, expected):
    assert hosts_of(["*.b.example", "a.example"]).has(host) is expected
