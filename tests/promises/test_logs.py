"""What we log: one line of printable characters for each event, and nothing of who asked."""

from __future__ import annotations

import ast
import io
import logging
import sqlite3
import time
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

import escape_mw
from escape_mw import EscapeMiddleware
from escape_mw.edge.gate import Gate
from escape_mw.engine import notices
from escape_mw.events.event import Event
from escape_mw.events.recorder import Recorder
from escape_mw.events.sinks import log
from escape_mw.lab.marks import LabTokens, Session, Trial
from escape_mw.lab.store import LabStore
from escape_mw.rules.reload import RulesSource

from ..agents import SAFARI, TIKTOK_IOS
from ..marked import SECRET
from ..public.test_wsgi import TRACK, environ_of

PACKAGE = Path(escape_mw.__file__).parent
LAB = "a-token-for-tests-only"
MARK = Trial(Session("tiktok", "41.9", "ios", "round"), "browser", "extbrowser")
FORGERY = "ERROR escape_mw forged"
HOSTILE = [
    pytest.param(f"\n{FORGERY}", id="a new line"),
    pytest.param(f"\r\n{FORGERY}", id="a new line, as headers end"),
    pytest.param(f"\r{FORGERY}\x0b\x0c\x1c\x85", id="other ends of lines"),
    pytest.param("\x1b[2J\x1b]0;x\x07\x9b31m", id="a terminal's escapes"),
    pytest.param("\x01\x08\x7f", id="control characters"),
    pytest.param("\xc3\xa9\xe2\x80\xa8\xe2\x80\xae\xff", id="bytes beyond ASCII"),
    pytest.param("%s %(x)s %d {0} {x}", id="formats"),
    pytest.param("x" * 10_240, id="ten thousand characters"),
]
SECRETS = (
    "s3cret-agent",
    "s3cret-path",
    "s3cret-query",
    "s3cret-cookie",
    "s3cret-referrer",
    "s3cret-language",
    "s3cret-login",
    "s3cret-app",
    "192.0.2.7",
)


class Written(logging.StreamHandler):
    """A handler as a site has one: its lines, and the records that they were made from."""

    def __init__(self):
        super().__init__(io.StringIO())
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
        self.records = []

    def emit(self, record):
        self.records.append(record)
        super().emit(record)

    def text(self):
        return self.stream.getvalue()


@pytest.fixture
def written(caplog):
    caplog.set_level(logging.DEBUG, "escape_mw")
    handler = Written()
    logging.getLogger("escape_mw").addHandler(handler)
    yield handler
    logging.getLogger("escape_mw").removeHandler(handler)


def assert_plain(written, template):
    """One line for each record, beside tracebacks.

    Every one printable; none of the request's own words.
    """
    assert template in {record.msg for record in written.records}
    lines = written.text().removesuffix("\n").split("\n")
    assert [line for line in lines if not line.isprintable()] == []
    assert [
        line.split(" ")[0]
        for line in lines
        if line.startswith(("DEBUG ", "INFO ", "WARNING ", "ERROR "))
    ] == [it.levelname for it in written.records]
    assert any(record.exc_info for record in written.records) or len(lines) == len(written.records)
    assert [secret for secret in SECRETS if secret in written.text()] == []


# --- what requests say ----------------------------------------------------------------------------


def site(_, start_response):
    start_response(
        "302 Found", [("Location", TRACK + "?s3cret-query"), ("Set-Cookie", "a=s3cret-cookie")]
    )
    return []


def hostile_environ(text, agent=TIKTOK_IOS, path="/listen/", query="", **more):
    return {
        **environ_of(
            f"{agent} s3cret-agent{text}",
            f"{path}s3cret-path{text[:200]}",
            f"{query}a=s3cret-query{text[:200]}",
        ),
        "HTTP_ACCEPT": "text/html",
        "HTTP_COOKIE": f"s3cret-cookie{text}",
        "HTTP_REFERER": f"https://site.example/?s3cret-referrer{text}",
        "HTTP_ACCEPT_LANGUAGE": f"en,s3cret-language{text}",
        "HTTP_X_REQUESTED_WITH": f"s3cret-app{text}",
        "HTTP_AUTHORIZATION": f"s3cret-login{text}",
        "REMOTE_ADDR": "192.0.2.7",
        **more,
    }


