"""`escape-mw check --url`: who gets what of a site that runs, and what is wrong with it."""

from __future__ import annotations

import threading
from email.message import Message
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from click import ClickException
from click.testing import CliRunner

from escape_mw import EscapeMiddleware
from escape_mw.cli.faults import findings
from escape_mw.cli.live import AGENTS, Reply, meet
from escape_mw.cli.main import main

from ..support.examples import TRACK

RULES = {
    "version": 1,
    "rules": [
        {"path": "/presave/**", "to": "page", "words_only": "pass"},
        {"path": "/**", "to": "redirect"},
    ],
}


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def served():
    """Serve an application; returns its URL."""
    running = []

    def serve(app):
        server = make_server("127.0.0.1", 0, app, handler_class=Quiet)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in running:
        server.shutdown()
        server.server_close()


def site(environ, start_response):
    answers = {
        "/listen": ("302 Found", [("Location", TRACK)]),
        "/old": ("301 Moved Permanently", [("Location", "/listen?a=1")]),
        "/round": ("302 Found", [("Location", "/round")]),
        "/broken": ("302 Found", [("Location", "http://[")]),
        "/hostile": ("302 Found", [("Location", "/hostile\x9b31m")]),
        "/moved": ("301 Moved", [("Location", "http://www.127.0.0.1/")]),
        "/locked": ("200 OK", [("CDN-Cache-Control", "no-store")]),
        "/kept": ("200 OK", [("Cache-Control", "public, max-age=60"), ("Age", "0")]),
        "/own": ("200 OK", [("Cache-Control", "private, max-age=60")]),
    }
    status, headers = answers.get(environ["PATH_INFO"], ("200 OK", []))
    start_response(status, headers)
    return [b"site"]


def caching(app):
    """A cache that keeps whatever came first, and asks nobody who they are."""
    kept = {}

    def cache(environ, start_response):
        path = environ["PATH_INFO"]
        if path in kept:
            status, headers, body = kept[path]
            start_response(status, [*headers, ("X-Cache", "HIT")])
            return [body]
        started = []
        body = b"".join(app(environ, lambda *given: started.append(given)))
        kept[path] = (*started[0][:2], body)
        start_response(*started[0])
        return [body]

    return cache


def refusing(word, status="403 Forbidden", headers=()):
    """A bot rule: whose agent holds a word is refused."""
    inner = EscapeMiddleware(site, RULES)

    def app(environ, start_response):
        if word in environ["HTTP_USER_AGENT"]:
            start_response(status, list(headers))
            return [b"no"]
        return inner(environ, start_response)

    return app


def to_everyone(environ, start_response):
    """A site that keeps the escape, which nobody may."""
    return EscapeMiddleware(site, RULES)(
        {**environ, "HTTP_USER_AGENT": AGENTS["TikTok on iOS"]}, start_response
    )


def missing(_, start_response):
    start_response("404 Not Found", [])
    return [b"no"]


def checked(url, *options):
    """The exit code, who gets what, and the findings."""
    done = CliRunner().invoke(main, ["check", *options, "--url", url])
    lines = done.output.splitlines()
    told = [line for line in lines if line.startswith(("fault: ", "note: ", "Error: "))]
    return done.exit_code, [line for line in lines if line not in told], told


def test_a_good_site_is_a_table_and_nothing_else(served):
    code, table, told = checked(served(EscapeMiddleware(site, RULES)) + "/old")
    assert (code, told) == (0, [])
    assert [line.rpartition("  ")[2] for line in table] == [
        "gets",
        f"redirect to {TRACK}",
        "escape: app-scheme, menu",
        "escape: intent-app, intent, menu",
        f"redirect to {TRACK}",
    ]


NOBODY = "no rule is for this page, the mode is not 'act', or the middleware is not in front of it"
FAULTS = [
    pytest.param(
        site,
        "/listen",
        [
            f"TikTok on iOS gets no escape: {NOBODY}",
            f"Instagram on Android gets no escape: {NOBODY}",
        ],
        id="no middleware",
    ),
    pytest.param(
        caching(EscapeMiddleware(site, RULES)),
        "/presave/x",
        [
            "TikTok on iOS gets no escape: a cache has answered (x-cache: hit)",
            "Instagram on Android gets no escape: a cache has answered (x-cache: hit)",
        ],
        id="a cache that keeps the browser's answer",
    ),
    pytest.param(
        to_everyone,
        "/listen",
        [
            f"{name} gets an escape that was made for a host app"
            " (no cache may keep one, whatever 'no-store' says)"
            for name in ("Safari on iOS", "Googlebot")
        ],
        id="a cache that keeps the escape",
    ),
    pytest.param(
        refusing("musical_ly"),
        "/listen",
        ["TikTok on iOS is refused with 403: a bot rule, a firewall or a login"],
        id="a bot rule",
    ),
    pytest.param(
        refusing("Googlebot", "403 Forbidden", [("Cf-Mitigated", "challenge")]),
        "/listen",
        ["Googlebot is refused with 403: a challenge page of Cloudflare"],
        id="a challenge that says so",
    ),
    pytest.param(
        refusing("Instagram", "202 Accepted", [("x-amzn-waf-action", "challenge")]),
        "/listen",
        ["Instagram on Android is refused with 202: a challenge page of AWS WAF"],
        id="a challenge that looks like success",
    ),
    pytest.param(
        EscapeMiddleware(missing, {"version": 1, "rules": [{"path": "/listen", "to": TRACK}]}),
        "/listen",
        [
            "visitors who are not escaped get 404; for a rule whose 'to' is a URL, 'everyone: true'"
            " redirects them to it"
        ],
        id="a rule without a page",
    ),
]


