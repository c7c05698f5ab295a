"""What is done about a request, and the reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from escape_mw import AskSite, Page, Pass, Redirect, Visit, catalogue, load
from escape_mw.decision.decide import decide, is_navigation
from escape_mw.decision.journeys import site_token
from escape_mw.decision.model import Destination, Journey, Stay, Subject

from ..support import agents
from ..support.examples import NOW, SECRET, SITE, TRACK
from ..support.marked import marked

STRANGER = load({"version": 1, "secret": "somebody else's secret, long enough to be one"}).policy
SMART = "https://paperlanterns.lnk.to/harbour"
RULES = {
    "version": 1,
    "exclude": ["/admin/**"],
    "apps": {"disable": ["line"]},
    "rules": [
        {
            "name": "webviews too",
            "path": "/any/**",
            "to": TRACK,
            "when": {"visitors": ["in-app", "webview"]},
        },
        {
            "name": "tiktok only",
            "path": "/who",
            "to": TRACK,
            "when": {"apps": ["tiktok"], "platforms": ["ios"], "languages": ["de"]},
        },
        {"name": "others", "path": "/who", "to": "page"},
        {"name": "bio", "path": "/bio/{id}", "to": "https://open.spotify.com/track/{id}"},
        {"name": "page", "path": "/presave/**", "to": "page"},
        {"name": "straight", "path": "/straight", "to": SMART},
        {"name": "none", "path": "/none", "to": TRACK, "share": 0},
        {"name": "redirects", "path": "/**", "to": "redirect"},
    ],
}


def visit(
    path="/bio/4uLU6hMCjMI75M1A2tKUQC",
    agent=agents.TIKTOK_IOS,
    query="",
    method="GET",
    url="https://site.example",
    marker=None,
    stay=None,
    **headers,
):
    return Visit(
        method=method,
        host="site.example",
        path=path,
        query=query,
        url=url and url + path + (f"?{query}" if query else ""),
        user_agent=agent,
        stay=stay,
        is_marked=marker is not None or (stay is not None and stay.is_new),
        moment=NOW,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        marker=marker,
    )


@pytest.fixture(scope="module")
def policy():
    return load(RULES).policy


def marker_of(policy, url):
    """What the marker in a marked path says there."""
    value, _ = policy.markers.extract(url.partition("?")[2])
    return policy.markers.read(value, SITE + url, NOW)


def tried(policy, path, technique, rule=0):
    """The marker of a technique that was tried on a path."""
    return marker_of(policy, marked(policy, path, technique, rule, moment=NOW))


def forged(policy, path, technique, rule=0):
    """The same, signed by somebody else."""
    subject = Subject("", policy.rules[rule].key, "tiktok", "ios")
    value = STRANGER.markers.value(SITE + path, technique, subject, NOW)
    return policy.markers.read(value, SITE + path, NOW)


PASSES = [
    pytest.param(visit(method="POST"), "method", id="a POST"),
    pytest.param(visit(method="get"), "method", id="methods are case-sensitive"),
    pytest.param(visit(agent=agents.SAFARI), "browser", id="a browser"),
    pytest.param(visit(agent=agents.FACEBOOK_PREVIEW), "bot", id="a link preview"),
    pytest.param(visit(agent=agents.WECHAT_WINDOWS), "platform", id="a host app on a desktop"),
    pytest.param(visit(agent=agents.LINE_IOS), "app", id="a host app that the rules leave out"),
    pytest.param(visit(sec_fetch_dest="image"), "not-navigation", id="an image"),
    pytest.param(
        visit(query="code=a1&state=b2"),
        "sign-in-return",
        id="a sign-in on its way back (OAuth 2.0)",
    ),
    pytest.param(visit(query="code=a1=&state=b2="), "sign-in-return", id="padded values"),
    pytest.param(
        visit(query="state=b2&error=access_denied"), "sign-in-return", id="a sign-in refused"
    ),
    pytest.param(
        visit(query="oauth_token=a&oauth_verifier=b"),
        "sign-in-return",
        id="a sign-in on its way back (OAuth 1.0)",
    ),
    pytest.param(visit("/admin/login"), "excluded", id="an excluded path"),
    pytest.param(visit("/admin"), "excluded", id="and the folder itself"),
    pytest.param(
        visit(agent=agents.UNNAMED_ANDROID), "webview", id="an unnamed webview, by default"
    ),
    pytest.param(visit(url=None), "address", id="our own address cannot be told"),
    pytest.param(
        visit(url="https://open.spotify.com"),
        "own-host",
        id="the site is the destination's own host",
    ),
    pytest.param(visit("/bio/.."), "no-destination", id="a capture that climbs up"),
    pytest.param(visit("/none"), "share", id="a share of nought"),
]


RULED = {
    "method": "bio",
    "address": "bio",
    "own-host": "bio",
    "no-destination": "bio",
    "share": "none",
}


@pytest.mark.parametrize(("request_", "reason"), PASSES)
def test_pass(policy, request_, reason):
    """An observer is told why, who, and by which rule, as far as that is known by then."""
    decision = decide(request_, policy)
    assert isinstance(decision, Pass)
    is_unknown = request_.method == "get"
    asks = policy.detector.visitor(request_.user_agent, request_.headers)
    assert decision.reason == reason
    assert decision.visitor == (None if is_unknown else asks)
    assert decision.rule == (None if is_unknown else RULED.get(reason))
    assert (decision.destination is not None) is (reason in ("own-host", "share"))


def test_off():
    assert decide(visit(), load({"version": 1, "mode": "off"}).policy) == Pass("off")


def test_a_path_without_a_rule():
    policy = load({"version": 1, "rules": [{"path": "/a", "to": "page"}]}).policy
    assert decide(visit("/b"), policy).reason == "no-rule"


WHEN = [
    pytest.param(
        {"accept_language": "de-AT,en;q=0.5"},
        agents.TIKTOK_IOS,
        "tiktok only",
        id="app, platform and language fit",
    ),
    pytest.param(
        {"accept_language": "de-Latn-AT"},
        agents.TIKTOK_IOS,
        "tiktok only",
        id="a language by the first of its parts",
    ),
    pytest.param(
        {"accept_language": "en,de;q=0.5"}, agents.TIKTOK_IOS, "others", id="another first language"
    ),
    pytest.param({}, agents.TIKTOK_IOS, "others", id="no language"),
    pytest.param({"accept_language": "de"}, agents.TIKTOK_ANDROID, "others", id="another platform"),
    pytest.param({"accept_language": "de"}, agents.INSTAGRAM_IOS, "others", id="another app"),
]


@pytest.mark.parametrize(("headers", "agent", "rule"), WHEN)
def test_first_rule_that_fits_wins(policy, headers, agent, rule):
    assert decide(visit("/who", agent, **headers), policy).rule == rule


def test_unnamed_webviews_by_opt_in_get_a_button_and_nothing_automatic(policy):
    decision = decide(visit("/any/x", agents.UNNAMED_ANDROID), policy)
    assert isinstance(decision, Page)
    assert {step.trigger for step in decision.steps} == {"tap", "written"}


NAVIGATIONS = [
    pytest.param({}, True, id="no headers at all"),
    pytest.param(
        {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, True, id="a browser's Accept"
    ),
    pytest.param({"accept": "*/*"}, True, id="curl's Accept"),
    pytest.param({"accept": "image/avif,image/webp,*/*;q=0.8"}, False, id="an image's Accept"),
    pytest.param({"accept": "text/css,*/*;q=0.1"}, False, id="a style sheet's Accept"),
    pytest.param({"accept": "application/json"}, False, id="a script's Accept"),
    pytest.param(
        {"sec_fetch_dest": "document", "sec_fetch_mode": "navigate"},
        True,
        id="fetch metadata of a navigation",
    ),
    pytest.param({"sec_fetch_dest": "document"}, True, id="without its mode"),
    pytest.param(
        {"sec_fetch_dest": "document", "sec_fetch_mode": "no-cors"}, False, id="another mode"
    ),
    pytest.param({"accept": "*/*", "referer": f"{SITE}/x"}, False, id="from a page of this site"),
    pytest.param({"accept": "*/*", "referer": TRACK}, True, id="from another site's page"),
    pytest.param({"sec_fetch_dest": "iframe", "sec_fetch_mode": "navigate"}, False, id="a frame"),
    pytest.param(
        {"sec_fetch_dest": "empty", "sec_fetch_mode": "cors", "accept": "text/html"},
        False,
        id="fetch() that wants HTML",
    ),
    pytest.param({"upgrade": "websocket"}, False, id="a handshake"),
    pytest.param({"range": "bytes=0-"}, False, id="a part of a file"),
    pytest.param({"accept": "text/html", "origin": SITE}, False, id="a script's GET"),
    pytest.param({"purpose": "prefetch"}, False, id="Purpose: prefetch"),
    pytest.param({"sec_purpose": "prefetch;prerender"}, False, id="Sec-Purpose: prefetch"),
    pytest.param({"x_moz": "prefetch"}, False, id="X-Moz: prefetch"),
    pytest.param({"x_purpose": "preview"}, False, id="Facebook's preview"),
    pytest.param({"x_requested_with": "XMLHttpRequest"}, False, id="XMLHttpRequest"),
    pytest.param({"accept": "text/html", "hx_request": "true"}, False, id="htmx"),
    pytest.param({"accept": "text/html", "turbo_frame": "main"}, False, id="a frame of Turbo's"),
    pytest.param({"accept": "text/html", "x_turbo_request_id": "1"}, False, id="Turbo 8"),
    pytest.param({"accept": "text/html, application/xhtml+xml"}, False, id="Turbo 7"),
    pytest.param(
        {"accept": "text/vnd.turbo-stream.html, text/html, application/xhtml+xml"},
        False,
        id="a form of Turbo 7's",
    ),
    pytest.param({"accept": "text/html", "turbolinks_referrer": "/"}, False, id="Turbolinks"),
    pytest.param({"accept": "text/html", "x_inertia": "true"}, False, id="Inertia"),
    pytest.param({"accept": "text/html", "x_pjax": "true"}, False, id="pjax"),
]


@pytest.mark.parametrize(("headers", "expected"), NAVIGATIONS)
def test_is_navigation(headers, expected):
    assert is_navigation(visit(**headers)) is expected


@pytest.mark.parametrize(
    "path",
    [
        "/static/site.css",
        "/app.js",
        "/cover.jpg",
        "/favicon.ico",
        "/font.woff2",
        "/song.mp3",
        "/data.json",
    ],
)
def test_an_assets_path_is_no_navigation_unless_the_headers_say_so(path):
    assert not is_navigation(visit(path, accept="*/*"))
    assert is_navigation(visit(path, accept="text/html"))
    assert is_navigation(visit(path, sec_fetch_dest="document"))


def test_the_site_is_asked_only_where_a_rule_wants_its_redirect(policy):
    assert isinstance(decide(visit("/anything"), policy), AskSite)
    assert isinstance(decide(visit("/bio/4uLU6hMCjMI75M1A2tKUQC"), policy), Page)


LOCATIONS = [
    pytest.param(TRACK, "escape", id="a destination"),
    pytest.param(
        "HTTPS://OPEN.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC",
        "escape",
        id="a destination, mended",
    ),
    pytest.param("/next", "no-destination", id="a path of the site's own"),
    pytest.param("https://evil.example/", "no-destination", id="anywhere else"),
    pytest.param("", "no-destination", id="nothing"),
]


@pytest.mark.parametrize(("location", "reason"), LOCATIONS)
def test_redirects_of_the_site(policy, location, reason):
    assert decide(visit("/anything"), policy, location).reason == reason


RETURNS = [
    pytest.param(
        tried, "kakao-external", ["intent", "menu"], True, id="the next step after the first"
    ),
    pytest.param(
        tried, "intent", ["kakao-external", "intent", "menu"], True, id="tried to its end: anew"
    ),
    pytest.param(
        tried, "menu", ["kakao-external", "intent", "menu"], False, id="by the menu: anew"
    ),
    pytest.param(
        tried,
        "x-safari",
        ["kakao-external", "intent", "menu"],
        False,
        id="a step of another ladder",
    ),
    pytest.param(
        forged, "kakao-external", ["intent", "menu"], True, id="a forged one is as careful"
    ),
]


@pytest.mark.parametrize(("marker", "technique", "left", "retry"), RETURNS)
def test_a_return_is_one_step_further_and_says_so(policy, marker, technique, left, retry):
    """Nothing happens by itself on a return, whoever signed its marker.

    KakaoTalk's first step does so for a visit without one.
    """
    first = decide(visit("/smart", agents.KAKAOTALK_ANDROID), policy, SMART)
    assert first.steps[0].trigger == "auto"
    marker = marker(policy, "/smart", technique, 7)
    decision = decide(visit("/smart", agents.KAKAOTALK_ANDROID, marker=marker), policy, SMART)
    assert [step.technique for step in decision.steps] == left
    assert decision.retry is retry
    assert {step.trigger for step in decision.steps} <= {"tap", "written"}


BIO = "/bio/4uLU6hMCjMI75M1A2tKUQC"
ARRIVALS = [
    pytest.param(BIO, "", 3, Redirect, TRACK, id="a URL of the rules: led on"),
    pytest.param("/presave/x", "", 4, Redirect, "/presave/x", id="a page: its own address"),
    pytest.param("/presave/x", "a=%20&b", 4, Redirect, "/presave/x?a=%20&b", id="with its query"),
    pytest.param("/anything", "", 7, Redirect, "/anything", id="of a redirect, too"),
    pytest.param("/who", "", 2, Redirect, "/who", id="the marker names the rule among several"),
    pytest.param("/who", "", 1, Redirect, TRACK, id="and the other"),
    pytest.param("/admin/x", "", 0, Pass, None, id="an excluded path passes"),
]


@pytest.mark.parametrize(("path", "query", "rule", "kind", "location"), ARRIVALS)
def test_arrival(policy, path, query, rule, kind, location):
    marker = tried(policy, path, "intent", rule)
    decision = decide(visit(path, agents.SAFARI, query, marker=marker), policy)
    assert isinstance(decision, kind)
    assert decision.reason == "arrived"
    assert getattr(decision, "location", None) == location
    assert decision.visitor.kind == "browser"
    assert decision.rule == (None if path.startswith("/admin") else policy.rules[rule].name)
    found = decision.destination
    assert (found and found.url) == (TRACK if location == TRACK else None)


LEFT_TO_THE_SITE = [
    pytest.param({"headers": {"sec-fetch-dest": "empty"}}, id="a script's request"),
    pytest.param({"headers": {"sec-purpose": "prefetch"}}, id="a prefetch"),
    pytest.param({"url": None}, id="an address that cannot be trusted"),
    pytest.param({"user_agent": agents.FACEBOOK_PREVIEW}, id="a crawler"),
    pytest.param({"method": "POST"}, id="a form"),
]


@pytest.mark.parametrize("changes", LEFT_TO_THE_SITE)
def test_a_clean_address_is_for_the_address_bar(policy, changes):
    marker = tried(policy, "/presave/x", "intent", 4)
    request = replace(visit("/presave/x", agents.SAFARI, marker=marker), **changes)
    assert isinstance(decide(request, policy), Pass)


def test_a_measured_arrival_is_the_sites_to_answer(policy):
    """Its token must reach the site, and no request that follows tells of the visit."""
    marker = tried(policy, "/presave/x", "intent", 4)
    marker = replace(marker, subject=marker.subject._replace(visit="a-visit"))
    decision = decide(visit("/presave/x", agents.SAFARI, marker=marker), policy)
    assert isinstance(decision, Pass)
    assert decision.journey.id == "a-visit"


def test_without_measuring_the_choice_to_stay_names_no_visit(policy):
    address, _, value = decide(visit("/presave/x"), policy).stay.partition("?_esc=")
    assert address == "https://site.example/presave/x"
    assert policy.stays.read_marker(value, address, NOW) == ""


def test_a_page_of_the_site_is_a_destination_of_its_own(policy):
    decision, page = decide(visit("/presave/x"), policy), "https://site.example/presave/x"
    assert decision.destination == Destination("site", page, "other", None, page, "browser")
    assert (decision.address, decision.home, decision.handover) == (page, "", "own")


JOURNEYS = [
    pytest.param(BIO, agents.TIKTOK_IOS, ("spotify", "track", "app"), id="a host app, to a song"),
    pytest.param("/any/x", agents.UNNAMED_IOS, ("spotify", "track", "app"), id="no name"),
    pytest.param("/presave/x", agents.TIKTOK_IOS, ("site", "other", "browser"), id="a page"),
    pytest.param("/anything", agents.TIKTOK_IOS, ("", "", ""), id="the site is asked where to"),
]


@pytest.mark.parametrize(("path", "agent", "leads_to"), JOURNEYS)
def test_a_measured_visit_says_who_asked_and_where_to(policy, path, agent, leads_to):
    decision = decide(replace(visit(path, agent), id="a-visit"), policy)
    rule = next(rule for rule in policy.rules if rule.name == decision.rule)
    who = ("tiktok", "41", "ios") if agent == agents.TIKTOK_IOS else ("", "", "ios")
    assert decision.journey == Journey("a-visit", rule.key, *who, *leads_to, is_first=True)


def test_a_song_is_handed_over_itself(policy):
    decision = decide(visit(BIO), policy)
    assert (decision.destination.url, decision.handover) == (TRACK, "destination")
    assert decision.steps[0].uri == f"spotify:track:{TRACK.rpartition('/')[2]}"
    android = decide(visit(BIO, agents.TIKTOK_ANDROID), policy).steps[0].uri
    assert android.startswith(f"intent:{TRACK.removeprefix('https:')}#Intent;")
    assert f"S.browser_fallback_url=https%3A%2F%2Fsite.example{BIO.replace('/', '%2F')}" in android


def test_each_host_app_is_left_by_its_own_opener(policy):
    for agent, scheme in ((agents.INSTAGRAM_IOS, "instagram"), (agents.THREADS_IOS, "barcelona")):
        page = decide(visit("/presave/x", agent), policy)
        assert page.steps[0].uri.startswith(f"{scheme}://extbrowser/?url=")
    line = load({"version": 1, "rules": [{"path": "/**", "to": "page"}]}).policy
    redirect = decide(visit("/presave/x", agents.LINE_IOS), line)
    assert "openExternalBrowser=1" in redirect.location
    assert (type(redirect), redirect.handover) == (Redirect, "own")


def test_a_measured_arrival_at_an_excluded_path_is_still_the_visit(policy):
    marker = tried(policy, "/admin/x", "intent", 0)
    marker = replace(marker, subject=marker.subject._replace(visit="a-visit"))
    decision = decide(visit("/admin/x", agents.SAFARI, marker=marker), policy)
    assert (decision.rule, decision.journey.id) == (None, "a-visit")


def test_a_measured_arrival_that_is_led_on_is_still_the_visit(policy):
    marker = tried(policy, BIO, "intent", 3)
    marker = replace(marker, subject=marker.subject._replace(visit="a-visit"))
    decision = decide(visit(BIO, agents.SAFARI, marker=marker), policy)
    assert (decision.location, decision.journey.subject) == (TRACK, marker.subject)
    assert (decision.journey.experiment, decision.journey.arm) == ("", "")


def test_who_returns_by_a_marker_was_shown_the_page_of_an_experiment():
    tried_out = {"path": "/**", "to": "page", "experiment": {"name": "autumn", "holdout": 0.5}}
    secret = "long enough to be the secret of a site"
    rules = {"version": 1, "secret": secret, "site": "labels", "events": {"log": True}}
    policy = load(rules | {"rules": [tried_out]}).policy
    marker = tried(policy, "/presave/x", "intent")
    marker = replace(marker, subject=marker.subject._replace(visit="a-visit"))
    journey = decide(visit("/presave/x", agents.SAFARI, marker=marker), policy).journey
    assert journey.subject == marker.subject
    assert (journey.experiment, journey.arm) == ("autumn", "escape")


IPAD = agents.SAFARI.replace(
    "iPhone; CPU iPhone OS 18_6 like Mac OS X", "Macintosh; Intel Mac OS X 10_15_7"
)
CAME = [
    pytest.param("ios", agents.SAFARI, "arrived", id="Safari on the visit's iPhone"),
    pytest.param("android", agents.CHROME_ANDROID, "arrived", id="Chrome on its Android phone"),
    pytest.param("ios", IPAD, "arrived", id="an iPad, which calls itself a Macintosh"),
    pytest.param("", agents.FIREFOX, "arrived", id="a visit that does not say its system"),
    pytest.param("ios", agents.CHROME_ANDROID, "arrived-elsewhere", id="a friend's Android phone"),
    pytest.param("android", agents.SAFARI, "arrived-elsewhere", id="a friend's iPhone"),
    pytest.param("ios", agents.FIREFOX, "arrived-elsewhere", id="Windows"),
    pytest.param("android", agents.CHROME_DESKTOP, "arrived-elsewhere", id="a Macintosh"),
]


@pytest.mark.parametrize(("platform", "agent", "reason"), CAME)
def test_only_the_visits_own_kind_of_phone_has_arrived(policy, platform, agent, reason):
    marker = tried(policy, "/presave/x", "intent", 4)
    marker = replace(marker, subject=marker.subject._replace(visit="a-visit", platform=platform))
    decision = decide(visit("/presave/x", agent, marker=marker), policy)
    assert decision.reason == reason
    has_token = site_token(decision, policy, NOW) is not None
    assert has_token == (reason == "arrived"), "or its outcomes would count for the visit"


GONE = [
    pytest.param(tried, "arrived", id="its marker holds"),
    pytest.param(forged, "marked", id="its marker does not"),
]


@pytest.mark.parametrize(("marker", "reason"), GONE)
def test_a_rule_that_is_gone_is_looked_up_anew(marker, reason):
    """Rules are edited while visitors are on their way."""
    secret = "long enough to be the secret of a site"
    before = load({**RULES, "secret": secret, "site": "labels"}).policy
    after = load({**RULES, "secret": secret, "site": "labels", "rules": RULES["rules"][3:]}).policy
    value = marker(before, BIO, "intent", 0).raw
    read = after.markers.read(value, SITE + BIO, NOW)
    decision = decide(visit(BIO, agents.SAFARI, marker=read), after)
    assert (decision.reason, decision.location) == (reason, TRACK)


def test_an_unverified_marker_names_a_rule_only_where_its_path_fits(policy):
    marker = forged(policy, "/presave/x", "intent", 3)
    decision = decide(visit("/presave/x", agents.SAFARI, marker=marker), policy)
    assert (decision.reason, decision.location) == ("marked", "/presave/x")


def test_an_arrival_where_no_rule_is_passes():
    policy = load({"version": 1, "rules": [{"path": "/a", "to": "page"}]}).policy
    decision = decide(visit("/b", agents.SAFARI, marker=forged(policy, "/b", "intent")), policy)
    assert (type(decision), decision.reason, decision.rule) == (Pass, "marked", None)


def test_an_unverified_marker_leads_on_and_is_not_called_an_arrival(policy):
    marker = forged(policy, BIO, "intent", 3)
    decision = decide(visit(BIO, agents.SAFARI, marker=marker), policy)
    assert (decision.reason, decision.location) == ("marked", TRACK)


@pytest.mark.parametrize("agent", [agents.SAFARI, agents.TIKTOK_IOS, agents.UNNAMED_ANDROID])
@pytest.mark.parametrize("marker", [tried, forged, None])
@pytest.mark.parametrize("path", ["/presave/x", "/anything", "/straight", BIO])
def test_no_request_names_the_address_that_it_is_redirected_to(policy, path, agent, marker):
    """Whatever a query says: a redirect leads to a URL of the rules, or to this site."""
    back = marker and marker(policy, path, "app-scheme", 0)
    query = "url=https://attacker.lnk.to/phish&to=https://attacker.lnk.to/phish"
    decision = decide(visit(path, agent, query, marker=back), policy)
    if isinstance(decision, Redirect):
        assert decision.location in (SMART, TRACK, f"{path}?{query}")


def test_a_url_of_the_rules_never_leads_back_to_the_site():
    policy = load(
        {
            "version": 1,
            "destinations": {"add": [{"id": "us", "name": "Us", "hosts": ["site.example"]}]},
            "rules": [{"path": "/a", "to": "https://site.example/b"}],
        }
    ).policy
    for agent in (agents.SAFARI, agents.TIKTOK_IOS):
        marker = tried(policy, "/a", "intent")
        decision = decide(visit("/a", agent, marker=marker), policy)
        assert getattr(decision, "location", "/a") == "/a"


def test_the_link_to_copy_works_without_the_site(policy):
    """Where the rules name the destination, the link is the destination itself."""
    assert decide(visit("/straight"), policy).link == SMART
    assert decide(visit("/s"), policy, TRACK).link == TRACK
    assert decide(visit("/s"), policy, SMART).link == "https://site.example/s"
    assert decide(visit("/presave/x"), policy).link == "https://site.example/presave/x"


MENU_MARKERS = [
    pytest.param("/presave/x", "menu", id="a page of the site"),
    pytest.param(BIO, "", id="what the music app opens"),
]


@pytest.mark.parametrize(("path", "technique"), MENU_MARKERS)
def test_who_leaves_by_the_menu_brings_the_marker_of_the_visit(policy, path, technique):
    """The page puts it into its own address, which the host app's menu hands over."""
    page = decide(replace(visit(path), id="a-visit"), policy)
    read = policy.markers.read(page.menu_marker, SITE + path, NOW) if page.menu_marker else None
    assert (read.technique if read else "") == technique
    assert read is None or (read.is_verified, read.subject.visit) == (True, "a-visit")