def ask(environ, rules=None, **more):
    b"".join(EscapeMiddleware(site, rules, **more)(environ, lambda *_: None))


def decides(text, *_):
    ask(hostile_environ(text))


def serves_over_plain_http(text, *_):
    ask(hostile_environ(text, **{"wsgi.url_scheme": "http"}))


def speaks_of_what_a_page_has_not(text, *_):
    ask(hostile_environ(text, **{"escape_mw.page": {f"brand{text}": "x"}}))


def has_no_place_for_the_script(text, *_):
    def page(_, start_response):
        policy = ("Content-Security-Policy", "script-src 'none'")
        start_response("200 OK", [("Content-Type", "text/html"), policy])
        return [b"<!doctype html><head>"]

    notices.warn_of_policy.cache_clear()
    links = {"version": 1, "rules": [{"path": "/**", "links": True}]}
    b"".join(EscapeMiddleware(page, links)(hostile_environ(text), lambda *_: None))


def fails(text, monkeypatch, _):
    monkeypatch.setattr("escape_mw.engine.respond.decide", lambda *_: 1 / 0)
    ask(hostile_environ(text))


def fails_with_a_header_of_ours(text, monkeypatch, _):
    monkeypatch.setattr(
        "escape_mw.page.interstitial.NO_STORE", (("X-Ours", f"s3cret-query{text}\n"),)
    )
    ask(hostile_environ(text), {"version": 1, "rules": [{"path": "/**", "to": "page"}]})


def fails_to_record(text, monkeypatch, _):
    monkeypatch.setattr("escape_mw.events.measurement.stages", lambda *_: {}["missing"])
    ask(hostile_environ(text), {"version": 1, "secret": SECRET}, sinks=[list])


def fails_at_a_redirect(text, monkeypatch, _):
    monkeypatch.setattr("escape_mw.page.interstitial.Interstitial.answer", lambda *_: {}["missing"])
    ask(hostile_environ(text))


def has_a_failing_body(text, *_):
    def failing(environ, start_response):
        site(environ, start_response)
        return ({}["missing"] for _ in "x")

    body = EscapeMiddleware(failing)(hostile_environ(text), lambda *_: None)
    b"".join(body)
    body.close()


def has_a_failing_observer(text, *_):
    ask(hostile_environ(text), observers=[lambda *_: 1 / 0])


def arrives_in_the_lab(text, _, folder):
    query = f"m={LabTokens(SECRET).sign_trial(MARK, int(time.time()))}&"
    environ = hostile_environ(text, query=query) | {
        "PATH_INFO": "/_escape/lab/arrived",
        "HTTP_USER_AGENT": SAFARI,
    }
    ask(
        {**environ, "HTTP_X_REQUESTED_WITH": "-"},
        {
            "version": 1,
            "secret": SECRET,
            "lab": {"token": LAB, "file": str(folder / "lab.sqlite3")},
        },
    )


