"""A tap on a plain link: what is believed of it, where it leads, and which page gets the tag."""

from __future__ import annotations

from dataclasses import replace

import pytest

from escape_mw import AskSite, Page, Pass, Redirect, Tag, Visit, load
from escape_mw.decision.decide import PAGE, decide, decide_tap
from escape_mw.decision.model import Subject
from escape_mw.decision.taps import Tap, is_known, page_of_tap, read_tap

from ..support import agents
from ..support.examples import SECRET, SITE, TRACK
from ..support.marked import marked, short

SMART = "https://paperlanterns.lnk.to/harbour"
SIGN_IN = "https://accounts.spotify.com/authorize?client_id=x&response_type=code&state=y"
NOW, DAY = 200_000, 24 * 3600
RULES = {
    "version": 1,
    "site": "labels",
    "secret": SECRET,
    "events": {"log": True},
    "exclude": ["/admin/**"],
    "rules": [
        {"name": "shared", "path": "/share", "links": True, "share": 0.001},
        {
            "name": "tried",
            "path": "/tried",
            "links": True,
            "experiment": {"name": "tried", "holdout": 0.5},
        },
        {"name": "words", "path": "/words", "to": "page", "words_only": "pass", "links": True},
        {"name": "plain", "path": "/plain"},
        {"name": "links", "path": "/**", "links": True},
    ],
}


@pytest.fixture(scope="module")
def policy():
    return load(RULES).policy


def visit(agent=agents.TIKTOK_ANDROID, path="/_escape/go", id_="", seed="seed", **headers):
    headers = {"accept": "text/html", **headers}
    headers = {name.replace("_", "-"): value for name, value in headers.items() if value}
    return Visit(
        "GET", path, "", SITE + path, "site.example", agent, headers, id=id_, seed=seed, moment=NOW
    )


def judged(policy, tap, referer=f"{SITE}/music?a=1", **more):
    page = page_of_tap(replace(visit(referer=referer, **more), is_tap=True), policy)
    return decide_tap(page, tap, policy)


BELIEVED = [
    pytest.param({"referer": f"{SITE}/music?a=1"}, f"{SITE}/music?a=1", id="a page of this site"),
    pytest.param({"referer": f"{SITE}/"}, f"{SITE}/", id="the front page"),
    pytest.param({"sec_fetch_site": "same-origin"}, f"{SITE}/", id="no referrer, but the browser"),
    pytest.param(
        {"referer": f"{SITE}/music", "sec_fetch_site": "same-origin"}, f"{SITE}/music", id="both"
    ),
    pytest.param({}, None, id="nobody says where from"),
    pytest.param({"sec_fetch_site": "none"}, None, id="typed, or opened from elsewhere"),
    pytest.param({"sec_fetch_site": "cross-site"}, None, id="another site"),
    pytest.param({"sec_fetch_site": "same-site"}, None, id="another host of the site's"),
    pytest.param(
        {"sec_fetch_site": "cross-site", "referer": f"{SITE}/music"}, None, id="against each other"
    ),
    pytest.param(
        {"sec_fetch_site": "same-origin", "referer": "https://evil.example/"}, None, id="the same"
    ),
    pytest.param({"referer": "https://evil.example/music"}, None, id="another site's page"),
    pytest.param({"referer": "https://site.example.evil.example/"}, None, id="a longer host"),
    pytest.param({"referer": "https://site.example@evil.example/"}, None, id="a disguised one"),
    pytest.param({"referer": "javascript:alert(1)"}, None, id="a script"),
    pytest.param({"referer": f"{SITE}//evil.example/"}, None, id="a path that is a host"),
    pytest.param({"referer": f"{SITE}/\r\nX: y"}, None, id="a line's end"),
]


@pytest.mark.parametrize(("headers", "expected"), BELIEVED)
def test_the_page_of_a_tap(policy, headers, expected):
    page = page_of_tap(visit(**headers), policy)
    assert (page and page.url) == expected


MOUNTED = [
    pytest.param("", f"{SITE}/", ("/",), id="at the root"),
    pytest.param("/m%C3%BCsli", f"{SITE}/m%C3%BCsli/", ("/müsli/", "/"), id="below a mount"),
]