def test_a_page_that_is_not_measured_has_no_marker_for_the_menu(policy):
    assert decide(visit("/presave/x"), policy).menu_marker == ""


STAYING = [
    pytest.param(Stay("", is_new=True), id="by the tap"),
    pytest.param(Stay(""), id="by its cookie"),
]


@pytest.mark.parametrize("chosen", STAYING)
def test_who_stays_is_let_in_or_led_on(policy, chosen):
    let_in = decide(visit("/presave/x", stay=chosen), policy)
    assert (let_in.reason, let_in.rule, let_in.visitor.app) == ("stay", "page", "tiktok")
    onward = decide(visit(BIO, stay=chosen), policy)
    assert (onward.reason, onward.location) == ("stay", TRACK)


@pytest.mark.parametrize("chosen", STAYING)
def test_in_a_real_browser_nobody_stays(policy, chosen):
    """A link that was shared: it is let in, or led on by the rules, and is no visit."""
    passed = decide(visit("/presave/x", agents.SAFARI, stay=chosen), policy)
    assert getattr(passed, "location", None) == ("/presave/x" if chosen.is_new else None)
    assert passed.journey is None
    if chosen.is_new:
        onward = decide(visit(BIO, agents.SAFARI, stay=chosen), policy)
        assert (onward.reason, onward.location) == ("marked", TRACK)


