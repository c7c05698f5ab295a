"""Forms: a posted form is judged as the page that it stands on, by a redirect to a sign-in only."""

from __future__ import annotations

from dataclasses import replace

import pytest

from escape_mw import AskSite, Page, Pass, Visit, load
from escape_mw.decision.decide import decide
from escape_mw.decision.model import Subject
from escape_mw.decision.referrers import referring_page
from escape_mw.web.urls import MAX_URL

from ..support import agents
from ..support.examples import NOW, SECRET, SITE, TRACK
from ..support.marked import marked, short

START = "https://accounts.spotify.com/authorize?client_id=x&redirect_uri=https%3A%2F%2Fa.example&state=y"
RULES = {
    "version": 1,
    "allowed_hosts": ["site.example", "www.site.example"],
    "exclude": ["/admin/**"],
    "rules": [
        {"name": "a page", "path": "/presave/**", "to": "page"},
        {"name": "a track", "path": "/track/{id}/**", "to": TRACK},
        {"name": "a share", "path": "/split/**", "to": "page", "share": 50},
        {"name": "straight", "path": "/straight/**", "to": "redirect"},
        {"name": "redirects", "path": "/**", "to": "redirect"},
    ],
}


@pytest.fixture(scope="module")
def policy():
    return load(RULES).policy


def posted(referer, path="/login", agent=agents.INSTAGRAM_ANDROID, **headers):
    headers = {"accept": "text/html", "referer": referer, "origin": SITE, **headers}
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return Visit("POST", path, "", SITE + path, "site.example", agent, headers)


PAGES = [
    pytest.param(f"{SITE}/join", "/join", id="a page"),
    pytest.param(f"{SITE}/join?a=%C3%A9&b", "/join?a=%C3%A9&b", id="with its query, kept whole"),
    pytest.param(f"{SITE}/join?", "/join", id="an empty query"),
    pytest.param(f"{SITE}/join#form", "/join", id="without its fragment"),
    pytest.param("https://www.site.example/join", "/join", id="of another host of ours"),
    pytest.param(f"{SITE}/", "/", id="the front page, or what a strict policy leaves of any page"),
    pytest.param(f"{SITE}/?fbclid=x", "/?fbclid=x", id="the front page, as an ad leads to it"),
]


@pytest.mark.parametrize(("referer", "path"), PAGES)
def test_the_page_of_a_form_is_handed_over(policy, referer, path):
    decision = decide(posted(referer), policy, START)
    assert isinstance(decision, Page)
    assert decision.destination.kind == "oauth"
    assert decision.link == referer.partition("#")[0].rstrip("?")
    host = referer.partition("://")[2].partition("/")[0]
    mark = "&" if "?" in path else "?"
    assert short(decision.steps[0].uri).startswith(
        f"intent://{host}{path}{mark}_esc=intent#Intent;scheme=https;"
    )


PASSES = [
    pytest.param(posted(""), START, id="no referrer"),
    pytest.param(posted(SITE), START, id="an origin only"),
    pytest.param(posted("https://evil.example/join"), START, id="another site's page"),
    pytest.param(posted("https://site.example@evil.example/join"), START, id="a disguised one"),
    pytest.param(posted("https://site.example.evil.example/join"), START, id="a longer host"),
    pytest.param(posted("javascript://site.example/%0aalert(1)"), START, id="another scheme"),
    pytest.param(posted(f"{SITE}/a b\r\n"), START, id="characters that no URL has"),
    pytest.param(posted(f"{SITE}/{'a' * 9000}"), START, id="a URL without an end"),
    pytest.param(posted(f"{SITE}/join"), TRACK, id="a redirect to a track"),
    pytest.param(posted(f"{SITE}/join"), "/thanks", id="a redirect within the site"),
    pytest.param(posted(f"{SITE}/join", "/split/x"), START, id="a page that some are shown"),
    pytest.param(posted(f"{SITE}/admin/x"), START, id="a page that the rules exclude"),
    pytest.param(posted(f"{SITE}/join", "/admin/x"), START, id="an excluded path"),
    pytest.param(posted(f"{SITE}/join", agent=agents.CHROME_ANDROID), START, id="a real browser"),
    pytest.param(
        posted(f"{SITE}/join", sec_fetch_dest="empty", sec_fetch_mode="cors"),
        START,
        id="a script's request",
    ),
]