@pytest.mark.parametrize(("root", "url", "paths"), MOUNTED)
def test_the_front_page_is_that_of_the_mount(policy, root, url, paths):
    go = visit(path=f"{root}/_escape/go", sec_fetch_site="same-origin")
    page = page_of_tap(replace(go, root=root, below=root and "/_escape/go", query="u=x"), policy)
    assert (page.url, page.paths, page.query) == (url, paths, "")


OPENED = [
    pytest.param(agents.TIKTOK_ANDROID, TRACK, "intent-app", id="TikTok on Android"),
    pytest.param(agents.TIKTOK_IOS, TRACK, "app-scheme", id="TikTok on iOS"),
    pytest.param(agents.INSTAGRAM_ANDROID, SMART, "intent", id="a smart link, itself"),
]


@pytest.mark.parametrize(("agent", "url", "technique"), OPENED)
def test_a_tap_opens_the_first_step_at_once(policy, agent, url, technique):
    decision = judged(policy, Tap(url, token=""), agent=agent)
    assert isinstance(decision, Redirect)
    assert (decision.steps[0].technique, decision.steps[0].trigger) == (technique, "tap")
    assert decision.location == decision.steps[0].uri
    assert decision.destination.url == url


def test_the_intents_fallback_is_the_page_that_the_link_stands_on(policy):
    location = judged(policy, Tap(TRACK, token="")).location
    page = "https%3A%2F%2Fsite.example%2Fmusic%3Fa%3D1%26_esc%3Dintent-app"
    assert f"S.browser_fallback_url={page};" in short(location)


AFTER = [
    pytest.param("first", ["intent", "menu"], True, id="the step that the script did not see"),
    pytest.param("intent-app", ["intent", "menu"], True, id="a technique"),
    pytest.param("none", ["intent-app", "intent", "menu"], False, id="no gesture"),
    pytest.param("\x00<", ["intent-app", "intent", "menu"], False, id="nonsense"),
]


@pytest.mark.parametrize(("after", "left", "retry"), AFTER)
def test_what_was_tried_is_a_page_of_the_steps_that_are_left(policy, after, left, retry):
    decision = judged(policy, Tap(TRACK, after, ""))
    assert isinstance(decision, Page)
    assert [step.technique for step in decision.steps] == left
    assert {step.trigger for step in decision.steps} <= {"tap", "written"}
    assert decision.retry is retry
    assert (decision.stay, decision.link, decision.home) == (TRACK, TRACK, "/music?a=1")


def test_a_fragment_is_no_query(policy):
    tap = Tap(TRACK + "#?token=x", token="")
    assert judged(policy, tap, agent=agents.TIKTOK_IOS).reason == "escape"


def test_words_alone_are_a_page(policy):
    decision = judged(policy, Tap(SMART, token=""), agent=agents.TIKTOK_IOS)
    assert isinstance(decision, Page)
    assert decision.link == SMART


@pytest.mark.parametrize("technique", ["https-link", "x-safari-location"])
def test_what_no_redirect_can_open_is_a_page(technique):
    """A page of the web would load in here, and a script's way needs the script."""
    step = {"app": "tiktok", "platform": "ios", "steps": [{technique: "tap"}, {"menu": "written"}]}
    policy = load(RULES | {"techniques": [step]}).policy
    decision = judged(policy, Tap(TRACK, token=""), agent=agents.TIKTOK_IOS.replace("18_6", "17_4"))
    assert isinstance(decision, Page)
    assert decision.steps[0].technique == technique


def test_a_sign_in_gets_the_ladder_of_its_page(policy):
    decision = judged(policy, Tap(SIGN_IN, token=""))
    assert isinstance(decision, Page)
    assert decision.link == f"{SITE}/music?a=1"
    assert "accounts.spotify.com" not in "".join(step.uri or "" for step in decision.steps)