WHEN = [
    pytest.param({"not_apps": ["tiktok"]}, "", agents.TIKTOK_IOS, False, id="an app left out"),
    pytest.param({"not_apps": ["tiktok"]}, "", agents.INSTAGRAM_IOS, True, id="another app"),
    pytest.param({"query": {"preview": "1"}}, "preview=1", agents.TIKTOK_IOS, True, id="a value"),
    pytest.param({"query": {"preview": "1"}}, "preview=2", agents.TIKTOK_IOS, False, id="another"),
    pytest.param({"query": {"preview": "1"}}, "", agents.TIKTOK_IOS, False, id="no value"),
    pytest.param(
        {"query": {"preview": "1"}}, "preview=1&preview=2", agents.TIKTOK_IOS, True, id="the first"
    ),
    pytest.param(
        {"query": {"a": "ö &"}}, "a=%C3%B6+%26", agents.TIKTOK_IOS, True, id="an encoded value"
    ),
    pytest.param({"query": {"a": ""}}, "a=", agents.TIKTOK_IOS, True, id="an empty value"),
    pytest.param({"not_query": ["ttclid"]}, "ttclid=x", agents.TIKTOK_IOS, False, id="a paid one"),
    pytest.param({"not_query": ["ttclid"]}, "ttclid=", agents.TIKTOK_IOS, False, id="a blank one"),
    pytest.param({"not_query": ["ttclid"]}, "a=ttclid", agents.TIKTOK_IOS, True, id="a value only"),
]


