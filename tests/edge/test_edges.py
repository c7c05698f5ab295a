"""One table of checks for every edge server in front of a gate and a site."""

from __future__ import annotations

import hashlib
import itertools
import re
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from http.client import IncompleteRead

import pytest

from ..support.agents import CHROME_ANDROID, FACEBOOK_ANDROID, SAFARI, TIKTOK_IOS, UNNAMED_ANDROID
from ..support.needs import need
from ..support.waiting import until
from .asking import ask
from .conftest import RULES, Gate, refusing, written
from .edges import EDGES, missing
from .site import BIG, COOKIES, MEGABYTE, SIGN_IN, TRACK, Origin

NUMBERS = itertools.count()
ASKING = 8  # at the same time
BROWSERS = [SAFARI, CHROME_ANDROID, UNNAMED_ANDROID]


class Setup:
    """An edge server, its gate and its site."""

    def __init__(self, kind, folder):
        self.site, self.kind, self.folder = Origin(), kind, folder
        self.rules = written(folder)
        self.gate = Gate(self.rules, kind.site_for_gate(folder, self.site.url))
        self.server = kind(folder, self.rules, [self.gate.url], self.site.url)
        self.of_browsers = []

    def path(self, start):
        return f"{start}{next(NUMBERS)}"

    def ask(self, target, *given, **more):
        return ask(self.server.url, target, *given, **more)

    def browse(self, target, agent=SAFARI, *given, **more):
        """Ask as somebody who is none of the gate's business."""
        self.of_browsers.append(target.partition("?")[0])
        return self.ask(target, agent, *given, **more)

    def stop(self):
        for one in (self.server, self.gate, self.site):
            one.stop()


@pytest.fixture(scope="module", params=list(EDGES))
def edge(request, tmp_path_factory):
    kind = EDGES[request.param]
    need(missing(kind))
    setup = Setup(kind, tmp_path_factory.mktemp("edge"))
    yield setup
    setup.stop()


def test_a_page_is_sent(edge):
    page = edge.ask(edge.path("/presave/"))
    assert page.is_page
    assert page.all("cache-control") == ["no-store"]


def test_android_is_handed_over(edge):
    reply = edge.ask(edge.path("/presave/"), FACEBOOK_ANDROID)
    assert reply.is_page or reply.status == 302
    assert not reply.is_site


def test_a_rule_with_an_address(edge):
    assert edge.ask("/listen/harbour").is_page


def test_the_package_of_an_app_is_enough(edge):
    headers = {"X-Requested-With": "com.zhiliaoapp.musically"}
    assert edge.ask("/listen/harbour", UNNAMED_ANDROID, headers=headers).is_page


def test_a_redirect_of_the_site_is_replaced_and_two_cookies_stay(edge):
    page = edge.ask("/go/song")
    assert page.is_page
    assert page.all("set-cookie") == COOKIES


@pytest.mark.parametrize("agent", BROWSERS, ids=["Safari", "Chrome", "a webview without a name"])
def test_a_browser_gets_the_sites_own_redirect(edge, agent):
    reply = edge.browse("/go/single", agent)
    assert (reply.status, reply.all("location"), reply.all("set-cookie")) == (302, [TRACK], COOKIES)


def test_another_redirect_passes(edge):
    reply = edge.ask("/go/elsewhere")
    assert (reply.status, reply.all("location")) == (301, ["https://example.com/x"])


def test_a_page_that_a_redirect_was_asked_for_passes(edge):
    assert edge.ask(edge.path("/go/nothing")).is_site


def test_another_path_is_none_of_the_gates_business(edge):
    assert edge.browse(edge.path("/about"), TIKTOK_IOS).is_site


def test_a_browser_passes(edge):
    assert edge.browse(edge.path("/presave/browser")).is_site


def marked(edge):
    page = edge.ask("/presave/x?a=1&b=%2F")
    return re.search(rb"_esc=2~stay~[^&\"]*", page.body)[0].decode()


def test_a_visitor_stays_and_the_marker_goes(edge):
    path = edge.path("/presave/stay")
    reply = edge.ask(f"{path}?a=1&{marked(edge)}&b=%2F")
    assert reply.line == f"GET {path}?a=1&b=%2F HTTP/1.1"
    assert reply.sent["x-escape-visit"]
    assert "escape_stay=" in str(reply.all("set-cookie"))