PASSES = [
    pytest.param({"url": "https://evil.example/"}, {}, "no-destination", id="nobody's host"),
    pytest.param({"url": "javascript:alert(1)"}, {}, "no-destination", id="a script"),
    pytest.param({"url": ""}, {}, "no-destination", id="nothing"),
    pytest.param({"url": TRACK + "?token=x"}, {}, "no-destination", id="good for one use"),
    pytest.param(
        {"url": TRACK + "?token=x?a=1"}, {}, "no-destination", id="the same, a question mark more"
    ),
    pytest.param({}, {"agent": agents.SAFARI}, "browser", id="a real browser"),
    pytest.param({}, {"agent": agents.FACEBOOK_PREVIEW}, "bot", id="a preview"),
    pytest.param({}, {"agent": agents.WECHAT_WINDOWS}, "platform", id="a desktop"),
    pytest.param({}, {"referer": f"{SITE}/plain"}, "no-rule", id="a page whose rule has no links"),
    pytest.param({}, {"referer": f"{SITE}/admin/x"}, "excluded", id="an excluded page"),
    pytest.param({"token": None}, {"referer": f"{SITE}/share"}, "share", id="outside the share"),
    pytest.param({}, {"sec_fetch_dest": "empty"}, "not-navigation", id="a script's request"),
]


@pytest.mark.parametrize(("tap", "more", "reason"), PASSES)
def test_every_other_tap_passes(policy, tap, more, reason):
    decision = judged(policy, Tap(**{"url": TRACK, "token": "", **tap}), **more)
    assert isinstance(decision, Pass)
    assert decision.reason == reason
    agent = more.get("agent", agents.TIKTOK_ANDROID)
    assert decision.visitor == policy.detector.visitor(agent, {})


def test_a_tap_under_rules_that_are_switched_off_passes():
    decision = judged(load(RULES | {"mode": "off"}).policy, Tap(TRACK, token=""))
    assert (type(decision), decision.reason, decision.visitor.app) == (Pass, "off", "tiktok")


KNOWN = [
    pytest.param(TRACK, True, id="a destination"),
    pytest.param("https://open.spotify.com/some/page", True, id="a listed host's other page"),
    pytest.param("https://a.lnk.to/x", True, id="below a listed host"),
    pytest.param("https://evil.example/?https://open.spotify.com/", False, id="elsewhere"),
    pytest.param("https://open.spotify.com@evil.example/", False, id="a user's name"),
    pytest.param("https://evil.example\\@open.spotify.com/", False, id="a backslash"),
    pytest.param("//open.spotify.com/x", False, id="no scheme"),
    pytest.param("javascript://open.spotify.com/%0aalert(1)", False, id="another scheme"),
]


@pytest.mark.parametrize(("url", "expected"), KNOWN)
def test_which_link_is_followed_without_an_escape(policy, url, expected):
    assert is_known(Tap(url), policy) is expected


def test_a_tap_is_read_from_the_query():
    query = f"u=https%3A%2F%2FOpen.Spotify.com%2Fa%C3%A9&after={'x' * 99}&visit=a.b&u=second"
    assert read_tap(query) == Tap("https://open.spotify.com/a%C3%A9", "x" * 32, "a.b")
    assert read_tap("") == Tap("", "", None)
    assert read_tap("visit=") == Tap("", "", ""), "of a page that is not measured"


TAGGED = [
    pytest.param("/music", agents.TIKTOK_IOS, "tag", "links", id="a page"),
    pytest.param("/words", agents.TIKTOK_IOS, "tag", "links", id="one that words cannot help"),
    pytest.param("/words", agents.INSTAGRAM_IOS, "page", "escape", id="one that is handed over"),
    pytest.param("/plain", agents.TIKTOK_IOS, "pass", "no-destination", id="no links: true"),
    pytest.param("/share", agents.TIKTOK_IOS, "pass", "share", id="outside the share"),
    pytest.param("/music", agents.SAFARI, "pass", "browser", id="a browser"),
]


@pytest.mark.parametrize(("path", "agent", "expected", "reason"), TAGGED)
def test_which_page_gets_the_tag(policy, path, agent, expected, reason):
    decision = decide(visit(agent, path), policy, PAGE)
    assert (type(decision).__name__.lower(), decision.reason) == (expected, reason)
    assert decision.visitor == policy.detector.visitor(agent, {})
    name = next(rule.name for rule in policy.rules if rule.path.fits(path))
    assert decision.rule == (None if reason == "browser" else name)
    assert getattr(decision, "token", "") == "", "it is not measured"
    assert getattr(decision, "after", "") == "", "nothing was tried"


