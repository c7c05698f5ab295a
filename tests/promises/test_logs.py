"""What we log: one line of printable characters for each event, and nothing of who asked."""

from __future__ import annotations

import io
import json
import logging
import sqlite3
from contextlib import closing

import pytest

import escape_mw
from escape_mw import EscapeMiddleware

from ..support import faults, lab
from ..support.agents import SAFARI, TIKTOK_IOS
from ..support.examples import SECRET, TRACK
from ..support.files import look
from ..support.logs import MESSAGES
from ..support.measured import flush
from ..support.wsgi import environ_of

MEASURED = {"version": 1, "secret": SECRET}
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


def assert_plain(written, message):
    """One line for each record, beside tracebacks.

    Every one printable; none of the request's own words.
    """
    assert MESSAGES[message] in {record.msg for record in written.records}
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


def ask(environ, rules=None, app=site, **more):
    middleware = EscapeMiddleware(app, rules, **more)
    b"".join(middleware(environ, lambda *_: None))
    return middleware


def decides(text, _):
    ask(hostile_environ(text))


def serves_over_plain_http(text, _):
    ask(hostile_environ(text, **{"wsgi.url_scheme": "http"}))


def speaks_of_what_a_page_has_not(text, _):
    ask(hostile_environ(text, **{"escape_mw.page": {f"brand{text}": "x"}}))


def has_no_place_for_the_script(text, _):
    def page(_, start_response):
        policy = ("Content-Security-Policy", "script-src 'none'")
        start_response("200 OK", [("Content-Type", "text/html"), policy])
        return [b"<!doctype html><head>"]

    links = {"version": 1, "rules": [{"path": "/**", "links": True}]}
    ask(hostile_environ(text), links, page)


def fails(text, _):
    middleware = EscapeMiddleware(site)
    faults.break_clock(middleware)
    b"".join(middleware(hostile_environ(text), lambda *_: None))


def fails_to_record(text, _):
    with faults.in_failing_span():
        ask(hostile_environ(text), MEASURED | {"events": {"opentelemetry": True}})


def fails_at_a_redirect(text, folder):
    ask(hostile_environ(text), faults.failing_template(folder, TRACK + "?s3cret-query"))


def has_a_failing_body(text, _):
    def failing(environ, start_response):
        site(environ, start_response)
        return ({}["missing"] for _ in "x")

    body = EscapeMiddleware(failing)(hostile_environ(text), lambda *_: None)
    b"".join(body)
    body.close()


def has_a_failing_observer(text, _):
    ask(hostile_environ(text), observers=[lambda *_: 1 / 0])


def visits_the_lab(text, file, path, query, agent=SAFARI):
    environ = hostile_environ(text, query=f"{query}&")
    environ |= {"PATH_INFO": path, "HTTP_USER_AGENT": agent, "HTTP_X_REQUESTED_WITH": "-"}
    ask(environ, MEASURED | {"lab": {"file": str(file)}})


def arrives_in_the_lab(text, folder):
    visits_the_lab(text, folder / "lab.sqlite3", "/_escape/lab/arrived", f"m={lab.trial()}")


def loses_the_labs_file(text, folder):
    file = folder / f"gone{text[:200]}" / "lab.sqlite3"
    visits_the_lab(text, file, "/_escape/lab/arrived", f"m={lab.trial()}")


def finds_a_foreign_view(text, folder):
    with closing(sqlite3.connect(folder / "lab.sqlite3")) as file:
        file.execute(f'CREATE VIEW results AS SELECT * FROM "x{text}"')
    visits_the_lab(text, folder / "lab.sqlite3", "/_escape/lab/arrived", f"m={lab.trial()}")


# --- what files, rules and sinks say --------------------------------------------------------------


def is_edited(text, folder, rules="version: 1\n", name="escape.yaml"):
    """A rules file that is good, and then another; `text` is a value of it as YAML writes one."""
    file = folder / name
    file.write_text("version: 1\n")
    middleware = EscapeMiddleware(site, file)
    quoted = "".join(f"\\U{ord(char):08x}" for char in text)
    file.write_text(f"# edited\n{rules}".replace("TEXT", quoted))
    look(middleware)