def test_a_browser_arrives_with_a_marker(edge):
    path = edge.path("/presave/arrived")
    reply = edge.ask(f"{path}?a=%2F&{marked(edge)}", SAFARI)
    assert (reply.status, reply.all("location")) == (302, [f"{path}?a=%2F"])
    until(lambda: edge.gate.has_seen(path))


def test_a_path_and_query_arrive_as_they_were_sent(edge):
    target = f"/presave/%C3%A9%20x%2Fy/%E2%9C%93?q=%26%3D&{marked(edge)}"
    line = edge.ask(target).line
    assert line == "GET /presave/%C3%A9%20x%2Fy/%E2%9C%93?q=%26%3D HTTP/1.1"


def test_a_browsers_path_and_query_arrive_as_they_were_sent(edge):
    target = f"{edge.path('/caf%C3%A9/a%2Fb/')}?q=%26%3D&r=%2f"
    assert edge.browse(target).line == f"GET {target} HTTP/1.1"


def test_an_escaped_path_is_still_a_rules(edge):
    assert edge.ask("/pres%61ve/x").is_page


def test_a_redirect_within_the_site_keeps_the_marker(edge):
    marker = "_esc=2~intent-app~visit~rule~tiktok~android.6b0b61aa.x"
    reply = edge.ask(f"/go/slash?{marker}")
    assert (reply.status, reply.all("location")) == (301, [f"/go/slash/?{marker}"])


def test_head(edge):
    page = edge.ask(edge.path("/presave/"), method="HEAD")
    assert (page.status, page.body, page.all("cache-control")) == (200, b"", ["no-store"])
    reply = edge.browse(edge.path("/presave/head"), method="HEAD")
    assert (reply.status, reply.body) == (200, b"")


def test_a_sign_in_that_answers_a_form(edge):
    headers = {"Referer": "http://label.example/sign-in"}
    page = edge.ask("/sign-in", method="POST", headers=headers, body=b"x=1")
    assert page.is_page
    plain = edge.ask("/sign-in", SAFARI, "POST", headers=headers, body=b"x=1")
    assert (plain.status, plain.all("location")) == (302, [SIGN_IN])


def test_a_form_arrives_whole(edge):
    told = edge.ask(edge.path("/presave/form"), method="POST", body=b"a=1&b=2").told
    assert (told["size"], told["digest"]) == (7, hashlib.sha256(b"a=1&b=2").hexdigest())


@pytest.mark.parametrize("agent", [TIKTOK_IOS, SAFARI], ids=["through the gate", "of a browser"])
def test_a_hundred_megabytes(edge, agent):
    length = {"Content-Length": str(BIG * len(MEGABYTE))}
    parts = (MEGABYTE for _ in range(BIG))
    told = edge.ask("/presave/upload", agent, "POST", length, parts).told
    assert told["size"] == BIG * len(MEGABYTE)
    assert told["digest"] == hashlib.sha256(MEGABYTE * BIG).hexdigest()


HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}
OTHERS = [
    pytest.param({"Sec-Fetch-Dest": "script", "Accept": "*/*"}, id="a script"),
    pytest.param({"Sec-Fetch-Dest": "iframe"}, id="a frame"),
    pytest.param(HANDSHAKE, id="a handshake"),
]


@pytest.mark.parametrize("headers", OTHERS)
def test_what_is_no_page_passes_by(edge, headers):
    reply = edge.browse(edge.path("/presave/other"), TIKTOK_IOS, headers=headers)
    assert reply.is_site


@pytest.mark.parametrize("agent", [TIKTOK_IOS, SAFARI], ids=["through the gate", "of a browser"])
@pytest.mark.parametrize("name", ["X-Escape-Visit", "X_Escape_Visit"])
def test_nobody_forges_a_visit(edge, agent, name):
    reply = edge.ask(edge.path("/go/plain"), agent, headers={name: "forged"})
    assert reply.is_site
    assert "forged" not in str(reply.told)


def test_no_redirect_is_forged(edge):
    headers = {"X-Escape-Location": TRACK, "X-Escape": "act"}
    assert edge.ask(edge.path("/go/plain"), headers=headers).is_site