REQUESTS = [
    pytest.param(decides, "%s%s rule=%r app=%s platform=%s service=%s", id="a decision"),
    pytest.param(
        serves_over_plain_http,
        (
            "%r appears to be served over plain http; behind a TLS-terminating proxy, set "
            "base_url or use ProxyFix"
        ),
        id="plain http",
    ),
    pytest.param(
        speaks_of_what_a_page_has_not,
        (
            "escape_mw.page: %.200r cannot be taken; it is a mapping with title, artist, artwork"
            " and accent, each text as in the rules file, artwork of another host under"
            " page.artwork_hosts"
        ),
        id="words that a page has not",
    ),
    pytest.param(
        has_no_place_for_the_script,
        "links: the site's Content-Security-Policy allows no script of the site itself; such pages"
        " are left alone",
        id="a policy without a place for the script",
    ),
    pytest.param(
        fails,
        "internal error; the request was passed to the site unchanged",
        id="an internal error",
    ),
    pytest.param(
        fails_with_a_header_of_ours,
        "internal error; the request was passed to the site unchanged",
        id="a header that cannot be sent",
    ),
    pytest.param(
        fails_to_record,
        "internal error; the visit was not recorded",
        id="an internal error in measuring",
    ),
    pytest.param(
        fails_at_a_redirect,
        "internal error; the site's response was sent unchanged",
        id="an internal error at a redirect",
    ),
    pytest.param(
        has_a_failing_body,
        "the body of a replaced redirect raised an exception",
        id="a body that fails as it is read",
    ),
    pytest.param(
        has_a_failing_observer, "an observer raised an exception", id="a failing observer"
    ),
    pytest.param(
        arrives_in_the_lab, "lab: %s (%s) in %s %s on %s, goal %s: %s", id="an arrival in the lab"
    ),
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(("write", "template"), REQUESTS)
def test_a_request_forges_no_record_and_is_in_none(
    write, template, text, written, monkeypatch, tmp_path
):
    write(text, monkeypatch, tmp_path)
    assert_plain(written, template)


# --- what files, rules and sinks say --------------------------------------------------------------


def loses_the_labs_file(text, folder):
    LabStore(folder / f"gone{text[:200]}" / "lab.sqlite3").record(MARK, "worked", 1_800_000_000)


def is_edited(text, folder, rules="version: 1\n", name="escape.yaml"):
    """A rules file that is good, and then another; `text` is a value of it as YAML writes one."""
    file = folder / name
    file.write_text("version: 1\n")
    source = RulesSource(file, lambda _: None)
    quoted = "".join(f"\\U{ord(char):08x}" for char in text)
    file.write_text(f"# edited\n{rules}".replace("TEXT", quoted))
    source.look()


def is_edited_when_memory_is_short(_, folder):
    def adopt(_):
        raise MemoryError

    file = folder / "escape.yaml"
    file.write_text("version: 1\n")
    source = RulesSource(file, adopt)
    file.write_text("version: 1\nvary: true\n")
    source.look()


def has_a_hostile_key(text, folder):
    is_edited(text, folder, 'version: 1\n"TEXT": 1\n')


def has_a_hostile_capture(text, folder):
    is_edited(
        text, folder, 'version: 1\nrules: [{path: "/{TEXT} ", to: page}, {path: x, to: page}]\n'
    )


def has_a_hostile_placeholder(text, folder):
    is_edited(
        text, folder, 'version: 1\nrules: [{path: "/x", to: "https://open.spotify.com/{TEXT}"}]\n'
    )


def has_a_hostile_name(text, folder):
    is_edited(text, folder, 'version: 1\nrules: [{name: "\\n TEXT", path: "/x", to: page}]\n')


def keeps_a_secret_badly(text, folder):
    is_edited(
        text,
        folder,
        (
            'version: 1\nsecret: 19216800000000000\nevents: {database: "s3cret-login TEXT"}\n'
            'base_url: "https://s3cret-login@TEXT/x"\nlab: {token: s3cret-login}\n'
        ),
    )


def is_started(*_):
    EscapeMiddleware(lambda *_: [], {"version": 1})


def is_a_release_of_long_ago(*_):
    notices.warn_of_old_facts.cache_clear()
    notices.warn_of_old_facts("2026-05-01", date(2026, 11, 28))


def finds_a_foreign_view(text, folder):
    with closing(sqlite3.connect(folder / "lab.sqlite3")) as file:
        file.execute(f'CREATE VIEW results AS SELECT * FROM "x{text}"')
    LabStore(folder / "lab.sqlite3").results()


def is_edited_and_broken(text, folder):
    is_edited(
        text,
        folder,
        (
            'version: 1\nmode: "TEXT"\npage: {accent: "TEXT", language: "TEXT"}\n'
            'rules: [{path: "TEXT", to: "https://TEXT/"}]\n'
        ),
    )


def begins_broken_and_switched_off(text, folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ESCAPE_MW_MODE", "off")
        file = folder / "broken.yaml"
        file.write_text('version: 1\nvary: "TEXT"\n'.replace("TEXT", text), "utf-8")
        EscapeMiddleware(lambda *_: [], file)


def is_edited_without_its_template(text, folder):
    is_edited(text, folder, 'version: 1\npage: {template: "TEXT"}\n')


def loses_a_sink(text, _):
    def sink(_):
        raise RuntimeError(text)

    recorder = Recorder([sink])
    recorder.record(Event(0, "visit", "shown"))
    recorder.close()


def refuses_an_event(text, _):
    def sink(events):
        if any(event.name == "shown" for event in events):
            raise ValueError(text)

    recorder = Recorder([sink])
    recorder.record(Event(0, "visit", "shown"))
    recorder.record(Event(0, "visit", "arrived"))
    recorder.close()


def fails_at_an_outcome(text, _):
    def sink(_):
        raise RuntimeError(text)

    app = EscapeMiddleware(site, {"version": 1, "secret": SECRET, "events": {"log": True}})
    app.engine.clock = sink
    escape_mw.record(text, "visit")


def is_wrapped_twice(text, _):
    brand = {"brand": text[:200]}
    rules = {"version": 1, "site": "labels", "secret": SECRET, "page": brand}
    kept = [EscapeMiddleware(site, rules, sinks=[lambda _: None]) for _ in "xy"]
    assert kept


def is_behind_a_stale_edge(text, _):
    gate = Gate({"version": 1}, "http://127.0.0.1:9")
    stale = {"HTTP_X_ESCAPE_STAMP": text, "PATH_INFO": "/_escape/health"}
    list(gate({"REQUEST_METHOD": "GET", **stale}, lambda *_: None))


def tells_an_event(text, _):
    log([Event(0, "visit", "shown", *[text] * 12)])


OTHERS = [
    pytest.param(
        fails_at_an_outcome,
        "internal error; the outcome was not recorded",
        id="an internal error at an outcome",
    ),
    pytest.param(is_started, "started: version=%s rules=%d mode=%s facts=%s", id="the start"),
    pytest.param(
        is_a_release_of_long_ago,
        "the facts about host apps are of %s, over six months old:"
        " look for a newer release of escape-mw",
        id="facts that have grown old",
    ),
    pytest.param(
        loses_the_labs_file,
        "lab file %r is unusable, results are not stored: %.200r",
        id="the lab's file",
    ),
    pytest.param(
        finds_a_foreign_view,
        "lab file %r is unusable, results are not stored: %.200r",
        id="a foreign file in the lab's place",
    ),
    pytest.param(is_edited, "rules reloaded", id="an edit"),
    pytest.param(
        is_edited_when_memory_is_short,
        "internal error; the rules were not reloaded",
        id="an internal error at an edit",
    ),
    pytest.param(
        begins_broken_and_switched_off,
        "switched off; the rules cannot be used: %s",
        id="broken rules that are switched off",
    ),
    pytest.param(is_edited_and_broken, "rules not reloaded: %s", id="a broken edit"),
    *(
        pytest.param(edit, "rules not reloaded: %s", id=edit.__name__.replace("_", " "))
        for edit in (
            has_a_hostile_key,
            has_a_hostile_capture,
            has_a_hostile_placeholder,
            has_a_hostile_name,
            keeps_a_secret_badly,
        )
    ),
    pytest.param(
        is_edited_without_its_template,
        "rules not reloaded: %s",
        id="an edit with a template that is gone",
    ),
    pytest.param(loses_a_sink, "event sink failed, will retry: %s: %.200r", id="a failing sink"),
    pytest.param(
        refuses_an_event,
        "event sink refused an event, dropped: %s: %.200r",
        id="a sink that refuses an event",
    ),
    pytest.param(
        is_wrapped_twice,
        "two middlewares of this process have the same secret and the same site, and record"
        " events in different places; give each a 'site' of its own, or outcomes may be lost",
        id="two middlewares that are alike",
    ),
    pytest.param(
        is_behind_a_stale_edge,
        "the edge server's configuration is stale (stamp %r, now %r): write it again with"
        " escape-mw edge",
        id="an edge server with an old configuration",
    ),
    pytest.param(tells_an_event, "%s", id="an event"),
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(("write", "template"), OTHERS)
def test_files_rules_and_sinks_forge_no_record(write, template, text, written, tmp_path):
    write(text, tmp_path)
    assert_plain(written, template)


def test_a_record_says_where_it_was_written(written):
    decides("")
    assert {record.filename for record in written.records} == {"notices.py", "engine.py"}


# --- that nothing was left out --------------------------------------------------------------------


def logged(path):
    """The first argument of every call of a logger in a module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "logger"
            and node.func.attr != "isEnabledFor"
        ):
            yield ast.literal_eval(node.args[0])


def test_every_record_of_the_package_is_looked_at():
    """A template that is no constant cannot be read at all."""
    assert {template for path in PACKAGE.rglob("*.py") for template in logged(path)} == {
        case.values[1] for case in REQUESTS + OTHERS
    }