def is_edited_when_memory_is_short(_, folder):
    def full():
        raise MemoryError

    file = folder / "escape.yaml"
    file.write_text("version: 1\n")
    middleware = EscapeMiddleware(site, faults.Path(file, full))
    file.write_text("version: 1\ndetect: true\n")
    look(middleware)


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
    EscapeMiddleware(site)


def is_a_release_of_long_ago(*_):
    faults.age_facts()


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
        file.write_text('version: 1\ndetect: "TEXT"\n'.replace("TEXT", text), "utf-8")
        EscapeMiddleware(lambda *_: [], file)


def is_edited_without_its_template(text, folder):
    is_edited(text, folder, 'version: 1\npage: {template: "TEXT"}\n')


def loses_a_sink(text, _):
    def sink(_):
        raise RuntimeError(text)

    flush(ask(hostile_environ(text), MEASURED, sinks=[sink]))


def refuses_an_event(text, _):
    def sink(events):
        if any(event.name == "eligible" for event in events):
            raise ValueError(text)

    flush(ask(hostile_environ(text), MEASURED, sinks=[sink]))


def fails_at_an_outcome(text, _):
    kept = EscapeMiddleware(site, MEASURED | {"events": {"log": True}})
    faults.break_clock(kept)
    escape_mw.record(text, "visit")


def is_wrapped_twice(text, _):
    rules = MEASURED | {"site": "labels", "page": {"brand": text[:200]}}
    kept = [EscapeMiddleware(site, rules, sinks=[lambda _: None]) for _ in "xy"]
    assert kept


def is_behind_a_stale_edge(text, _):
    faults.meet_a_stale_edge(text)


def tells_an_event(text, _):
    rules = [{"name": json.dumps(text)[:64], "path": "/**", "to": "redirect"}]
    flush(ask(hostile_environ(text), MEASURED | {"events": {"log": True}, "rules": rules}))


WRITERS = [
    (decides, "a decision"),
    (serves_over_plain_http, "plain http"),
    (speaks_of_what_a_page_has_not, "words that a page has not"),
    (has_no_place_for_the_script, "a policy without a place for the script"),
    (fails, "an internal error"),
    (fails_to_record, "an internal error in measuring"),
    (fails_at_a_redirect, "an internal error at a redirect"),
    (fails_at_an_outcome, "an internal error at an outcome"),
    (is_edited_when_memory_is_short, "an internal error at an edit"),
    (has_a_failing_body, "a failing body"),
    (has_a_failing_observer, "a failing observer"),
    (arrives_in_the_lab, "an arrival in the lab"),
    (loses_the_labs_file, "the lab's file"),
    (finds_a_foreign_view, "the lab's file"),
    (is_started, "the start"),
    (is_a_release_of_long_ago, "old facts"),
    (is_edited, "an edit"),
    (begins_broken_and_switched_off, "broken rules, switched off"),
    (is_edited_and_broken, "a broken edit"),
    (has_a_hostile_key, "a broken edit"),
    (has_a_hostile_capture, "a broken edit"),
    (has_a_hostile_placeholder, "a broken edit"),
    (has_a_hostile_name, "a broken edit"),
    (keeps_a_secret_badly, "a broken edit"),
    (is_edited_without_its_template, "a broken edit"),
    (loses_a_sink, "a failing sink"),
    (refuses_an_event, "a refused event"),
    (is_wrapped_twice, "two alike"),
    (is_behind_a_stale_edge, "a stale edge server"),
    (tells_an_event, "an event"),
]
BY_NAME = [pytest.param(*row, id=row[0].__name__.replace("_", " ")) for row in WRITERS]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(("write", "message"), BY_NAME)
def test_nobody_forges_a_record_and_no_request_is_in_one(write, message, text, written, tmp_path):
    write(text, tmp_path)
    assert_plain(written, message)


def test_a_record_says_where_it_was_written(written):
    decides("", None)
    assert {record.filename for record in written.records} == {"notices.py", "engine.py"}


def test_every_message_is_looked_at():
    assert {message for _, message in WRITERS} == set(MESSAGES)