def test_a_cache_never_serves_one_visitors_answer_to_another(edge):
    for path in (edge.path("/presave/cache"), "/go/song"):
        for agent in (SAFARI, TIKTOK_IOS, SAFARI, TIKTOK_IOS):
            reply = edge.ask(path, agent)
            assert reply.is_page == (agent == TIKTOK_IOS)
            assert reply.status == 200 or reply.all("location") == [TRACK]


def test_a_cache_filled_through_the_gate_serves_nobody(edge):
    path = edge.path("/go/filled")
    for agent in (TIKTOK_IOS, SAFARI, TIKTOK_IOS):
        assert edge.ask(path, agent).is_site
    assert len([line for line, _ in edge.site.asked if path in line]) >= 2


def test_a_slow_site_keeps_no_page_from_anybody(edge):
    with ThreadPoolExecutor(32) as pool:
        slow = [pool.submit(edge.ask, f"/go/slow{n}?wait=2") for n in range(32)]
        until(lambda: sum("/go/slow" in line for line, _ in edge.site.asked) >= 32)
        assert edge.ask("/presave/quick").is_page
        assert not any(one.done() for one in slow)
        assert all(one.result().is_site for one in slow)


def test_the_gates_own_addresses(edge):
    assert edge.ask("/_escape/health").body == b"ok\n"
    assert edge.ask("/_escape/e", SAFARI, "POST", body=b"forged tapped intent").status == 204
    assert edge.ask("/_escape/outcome/pre-save", SAFARI, "POST", body=b"visit=x").status == 204


def test_an_unknown_address_of_the_gate_ends(edge):
    assert edge.ask("/_escape/nothing", SAFARI).status in (200, 404)


def test_a_page_through_the_gate_has_its_own_headers_alone(edge):
    """Whatever the server says of its own answers: how long they live, and what they may load."""
    page = edge.ask("/presave/x")
    assert page.is_page
    assert page.all("cache-control") == ["no-store"]
    assert len(page.all("content-security-policy")) == 1


@pytest.mark.parametrize("agent", [SAFARI, TIKTOK_IOS])
@pytest.mark.parametrize("target", ["/long-header", "/long-header?_esc=1"])
def test_a_long_header_arrives(edge, agent, target):
    assert len(edge.ask(target, agent).all("x-long")[0]) == 6000


@pytest.mark.slow
def test_a_site_that_takes_longer_than_the_gate_is_given_answers_in_the_end(edge):
    if not edge.kind.waits_for_slow_sites:
        pytest.skip("its time limit is the gate's and the site's")
    assert edge.ask("/go/slow?wait=5").is_site


def test_the_gates_log_names_no_browser(edge):
    """Every request of this table that was none of its business."""
    for place in ("/presave/x", "/listen/x", "/go/x", "/sign-in", "/other/x", "/"):
        for agent in (SAFARI, CHROME_ANDROID):
            edge.browse(edge.path(place), agent)
    edge.ask("/presave/last")
    until(lambda: edge.gate.has_seen("/presave/last"))
    seen = {line["path"] for line in edge.gate.said}
    assert len(edge.of_browsers) > 8
    assert seen.isdisjoint(edge.of_browsers)


def test_the_configuration_is_not_stale(edge, capfd):
    edge.ask("/presave/x")
    assert "is stale" not in capfd.readouterr().err


# --- without a gate -------------------------------------------------------------------------------