@pytest.mark.parametrize(("app", "path", "expected"), FAULTS)
def test_a_fault_is_a_sentence_and_exit_code_1(served, app, path, expected):
    code, _, told = checked(served(app) + path)
    assert (code, told) == (1, [f"fault: {text}" for text in expected])


LINKS = {"version": 1, "rules": [{"path": "/**", "links": True}]}


def landing(policy=""):
    def page(_, start_response):
        headers = [
            ("Content-Type", "text/html"),
            *([("Content-Security-Policy", policy)] * bool(policy)),
        ]
        start_response("200 OK", headers)
        return [b"<!doctype html><html><head><title>Links</title></head>"]

    return page


def test_a_landing_page_whose_links_are_caught_is_in_order(served):
    code, table, told = checked(served(EscapeMiddleware(landing(), LINKS)) + "/")
    assert (code, told) == (0, [])
    assert table[2].endswith("the site's own page, its links caught")


def test_a_landing_page_without_a_place_for_the_tag_is_told(served, tmp_path):
    (tmp_path / "escape.yaml").write_text("version: 1\nrules: [{path: /**, links: true}]\n")
    url = served(EscapeMiddleware(landing("script-src 'none'"), LINKS))
    code, _, told = checked(f"{url}/", str(tmp_path / "escape.yaml"))
    why = "its page has no place for the tag, by its policy, its encoding or its form"
    assert (code, told[0]) == (0, f"note: TikTok on iOS is left to the site by the rules: {why}")


NOTES = [
    pytest.param("/kept", 0, "note: a shared cache may keep the site's answer", id="kept"),
    pytest.param("/own", 0, "", id="kept by the browser alone"),
]


@pytest.mark.parametrize(("path", "code", "expected"), NOTES)
def test_what_a_shared_cache_may_keep_is_a_note(served, path, code, expected):
    url = served(EscapeMiddleware(site, {"version": 1, "rules": [{"path": "/**", "to": "page"}]}))
    got, _, told = checked(url + path)
    assert got == code
    assert "".join(told).startswith(expected)
    assert checked(url + path, "--strict")[0] == bool(expected)


def test_the_rules_say_who_is_left_to_the_site(served, tmp_path):
    """TikTok on iOS has words only; without the rules, one escape is taken for the proof."""
    path = tmp_path / "escape.yaml"
    path.write_text("version: 1\nrules:\n  - {path: /presave/**, to: page, words_only: pass}\n")
    url = served(EscapeMiddleware(site, str(path)))
    code, _, told = checked(url + "/presave/x", str(path))
    assert (code, told) == (0, ["note: TikTok on iOS is left to the site by the rules: words-only"])
    assert checked(url + "/presave/x")[::2] == (0, [])


def test_the_rules_say_who_is_missed(served, tmp_path):
    (tmp_path / "escape.yaml").write_text("version: 1\n")
    app = EscapeMiddleware(site, {**RULES, "apps": {"only": ["tiktok"]}})
    code, _, told = checked(served(app) + "/listen", str(tmp_path / "escape.yaml"))
    assert (code, told) == (1, [f"fault: Instagram on Android gets no escape: {NOBODY}"])


def replies(url, body):
    headers = Message()
    headers["Location"] = TRACK
    passed = Reply(url, 302, headers, "")
    page = Reply(url, 200, Message(), f'<main data-marker="_esc">{body}</main>')
    return {name: page if name in ("TikTok on iOS",) else passed for name in AGENTS}


SCHEMES = [
    pytest.param("https", "http%3A%2F%2Flabel.example%2Fx", True, id="inside another URL"),
    pytest.param("https", "<code>http://label.example/x</code>", True, id="the link to copy"),
    pytest.param("https", "intent://label.example/x#Intent;scheme=http;end", True, id="an intent"),
    pytest.param("https", "<code>https://label.example/x</code>", False, id="https"),
    pytest.param("https", "<code>http://other.example/x</code>", False, id="another host"),
    pytest.param("http", "<code>http://label.example/x</code>", False, id="asked over http"),
]


@pytest.mark.parametrize(("scheme", "body", "is_fault"), SCHEMES)
def test_an_address_without_tls_is_a_fault_where_the_site_has_it(scheme, body, is_fault):
    told = [text for text, _ in findings(replies(f"{scheme}://label.example/x", body), None)]
    expected = (
        "TikTok on iOS is handed over to http://label.example: set 'base_url', or use ProxyFix"
    )
    assert told == ([expected] if is_fault else [])