@pytest.mark.parametrize(("when", "query", "agent", "expected"), WHEN)
def test_what_a_rule_is_for(when, query, agent, expected):
    policy = load({"version": 1, "rules": [{"path": "/x", "to": "page", "when": when}]}).policy
    found = decide(replace(visit("/x", agent), query=query), policy)
    assert (found.reason == "escape") is expected


TAGGED = [
    pytest.param("", "?utm_source=tiktok&utm_medium=in-app&_esc=", id="no query"),
    pytest.param("a=1", "?a=1&utm_source=tiktok&utm_medium=in-app&_esc=", id="a query"),
    pytest.param("utm_source=mail", "?utm_source=mail&_esc=", id="a source of the site's own"),
    pytest.param("utm_medium=", "?utm_medium=&_esc=", id="a blank medium of the site's own"),
]


@pytest.mark.parametrize(("query", "handed_over"), TAGGED)
def test_a_rule_may_tag_the_sites_own_url(query, handed_over):
    rules = [{"path": "/x", "to": "page", "tag": True}]
    asked = visit("/x", agents.TIKTOK_ANDROID)
    url = f"{asked.url}?{query}" if query else asked.url
    decision = decide(
        replace(asked, query=query, url=url), load({"version": 1, "rules": rules}).policy
    )
    assert f"site.example/x{handed_over}" in decision.steps[0].uri
    assert "utm_source=tiktok" not in decision.link


