"""The gate: what reaches the site and comes back through it is what was sent."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from click.testing import CliRunner

from escape_mw.cli.main import main

from ..support.agents import SAFARI, TIKTOK_IOS
from ..support.needs import need
from ..support.real_http import Served
from ..support.waiting import until
from .asking import ask, begin, connection_to
from .conftest import ROOT, Gate, gunicorn, refusing, written
from .site import BIG, COOKIES, MEGABYTE, SIGN_IN, TRACK, Origin

GATES = ["the command", "the command, to a unix socket", "gunicorn"]


@pytest.fixture(scope="module", params=GATES)
def served(request, tmp_path_factory):
    """A gate and its site."""
    kind, folder = request.param, tmp_path_factory.mktemp("gate")
    if kind == "gunicorn":
        need(None if importlib.util.find_spec("gunicorn") else "gunicorn not installed")
    site, rules = Origin(folder / "site" if "unix" in kind else None), written(folder)
    gate = gunicorn(rules, site.url) if kind == "gunicorn" else Gate(rules, site.url)
    gate.site = site
    yield gate
    gate.stop()
    site.stop()


TARGETS = [
    "/",
    "/about?",
    "/a%2Fb/%2e%2e/c",
    "/a%2fb?next=%2Fx%2f",
    "/caf%C3%A9/%E2%9C%93?q=%E2%9C%93",
    "/%FF%20?%FF",
    "/a//b/;c=1,2/@:!$&'()*+",
    "/x?a=1&a=2&&b==;c&d",
    '/x?q={|}^`\\"<>[]~',
    "/x|y/{z}^",
    "/x?url=http://other.example/",
]


def test_targets_arrive_as_they_were_sent(served):
    for target in TARGETS:
        told = ask(served.url, target, SAFARI).line.split(" ")[1]
        assert told == (target.rstrip("?")), target


def test_a_marker_goes_and_the_rest_of_the_query_stays_as_it_is(served):
    page = ask(served.url, "/presave/x?a=1&b=%2f")
    assert page.is_page
    marker = re.search(rb"_esc=2~[^&\"]*", page.body)[0].decode()
    reply = ask(served.url, f"/presave/x?a=%2f&{marker}&b=1&&c")
    assert reply.line == "GET /presave/x?a=%2f&b=1&&c HTTP/1.1"
    assert reply.sent["x-escape-visit"]


def test_what_the_edge_server_says_reaches_the_site(served):
    headers = {
        "X-Forwarded-For": "192.0.2.7",
        "X-Forwarded-Proto": "https",
        "Cookie": "a=1; b=2",
        "Accept-Language": "de",
        "Authorization": "Basic eDp5",
        "X-Own": "kept",
    }
    sent = ask(served.url, "/", SAFARI, headers=headers).sent
    assert sent == {
        **{name.lower(): value for name, value in headers.items()},
        "host": "label.example",
        "user-agent": SAFARI,
        "accept": "text/html",
    }


def test_nothing_is_added_to_a_bare_request(served):
    connection = connection_to(served.url)
    connection.putrequest("GET", "/", skip_host=True, skip_accept_encoding=True)
    connection.putheader("Host", "label.example")
    connection.endheaders()
    assert b'"headers": [["Host", "label.example"]]' in connection.getresponse().read()
    connection.close()


FORGED = ["X-Escape-Visit", "X-Escape-Anything", "x-escape-visit", "X_Escape_Visit"]


@pytest.mark.parametrize("name", FORGED)
def test_nobody_forges_what_the_gate_tells_the_site(served, name):
    reply = ask(
        served.url, "/", SAFARI, headers={name: "forged", "Connection": "X-Own", "X-Own": "1"}
    )
    assert not [one for one in reply.sent if "escape" in one or one == "x-own"]
    assert reply.all("x-escape-visit") == []


def test_the_scheme_and_host_are_the_edge_servers(served):
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "other.example"}
    assert b"https://other.example/presave/x" in ask(served.url, "/presave/x", headers=headers).body


def test_a_redirect_of_the_site_is_replaced_and_its_cookies_stay(served):
    page = ask(served.url, "/go/song")
    assert page.is_page
    assert page.all("set-cookie") == COOKIES
    plain = ask(served.url, "/go/song", SAFARI)
    assert (plain.status, plain.all("location")) == (302, [TRACK])
    assert plain.all("set-cookie") == COOKIES


def test_a_sign_in_that_answers_a_form_is_handed_over(served):
    headers = {"Referer": "http://label.example/sign-in", "Content-Type": "text/plain"}
    reply = ask(served.url, "/sign-in", method="POST", headers=headers, body=b"x=1")
    assert reply.is_page
    plain = ask(served.url, "/sign-in", SAFARI, "POST", body=b"x=1")
    assert (plain.status, plain.all("location")) == (302, [SIGN_IN])


def test_head_and_an_empty_answer(served):
    head = ask(served.url, "/about", SAFARI, "HEAD")
    assert (head.status, head.body, int(head.all("content-length")[0]) > 0) == (200, b"", True)
    empty = ask(served.url, "/empty", SAFARI)
    assert (empty.status, empty.body) == (204, b"")
    assert ask(served.url, "/presave/x", method="HEAD").status == 200


@pytest.mark.slow
@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("chunked", [False, True], ids=["of a length", "chunked"])
def test_a_hundred_megabytes_go_up(served, method, chunked):
    length = {"Content-Length": str(BIG * len(MEGABYTE))}
    how = {"Transfer-Encoding": "chunked"} if chunked else length
    parts = (MEGABYTE for _ in range(BIG))
    if chunked:
        parts = (b"%x\r\n%s\r\n" % (len(part), part) for part in (*parts, b""))
    told = ask(served.url, "/upload", SAFARI, method, how, parts).told
    assert told["size"] == BIG * len(MEGABYTE)
    assert told["digest"] == hashlib.sha256(MEGABYTE * BIG).hexdigest()


@pytest.mark.slow
def test_a_hundred_megabytes_come_down(served):
    reply = ask(served.url, "/big", SAFARI)
    assert hashlib.sha256(reply.body).digest() == hashlib.sha256(MEGABYTE * BIG).digest()


def test_a_part_that_is_there_does_not_wait_for_the_next(served):
    connection = connection_to(served.url)
    begin(connection, "/stream", SAFARI, "GET", ())
    response = connection.getresponse()
    assert response.read(5) == b"first"
    served.site.go_on.set()
    assert response.read() == b"second"
    connection.close()


def test_a_visitor_who_leaves_early_costs_the_next_one_nothing(served):
    for _ in range(3):
        connection = connection_to(served.url)
        begin(connection, "/big", SAFARI, "GET", ())
        connection.getresponse().read(100)
        connection.close()
    connection = connection_to(served.url)
    begin(connection, "/upload", SAFARI, "POST", {"Content-Length": "1000"}, iter([b"x"]))
    connection.close()
    assert ask(served.url, "/about", SAFARI).is_site


def test_connections_to_the_site_are_kept(served):
    before = served.site.connections
    for _ in range(20):
        assert ask(served.url, "/about", SAFARI).is_site
    assert served.site.connections <= before + 3


def test_early_hints_are_left_out_and_each_gets_his_own_page(served):
    for number in range(3):
        reply = ask(served.url, f"/hints?{number}", SAFARI)
        assert reply.is_site
        assert f"/hints?{number} " in reply.line


def test_what_the_site_says_of_its_connection_stays_there(served):
    reply = ask(served.url, "/hop", SAFARI)
    assert reply.is_site
    assert reply.all("x-hop") == []


def test_a_connection_that_the_site_has_closed_is_no_failure(served):
    assert ask(served.url, "/about", SAFARI).is_site
    assert ask(served.url, "/broken", SAFARI).status == 502
    assert ask(served.url, "/about", SAFARI).is_site


@pytest.mark.slow
def test_a_slow_site_keeps_no_page_from_anybody(served):
    """More requests wait than most servers have threads."""
    begun = len(served.site.asked)
    with ThreadPoolExecutor(48) as pool:
        slow = [pool.submit(ask, served.url, f"/go/{n}?wait=3", TIKTOK_IOS) for n in range(48)]
        until(lambda: len(served.site.asked) >= begun + 48)
        assert ask(served.url, "/presave/x").is_page
        assert not any(one.done() for one in slow)
        assert all(one.result().is_site for one in slow)


OTHERS = ["http://other.example/presave", "//other.example/x", "/http://other.example/"]


@pytest.mark.parametrize("target", OTHERS)
def test_no_request_leads_to_another_server(served, target):
    before = len(served.site.asked)
    ask(served.url, target, SAFARI, headers={"Host": "other.example"})
    assert len(served.site.asked) == before + 1


def test_its_health(served):
    before = len(served.site.asked)
    reply = ask(served.url, "/_escape/health")
    assert (reply.status, reply.body, len(served.site.asked)) == (200, b"ok\n", before)


def test_without_the_site_pages_are_sent_and_all_else_is_a_bad_gateway(rules):
    gate = Gate(rules, refusing())
    try:
        assert ask(gate.url, "/presave/x").is_page
        assert ask(gate.url, "/about", SAFARI).status == 502
        assert ask(gate.url, "/go/song").status == 502
    finally:
        gate.stop()


def test_its_log_tells_each_request_and_no_query(rules, origin):
    gate = Gate(rules, origin.url)
    ask(gate.url, "/presave/x?secret=1")
    ask(gate.url, "/about", SAFARI, "POST", body=b"x")
    lines = gate.lines()
    assert [(line["method"], line["path"], line["status"]) for line in lines] == [
        ("GET", "/presave/x", 200),
        ("POST", "/about", 200),
    ]
    assert "secret" not in str(lines)


def test_who_reads_its_log_may_go(rules, origin):
    listen = ("--listen", "127.0.0.1:PORT")
    gate = Served(
        "-m",
        "escape_mw",
        "gate",
        "-v",
        "--rules",
        str(rules),
        "--site",
        origin.url,
        *listen,
        folder=ROOT,
    )
    gate.process.stdout.close()
    try:
        assert [ask(gate.url, "/presave/x").is_page for _ in range(3)] == [True] * 3
    finally:
        gate.process.terminate()
        gate.process.wait(30)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_it_ends_once_what_has_begun_is_answered(rules, origin, number):
    gate = Gate(rules, origin.url)
    with ThreadPoolExecutor(1) as pool:
        last = pool.submit(ask, gate.url, "/go/x?wait=1")
        until(lambda: origin.asked)
        gate.process.send_signal(number)
        assert last.result().is_site
    assert gate.process.wait(30) == 0
    with pytest.raises(ConnectionRefusedError):
        ask(gate.url, "/")
    gate.stop()


def run(*words):
    return subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )


WRONG = [
    pytest.param("ftp://label.example", "write http://HOST:PORT", id="another scheme"),
    pytest.param("label.example", "write http://HOST:PORT", id="no scheme"),
    pytest.param("http://label.example/blog", "without a path", id="a path"),
    pytest.param("http://u:p@label.example", "without a path or a user", id="a user"),
]


@pytest.mark.parametrize(("site", "told"), WRONG)
def test_an_address_that_is_none_is_refused(site, told):
    done = CliRunner().invoke(main, ["gate", "--site", site])
    assert (done.exit_code, told in done.output) == (2, True), done.output


def test_it_listens_on_one_address(origin):
    listen = "127.0.0.1:0 127.0.0.1:0"
    done = run("-m", "escape_mw", "gate", "--site", origin.url, "--listen", listen)
    assert (done.returncode, done.stdout) == (1, "")
    assert "are several addresses; write one, such as 127.0.0.1:8010" in done.stderr


def test_where_it_cannot_listen_it_says_so(origin):
    command = ["-m", "escape_mw", "gate", "--site", origin.url, "--listen", origin.url[7:]]
    done = run(*command)
    assert (done.returncode, "cannot listen on" in done.stderr) == (1, True), done.stderr


def test_gunicorn_is_told_what_is_missing():
    done = run("-c", "import escape_mw.edge.gate as gate; gate.application")
    assert "set ESCAPE_MW_SITE to the site's address" in done.stderr


def test_many_at_once(served):
    """Threads share the connections, and every answer is its own request's."""
    barrier = threading.Barrier(16)

    def many(number):
        barrier.wait()
        return [ask(served.url, f"/about?{number}-{n}", SAFARI).line for n in range(20)]

    with ThreadPoolExecutor(16) as pool:
        for number, lines in enumerate(pool.map(many, range(16))):
            assert lines == [f"GET /about?{number}-{n} HTTP/1.1" for n in range(20)]