class Hung:
    """A gate that takes connections and says nothing."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"


@pytest.fixture(params=list(EDGES))
def alone(request, tmp_path):
    """An edge server and its site, and a way to start it with any gate."""
    kind, site, running = EDGES[request.param], Origin(), []
    need(missing(kind))

    def start(*gates, rules=RULES):
        running.append(kind(tmp_path, written(tmp_path, rules), gates, site.url))
        return running[-1].url

    start.site, start.kind, start.folder = site, kind, tmp_path
    yield start
    for one in running:
        one.stop()
    site.stop()


def test_where_the_gate_refuses_the_site_answers(alone):
    url = alone(refusing())
    assert ask(url, "/presave/x?a=%2F").is_site
    assert ask(url, "/go/song").all("location") == [TRACK]
    assert ask(url, "/presave/x?_esc=1", SAFARI).is_site
    assert ask(url, "/presave/x", SAFARI).is_site
    if not alone.kind.sends_forms_on:
        return
    form = ask(url, "/presave/x", method="POST", body=b"a=1", headers={"X-Escape-Visit": "forged"})
    assert form.told["size"] == 3
    assert "forged" not in str(form.told)


@pytest.mark.slow
def test_a_slow_site_without_a_gate_keeps_nobody_from_it(alone):
    if not alone.kind.waits_for_slow_sites:
        pytest.skip("its time limit is the gate's and the site's")
    url = alone(refusing())
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(ask, url, "/go/slow?wait=5")
        until(lambda: alone.site.asked)
        assert ask(url, "/presave/x").is_site
        assert slow.result().is_site
    assert ask(url, "/presave/x").is_site
    assert ask(url, "/presave/x?_esc=1", SAFARI).is_site


EVERY_REDIRECT = RULES + '  - {name: every redirect, path: "/**", to: redirect}\n'


@pytest.mark.parametrize("rules", [RULES, EVERY_REDIRECT], ids=["a few paths", "every path"])
@pytest.mark.parametrize("gate", ["refuses", pytest.param("hangs", marks=pytest.mark.slow)])
def test_the_gates_own_addresses_without_it(alone, gate, rules):
    hung = Hung()
    url = alone(refusing() if gate == "refuses" else hung.url, rules=rules)
    if alone.kind.waits_for_its_check and gate == "hangs":
        until(lambda: ask(url, "/_escape/e", method="POST", body=b"x").status == 204)
    with ThreadPoolExecutor(3) as pool:  # each may wait for the gate
        beacon = pool.submit(ask, url, "/_escape/e", method="POST", body=b"x")
        outcome = pool.submit(ask, url, "/_escape/outcome/pre-save", method="POST", body=b"x")
        go = pool.submit(ask, url, "/_escape/go?to=x")
    assert beacon.result().status == 204
    assert outcome.result().status == 503
    assert outcome.result().all("retry-after") == ["60"]
    assert go.result().status == 302
    assert go.result().all("location") == ["/"]
    assert alone.site.asked == []
    hung.socket.close()


@pytest.mark.slow
def test_where_the_gate_hangs_the_site_answers(alone):
    hung = Hung()
    url = alone(hung.url)
    with ThreadPoolExecutor(2) as pool:
        replies = list(pool.map(ask, [url] * 2, ["/presave/x"] * 2, [SAFARI, TIKTOK_IOS]))
    assert all(reply.is_site for reply in replies)
    hung.socket.close()


def test_a_form_that_a_gate_has_taken_is_not_sent_twice(alone):
    """The gate ends while the site works on the form."""
    gate = Gate(written(alone.folder), alone.kind.site_for_gate(alone.folder, alone.site.url))
    url = alone(gate.url)
    with ThreadPoolExecutor(1) as pool:
        form = pool.submit(ask, url, "/presave/form?wait=2", TIKTOK_IOS, "POST", (), b"a=1")
        until(lambda: alone.site.asked)
        gate.process.send_signal(signal.SIGKILL)
        assert form.result().status in (502, 503)
    assert len(alone.site.asked) == 1
    gate.stop()


def test_one_of_two_gates_is_killed(alone):
    """While many ask: no visitor gets an error, and no browser notices.

    But for those whose answer was half sent: no server in front can ask again for the rest.
    """
    if not alone.kind.takes_two_gates:
        pytest.skip("it takes one gate")
    where = alone.kind.site_for_gate(alone.folder, alone.site.url)
    gates = [Gate(written(alone.folder), where) for _ in range(2)]
    url = alone(*(gate.url for gate in gates))
    with ThreadPoolExecutor(ASKING) as pool:
        replies = [
            pool.submit(ask, url, f"/presave/{n}", (TIKTOK_IOS, SAFARI)[n % 2]) for n in range(400)
        ]
        until(lambda: sum(one.done() for one in replies) > 100)
        gates[0].process.send_signal(signal.SIGKILL)
        cut = [one for one in replies if isinstance(one.exception(), IncompleteRead)]
    assert len(cut) <= ASKING
    assert all(one.result().is_page for one in replies[0::2] if one not in cut)
    assert all(one.result().is_site for one in replies[1::2] if one not in cut)
    for gate in gates:
        gate.stop()