def test_no_destinations_url_is_tagged():
    rules = [{"path": "/x", "to": TRACK, "tag": True}]
    decision = decide(visit("/x"), load({"version": 1, "rules": rules}).policy)
    assert "utm_source" not in str(decision)


IN_WORDS = [
    pytest.param("/x", agents.TIKTOK_IOS, None, "words-only", id="a menu is all there is"),
    pytest.param("/x", agents.TIKTOK_ANDROID, None, "escape", id="a step is left"),
    pytest.param(
        "/x", agents.TIKTOK_ANDROID, "intent", "escape", id="a step that is offered again"
    ),
    pytest.param("/listen", agents.TIKTOK_IOS, None, "escape", id="a tap to the music app"),
]


@pytest.mark.parametrize(("path", "agent", "technique", "reason"), IN_WORDS)
def test_where_only_words_are_left_the_site_may_answer(path, agent, technique, reason):
    rules = [
        {"path": "/listen", "to": TRACK, "words_only": "pass"},
        {"path": "/**", "to": "page", "words_only": "pass"},
    ]
    policy = load({"version": 1, "rules": rules}).policy
    marker = tried(policy, path, technique, rule=1) if technique else None
    decision = decide(visit(path, agent, marker=marker), policy)
    found = decision.visitor.app, decision.destination.url, decision.rule
    to = (TRACK, "rule 1") if path == "/listen" else (f"https://site.example{path}", "rule 2")
    assert (decision.reason, found) == (reason, ("tiktok", *to))