WAITS = [
    pytest.param(agents.TIKTOK_IOS, 2000, id="TikTok, which opens at once"),
    pytest.param(agents.INSTAGRAM_IOS, 8000, id="Instagram, which asks first"),
]


@pytest.mark.parametrize(("agent", "wait"), WAITS)
def test_a_tag_says_how_long_its_first_step_may_take(policy, agent, wait):
    assert decide(visit(agent, "/music"), policy, PAGE).settle_ms == wait


@pytest.mark.parametrize("path", ["/music", "/words", "/share", "/plain"])
def test_the_site_is_asked_for_a_whole_page_where_it_gets_one(policy, path):
    asked = decide(visit(agents.TIKTOK_IOS, path), policy)
    assert isinstance(asked, AskSite)
    tagged = isinstance(decide(visit(agents.TIKTOK_IOS, path), policy, PAGE), Tag)
    assert asked.links is tagged


def test_arms_are_drawn_for_the_page_and_kept_for_its_taps(policy):
    arms = {}
    for number in range(40):
        page = visit(agents.TIKTOK_ANDROID, "/tried", id_=f"visit{number}")
        decision = decide(page, policy, PAGE)
        asked = decide(page, policy)
        arms[decision.reason] = decision
        assert asked.links is (decision.reason == "links")
        assert asked.journey.arm == decision.journey.arm
    assert set(arms) == {"links", "holdout"}
    assert {decision.rule for decision in arms.values()} == {"tried"}
    assert {decision.visitor.app for decision in arms.values()} == {"tiktok"}
    token = arms["links"].token
    tap = judged(policy, Tap(TRACK, token=token), f"{SITE}/tried", id_="another")
    assert tap.journey.id == arms["links"].journey.id
    assert (tap.journey.arm, tap.journey.is_first) == ("escape", False)


def test_a_tag_by_hand_takes_no_part_in_experiments(policy):
    decisions = {
        type(judged(policy, Tap(TRACK), f"{SITE}/tried", id_=f"visit{number}"))
        for number in range(20)
    }
    assert decisions == {Redirect}
    assert judged(policy, Tap(TRACK), f"{SITE}/tried", id_="visit").journey is None
    first = judged(policy, Tap(TRACK), id_="visit").journey
    assert (bool(first.id), first.is_first, first.arm) == (True, True, "")


def test_a_token_is_believed_for_a_day(policy):
    token = policy.tokens.beacon(Subject("visit", "", "tiktok", "android"), NOW - DAY)
    assert judged(policy, Tap(TRACK, token=token), id_="x").journey.id == "visit"
    old = policy.tokens.beacon(Subject("visit", "", "tiktok", "android"), NOW - DAY - 1)
    for wrong in (old, "forged", policy.tokens.site(Subject("visit"), "", NOW)):
        assert judged(policy, Tap(TRACK, token=wrong), id_="x").journey is None
    assert judged(policy, Tap(TRACK, token=token), id_="").journey is None, "asks for privacy"


def test_a_tag_by_hand_goes_on_where_the_page_is_a_fallback(policy):
    """Its page says nothing of what was tried, but its address does."""
    page = SITE + marked(policy, "/music", "intent-app", rule=4, moment=NOW)
    decision = judged(policy, Tap(TRACK), page)
    assert isinstance(decision, Page)
    assert [step.technique for step in decision.steps] == ["intent", "menu"]


def test_a_marked_page_says_what_was_tried(policy):
    """The intent's fallback: the page is loaded again, and its next tap goes on."""
    path = marked(policy, "/music", "intent-app", rule=4, moment=NOW)
    value, _ = policy.markers.extract(path.partition("?")[2])
    marker = policy.markers.read(value, f"{SITE}/music", NOW)
    page = visit(agents.TIKTOK_ANDROID, "/music")
    decision = decide(replace(page, marker=marker), policy, PAGE)
    assert decision.after == "intent-app"