ADDRESSES = [
    pytest.param("https://label.example/music/x", [], id="the one that was asked"),
    pytest.param("https://label.example/%6Dusic/x", [], id="written otherwise"),
    pytest.param(
        "https://label.example/x",
        [
            "the page hands over https://label.example/x, which is another path: behind a proxy"
            " that takes a prefix away, forward X-Forwarded-Prefix and use ProxyFix with"
            " x_prefix=1"
        ],
        id="without the prefix that a proxy took away",
    ),
    pytest.param(
        "https://other.example/music/x",
        ["the page hands over https://other.example/music/x"],
        id="another host",
    ),
]


@pytest.mark.parametrize(("address", "expected"), ADDRESSES)
def test_an_address_where_nobody_arrives_is_told(address, expected):
    link = f'<link rel="canonical" href="{address}">'
    told = findings(replies("https://label.example/music/x", link), None)
    assert [text for text, _ in told] == expected


def test_a_redirect_that_nobody_can_follow_is_no_fault_of_ours(served):
    code, table, _ = checked(served(site) + "/broken")
    assert (code, "redirect to http://[" in table[1]) == (1, True)


def test_what_a_site_says_never_reaches_the_terminal_raw(served):
    done = CliRunner().invoke(main, ["check", "--url", served(site) + "/hostile"])
    assert (done.exit_code, done.output.replace("\n", "").isprintable()) == (1, True)


def test_another_host_of_the_sites_is_named(served):
    url = served(site).replace("127.0.0.1", "localhost")
    moved = "http://www.localhost/"
    headers = Message()
    headers["Location"] = moved
    told = [one.text for one in findings(dict.fromkeys(AGENTS, Reply(url, 301, headers, "")), None)]
    assert told == [f"the site redirects to {moved}: check that address"]


def test_a_site_that_sets_a_header_of_ours_itself(served):
    _, table, _ = checked(served(site) + "/locked")
    assert not any("escape:" in line for line in table)


def test_a_bare_redirect_is_an_escape():
    headers = Message()
    headers["Location"] = "https://label.example/x?_esc=2~intent~~a~tiktok~ios.6b.x"
    assert Reply("https://label.example/x", 302, headers, "").is_escape


def test_a_share_makes_a_miss_no_fault(served, tmp_path):
    (tmp_path / "escape.yaml").write_text(
        "version: 1\nrules:\n  - {path: /listen, to: redirect, share: 50%}\n"
    )
    code, _, told = checked(served(site) + "/listen", str(tmp_path / "escape.yaml"))
    assert (code, {line.rpartition(": ")[2] for line in told}) == (
        0,
        {"its rule has a share or an experiment, which lets some visits through"},
    )


def test_another_rules_share_excuses_nobody(served, tmp_path):
    (tmp_path / "escape.yaml").write_text(
        "version: 1\nrules:\n  - {path: /other, to: page, share: 50%}\n  - {path: /**}\n"
    )
    code, _, told = checked(served(site) + "/listen", str(tmp_path / "escape.yaml"))
    assert (code, {line.partition(": ")[0] for line in told}) == (1, {"fault"})


def test_the_mode_is_named(served, tmp_path):
    (tmp_path / "escape.yaml").write_text("version: 1\nmode: observe\n")
    _, _, told = checked(served(site) + "/listen", str(tmp_path / "escape.yaml"))
    assert told[0].endswith("left to the site by the rules: the mode is 'observe'")


UNREACHABLE = [
    pytest.param("http://127.0.0.1:1/", "Connection refused", id="nobody listens"),
    pytest.param("ftp://label.example/", "write it with https://", id="another scheme"),
    pytest.param("label.example", "write it with https://", id="no scheme"),
    pytest.param("http://u:hunter2@label.example/", "a user's name", id="a password"),
    pytest.param("https://nobody.invalid/", "http", id="no such host"),
]


@pytest.mark.parametrize(("url", "reason"), UNREACHABLE)
def test_a_site_that_cannot_be_asked(url, reason):
    code, table, told = checked(url)
    assert (code, table) == (1, [])
    assert reason in told[0]
    assert "hunter2" not in told[0]


def redirecting(environ, start_response):
    """/5 leads to /4 and so on; names beyond ASCII and with blanks come as browsers send them."""
    path = environ["PATH_INFO"]
    to = {"/accent": "/caf\xc3\xa9 noir", "/0": TRACK, "/caf\xc3\xa9 noir": TRACK}
    start_response("302 Found", [("Location", to.get(path) or f"/{int(path[1:]) - 1}")])
    return []


@pytest.mark.parametrize("path", ["/accent", "/caf\xe9 noir", "/caf%C3%A9%20noir", "/5"])
def test_redirects_are_followed_as_browsers_do(served, path):
    replies = meet(served(redirecting) + path).values()
    assert {reply.onward for reply in replies} == {TRACK}


def test_more_redirects_than_are_followed(served):
    with pytest.raises(ClickException, match="more than 5 redirects within the site"):
        meet(served(redirecting) + "/6")


def test_a_site_that_leads_in_circles(served):
    code, _, told = checked(served(site) + "/round")
    assert (code, "more than 5 redirects" in told[0]) == (1, True)