def test_words_that_pass_are_in_no_arm():
    """Or the arm that is escaped would have fewer visits than the holdout."""
    rule = {"path": "/**", "to": "page", "words_only": "pass"}
    trial = {"experiment": {"name": "spring", "holdout": 0.5}}
    policy = load({"version": 1, "secret": SECRET, "events": True, "rules": [rule | trial]}).policy
    visits = [replace(visit("/x", agents.TIKTOK_IOS), id=str(number)) for number in range(50)]
    assert {decide(one, policy).reason for one in visits} == {"words-only"}


def test_a_measured_visit_draws_its_share_once():
    rules = [{"path": "/**", "to": "page", "share": 50}]
    rule = load({"version": 1, "rules": rules}).policy.rules[0]
    for number in range(20):
        one = replace(visit("/x"), id=f"visit {number}")
        assert len({rule.draws(one) for _ in range(20)}) == 1


def test_share_is_drawn_for_each_visit_but_not_for_a_return():
    policy = load({"version": 1, "rules": [{"path": "/**", "to": "page", "share": 25}]}).policy
    visits = [replace(visit("/x"), seed=str(number)) for number in range(4000)]
    reasons = [decide(one, policy).reason for one in visits]
    assert reasons == [decide(one, policy).reason for one in visits], "the same twice"
    counted = Counter(reasons)
    assert set(counted) == {"escape", "share"}
    assert abs(counted["escape"] - 1000) < 5 * (4000 * 0.25 * 0.75) ** 0.5
    marker = tried(policy, "/x", "app-scheme")
    for one in visits:
        assert decide(replace(one, marker=marker), policy).reason == "escape"