@pytest.mark.parametrize(("visit", "location"), PASSES)
def test_every_other_form_passes(policy, visit, location):
    decision = decide(visit, policy, location)
    assert isinstance(decision, Pass)
    is_browser = visit.user_agent == agents.CHROME_ANDROID
    assert (decision.visitor and decision.visitor.app) == (None if is_browser else "instagram")
    is_judged = decision.reason in ("method", "no-destination") and not is_browser
    rule = "a share" if visit.path == "/split/x" else "redirects"
    assert decision.rule == (rule if is_judged else None)


def test_a_form_of_a_page_that_an_experiment_splits_is_left_to_the_site():
    tried = {"path": "/**", "to": "page", "experiment": {"name": "a", "holdout": 0.5}}
    rules = {"version": 1, "site": "a", "secret": SECRET, "events": {"log": True}}
    policy = load(rules | {"rules": [tried]}).policy
    assert decide(posted(f"{SITE}/join"), policy, START).reason == "method"


def test_what_answers_a_form_is_no_page_for_the_tag():
    policy = load({"version": 1, "rules": [{"path": "/**", "links": True}]}).policy
    asked = decide(posted(f"{SITE}/join"), policy)
    assert isinstance(asked, AskSite)
    assert not asked.links


UNDER_A_RULE = [
    pytest.param("/presave/start", id="beside the page, under the rule for it"),
    pytest.param("/track/1/start", id="under a rule with a URL of its own"),
]


@pytest.mark.parametrize("path", UNDER_A_RULE)
def test_a_form_that_is_posted_under_a_rule_for_pages_is_handed_over_too(policy, path):
    assert isinstance(decide(posted(f"{SITE}/presave/next", path), policy), AskSite)
    decision = decide(posted(f"{SITE}/presave/next", path), policy, START)
    assert isinstance(decision, Page)
    assert decision.link == f"{SITE}/presave/next"


def test_the_site_answers_a_form_first(policy):
    assert isinstance(decide(posted(f"{SITE}/join"), policy), AskSite)


def test_a_sign_in_is_never_handed_over_itself(policy):
    decision = decide(posted(f"{SITE}/join", "/straight/x"), policy, START)
    assert "accounts.spotify.com" not in "".join(step.uri or "" for step in decision.steps)


def test_the_page_of_a_form_keeps_its_marker_for_the_ladder(policy):
    """A form on a page that was handed over in vain leads to the next step."""
    path = marked(policy, "/join", "intent", rule=4, moment=0)
    decision = decide(posted(SITE + path), policy, START)
    assert [step.technique for step in decision.steps] == ["extbrowser", "menu"]
    assert "~" not in decision.link


def test_the_page_of_a_form_is_read_as_its_own_request_would_be(policy):
    page = referring_page(posted(f"{SITE}/caf%C3%A9/?a=1"), policy)
    assert (page.method, page.path, page.query, page.url) == (
        *("GET", "/café/", "a=1"),
        f"{SITE}/caf%C3%A9/?a=1",
    )


BELOW = [
    pytest.param("/shop/join", ("/shop/join", "/join"), id="below the mount"),
    pytest.param("/shop/caf%C3%A9/%ff", ("/shop/café/\udcff", "/café/\udcff"), id="any bytes"),
    pytest.param("/shopping/join", ("/shopping/join",), id="a folder that begins like it"),
]


@pytest.mark.parametrize(("path", "paths"), BELOW)
def test_the_page_of_a_form_below_a_mount_has_both_paths(policy, path, paths):
    form = replace(posted(SITE + path), root="/shop", below="/login")
    assert referring_page(form, policy).paths == paths


def test_the_page_of_a_form_may_be_as_long_as_a_url_may(policy):
    longest = f"{SITE}/".ljust(MAX_URL, "a")
    assert referring_page(posted(longest), policy).url == longest


def test_a_measured_form_continues_the_visit_of_its_page(policy):
    subject = Subject("a-visit", policy.rules[4].key, "instagram", "android")
    value = policy.markers.value(f"{SITE}/join", "intent", subject, NOW)
    form = replace(posted(f"{SITE}/join?_esc={value}"), moment=NOW, id="another")
    page = referring_page(form, policy)
    assert (page.id, page.marker.is_verified) == ("a-visit", True)
    assert referring_page(replace(form, id=""), policy).id == "", "it is not measured"