def test_a_visit_that_is_not_measured_is_drawn_anew():
    policy = load({"version": 1, "rules": [{"path": "/**", "to": "page", "share": 50}]}).policy
    assert {decide(visit("/x"), policy).reason for _ in range(100)} == {"escape", "share"}


SEARCH = agents.IPHONE + "GSA/392.0.823086651 Mobile/15E148 Safari/604.1"
OPT_IN = [
    pytest.param({}, "app", id="a search app by default"),
    pytest.param({"also": ["gsa"]}, "escape", id="named"),
    pytest.param({"also": ["google"]}, "escape", id="by the name that people write"),
    pytest.param({"only": ["google"]}, "escape", id="and no other"),
    pytest.param({"also": ["google"], "disable": ["gsa"]}, "app", id="disabled all the same"),
]


@pytest.mark.parametrize(("apps", "reason"), OPT_IN)
def test_who_comes_from_a_search_is_left_alone_unless_the_rules_say_so(apps, reason):
    policy = load({"version": 1, "apps": apps}).policy
    assert decide(visit(agent=SEARCH), policy, TRACK).reason == reason


ONE_TIME = [
    pytest.param("token=abc", id="a token"),
    pytest.param("a=1&code=123456", id="a code"),
    pytest.param("otp=1", id="a one-time password"),
    pytest.param("id_token=x", id="an ID token"),
    pytest.param("oobCode=x", id="Firebase's"),
    pytest.param("token_hash=x&type=magiclink", id="Supabase's"),
]


@pytest.mark.parametrize("query", ONE_TIME)
@pytest.mark.parametrize("agent", [agents.FACEBOOK_ANDROID, agents.LINE_IOS])
def test_a_one_time_link_is_only_tapped_and_is_no_intents_fallback(query, agent):
    rules = load({"version": 1, "rules": [{"path": "/**", "to": "page"}]}).policy
    page = decide(visit("/login", agent, query), rules)
    assert isinstance(page, Page)
    assert {step.trigger for step in page.steps} == {"tap", "written"}
    assert not [step.uri for step in page.steps if "browser_fallback_url" in (step.uri or "")]
    plain = decide(visit("/login", agent, "page=2"), rules)
    assert plain.steps[0].trigger in ("auto", "redirect")


def test_a_destination_with_a_token_is_only_tapped():
    to = "https://paperlanterns.lnk.to/harbour?token=abc"
    page = decide(visit("/s", agents.FACEBOOK_ANDROID), load({"version": 1}).policy, to)
    assert page.steps[0].trigger == "tap"
    assert "browser_fallback_url" in page.steps[0].uri, "the page itself holds none"


@pytest.mark.parametrize("agent", [agents.LINE_IOS, agents.UNNAMED_ANDROID])
def test_what_shows_an_escape_takes_every_visitor_from_everywhere(agent):
    """As `explain` and `preview` do, whatever the rules say."""
    against = {"mode": "off", "exclude": ["/**"], "apps": {"disable": ["line"]}}
    policy = load({"version": 1, "destinations": {"only": ["linkfire"]}, **against}).policy
    shown = decide(visit("/admin/x", agent), policy.anywhere(catalogue.load().destinations), TRACK)
    assert (shown.reason, shown.rule, shown.destination.service) == ("escape", "to", "spotify")
    assert decide(visit("/x", agent), policy.anywhere(), TRACK).reason == "no-destination"
    assert decide(visit("/x", agent), policy.anywhere(), SMART).reason == "escape"
