"""Whatever an application does, by PEP 3333 or against it.

The server sees what it would see without us.
"""

from __future__ import annotations

from io import BytesIO
from itertools import product
from wsgiref.util import FileWrapper
from wsgiref.validate import validator

import pytest
from webtest.lint import middleware as webtest_lint
from werkzeug.middleware.lint import LintMiddleware

from escape_mw import EscapeMiddleware, load

from ..support.agents import CHROME_DESKTOP, LINE_IOS, SAFARI, TIKTOK_IOS, UNNAMED_ANDROID
from ..support.examples import SECRET, TRACK
from ..support.marked import stay_cookie
from ..support.wsgi import Server, environ_of

SMART = "https://paperlanterns.lnk.to/harbour"
NEWS = "https://news.example/story"
TEXT = ("Content-Type", "text/plain")
WHOLE = 99  # more items than any application here has
DEFAULT = load({"version": 1})
PAGE = load({"version": 1, "rules": [{"path": "/**", "to": "page"}]})


class Strict:
    """A server by the letter of PEP 3333, and its journal.

    Every call that reaches it, and the application's own notes.
    """

    def __init__(self, app, environ, says, patience=WHOLE, broken=False):
        self.journal = []
        self.app = app
        self.patience = patience
        self.broken = broken
        self.status = None
        self.sent = False
        self.environ = environ | {
            "wsgi.file_wrapper": FileWrapper,
            "tests.note": self.journal.append,
            "tests.says": says,
        }

    def run(self):
        try:
            self._run()
        except Exception as error:
            self.journal.append(("raised", repr(error)))
        return self.journal

    def _run(self):
        body = self.app(self.environ, self.start)
        if isinstance(body, FileWrapper):
            self.journal.append("a file to hand over whole")
        if self.status and hasattr(body, "__len__"):
            self.journal.append(("items", len(body)))
        try:
            self._send_all(body)
        finally:
            if hasattr(body, "close"):
                body.close()

    def _send_all(self, body):
        if not self.patience:
            return
        for number, item in enumerate(body, 1):
            self.send(item, "item")
            if number == self.patience:
                return
        if self.status is None:
            raise AssertionError("there is no response")

    def start(self, status, headers, exc_info=None):
        self.journal.append(
            ("start", status, list(headers), repr(exc_info[1]) if exc_info else None)
        )
        if exc_info:
            try:
                if self.sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self.status is not None:
            raise AssertionError("start_response was called twice")
        self.status = status
        return lambda data: self.send(data, "written")

    def send(self, data, how):
        self.journal.append((how, data))
        if self.status is None:
            raise AssertionError("data before the response")
        if type(data) is not bytes:
            raise AssertionError("data that is no bytes")
        if self.broken:
            raise BrokenPipeError("the client is gone")
        self.sent = self.sent or bool(data)


class Noted:
    """A lazy body that notes how it is used."""

    def __init__(self, environ, *items):
        self.items = iter(items)
        self.note = environ["tests.note"]

    def __iter__(self):
        return self

    def __next__(self):
        self.note("asked")
        return next(self.items)

    def close(self):
        self.note("closed")


def say(environ, start):
    return start(*environ["tests.says"])


def fail(start):
    """Begin an error's response, as an application does in an except clause."""
    try:
        raise RuntimeError("lost")
    except RuntimeError as error:
        return start("500 Oh", [TEXT], (type(error), error, error.__traceback__))


# --- what applications do -------------------------------------------------------------------------


def lists(environ, start):
    say(environ, start)
    return [b"one", b"two"]


def gives_one_item(environ, start):
    say(environ, start)
    return (b"one",)


def gives_nothing(environ, start):
    say(environ, start)
    return []


def gives_a_lazy_body(environ, start):
    say(environ, start)
    return Noted(environ, b"one", b"", b"two")


def generates(environ, start):
    try:
        say(environ, start)
        yield b"one"
        environ["tests.note"]("between")
        yield b"two"
    finally:
        environ["tests.note"]("closed")


def generates_an_empty_item_first(environ, start):
    say(environ, start)
    yield b""
    yield b"one"


def generates_nothing(environ, start):
    say(environ, start)
    return
    yield


def starts_as_it_is_iterated(environ, start):
    class Late:
        def __iter__(self):
            say(environ, start)
            return iter([b"one"])

        def close(self):
            environ["tests.note"]("closed")

    return Late()


def writes(environ, start):
    write = say(environ, start)
    write(b"one")
    write(b"two")
    return []


def writes_and_gives(environ, start):
    say(environ, start)(b"one")
    return Noted(environ, b"two")


def writes_late(environ, start):
    say(environ, start)(b"one")
    yield b"two"


def wraps_a_file(environ, start):
    say(environ, start)
    return environ["wsgi.file_wrapper"](BytesIO(b"one, two"), 3)


def answers_head_with_headers_alone(environ, start):
    status, headers = environ["tests.says"]
    start(status, [*headers, ("Content-Length", "3")])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [b"one"]


def begins_with_an_error(_, start):
    fail(start)
    return [b"sorry"]


def says_none_for_exc_info(environ, start):
    start(*environ["tests.says"], None)
    return [b"one"]


def names_exc_info(environ, start):
    start(*environ["tests.says"], exc_info=None)
    return [b"one"]


def answers(status, *headers, items=()):
    def app(_, start):
        start(status, list(headers))
        return list(items)

    return app


CONFORMING = [
    pytest.param(lists, id="a list"),
    pytest.param(gives_one_item, id="one item, whose length a server may tell"),
    pytest.param(gives_nothing, id="no item"),
    pytest.param(gives_a_lazy_body, id="a lazy body with a close"),
    pytest.param(generates, id="a generator, which starts late"),
    pytest.param(generates_an_empty_item_first, id="a generator with an empty item first"),
    pytest.param(generates_nothing, id="a generator without an item"),
    pytest.param(starts_as_it_is_iterated, id="a start when the iterator is asked for"),
    pytest.param(writes, id="write alone"),
    pytest.param(writes_and_gives, id="write and a body"),
    pytest.param(writes_late, id="write in a generator"),
    pytest.param(wraps_a_file, id="the server's own file wrapper"),
    pytest.param(answers_head_with_headers_alone, id="a length, and nothing for HEAD"),
    pytest.param(says_none_for_exc_info, id="None for exc_info"),
]
SAYING = [
    pytest.param(begins_with_an_error, id="an error from the beginning"),
    pytest.param(answers("200 OK", TEXT, ("ETag", '"x"'), items=[b"one"]), id="200"),
    pytest.param(answers("204 No Content", ("Content-Length", "0")), id="204"),
    pytest.param(answers("304 Not Modified", ("ETag", '"x"')), id="304"),
    pytest.param(answers("304 Not Modified", ("Location", TRACK)), id="304 with a Location"),
    pytest.param(
        answers("201 Created", TEXT, ("Location", TRACK), items=[b"one"]), id="201 with a Location"
    ),
    pytest.param(
        answers("300 Multiple Choices", TEXT, ("Location", TRACK), items=[b"one"]),
        id="300 with a Location",
    ),
    pytest.param(answers("302 Found", TEXT, items=[b"one"]), id="302 without a Location"),
]


def starts_twice(environ, start):
    say(environ, start)
    say(environ, start)
    return [b"one"]


def starts_twice_and_goes_on(environ, start):
    say(environ, start)
    try:
        start("500 Oh", [TEXT])
    except AssertionError:
        environ["tests.note"]("never mind")
    return [b"one"]


def starts_twice_late(environ, start):
    say(environ, start)
    yield b"one"
    say(environ, start)
    yield b"two"


def never_starts(*_):
    return [b"one"]


def never_starts_and_gives_nothing(*_):
    return []


def never_starts_and_generates(*_):
    yield b"one"


def never_starts_and_returns_none(*_):
    return None


def returns_none(environ, start):
    say(environ, start)


def gives_text(environ, start):
    say(environ, start)
    return ["one"]


def raises_first(*_):
    raise RuntimeError("lost")


def raises_after_the_start(environ, start):
    say(environ, start)
    raise RuntimeError("lost")


def raises_after_a_write(environ, start):
    say(environ, start)(b"one")
    raise RuntimeError("lost")


def raises_first_in_a_generator(environ, _):
    environ["tests.note"]("asked")
    raise RuntimeError("lost")
    yield


def raises_in_a_generator(environ, start):
    say(environ, start)
    raise RuntimeError("lost")
    yield


def raises_after_the_first_byte(environ, start):
    try:
        say(environ, start)
        yield b"one"
        raise RuntimeError("lost")
    finally:
        environ["tests.note"]("closed")


def raises_in_close(environ, start):
    class Bad(Noted):
        def close(self):
            super().close()
            raise RuntimeError("lost")

    say(environ, start)
    return Bad(environ, b"one")


def begins_anew_before_the_first_byte(environ, start):
    say(environ, start)
    fail(start)
    return [b"sorry"]


def begins_anew_after_the_first_byte(environ, start):
    say(environ, start)
    yield b"one"
    fail(start)
    yield b"sorry"


def begins_anew_after_an_empty_item(environ, start):
    say(environ, start)
    yield b""
    fail(start)
    yield b"sorry"


def begins_anew_after_a_write(environ, start):
    say(environ, start)(b"one")
    fail(start)
    return [b"sorry"]


def begins_anew_with_a_redirect(_, start):
    """What was begun is not begun again by us, whatever the application says in its distress."""
    start("200 OK", [TEXT])
    start("302 Found", [TEXT, ("Location", TRACK)], (None, None, None))
    return [b"moved"]


def catches_what_write_raises(environ, start):
    try:
        say(environ, start)(b"one")
    except BrokenPipeError:
        environ["tests.note"]("the client is gone")
    return []


UNRULY = [
    pytest.param(
        answers(
            "200 OK",
            TEXT,
            ("Connection", "close"),
            ("Transfer-Encoding", "chunked"),
            items=[b"one"],
        ),
        id="hop-by-hop headers",
    ),
    pytest.param(
        answers("103 Early Hints", ("Link", "</site.css>; rel=preload")),
        id="an informational status",
    ),
    pytest.param(answers("204 No Content", TEXT, items=[b"one"]), id="204 with a body"),
    pytest.param(
        answers("200 OK", TEXT, ("Content-Length", "7"), items=[b"one"]), id="a length that is none"
    ),
    pytest.param(
        answers("200", ("X", "\xe9\t"), ("", ""), items=[b"one"]),
        id="a status and headers that are none",
    ),
    pytest.param(answers(302), id="a status that is a number"),
    pytest.param(answers(b"302 Found"), id="a status in bytes"),
    pytest.param(answers("302 Found", (1, "x")), id="a header's name that is a number"),
    pytest.param(answers("302 Found", ("a", "b", "c")), id="a header of three"),
    pytest.param(answers("302 Found", ("Location", 1)), id="a Location that is a number"),
    pytest.param(names_exc_info, id="exc_info by its name"),
    pytest.param(starts_twice, id="two starts"),
    pytest.param(starts_twice_and_goes_on, id="two starts, and on it goes"),
    pytest.param(starts_twice_late, id="two starts, the second in the middle"),
    pytest.param(never_starts, id="no start"),
    pytest.param(never_starts_and_gives_nothing, id="no start and no item"),
    pytest.param(never_starts_and_generates, id="no start in a generator"),
    pytest.param(never_starts_and_returns_none, id="nothing at all"),
    pytest.param(returns_none, id="a start and no body"),
    pytest.param(gives_text, id="text for bytes"),
    pytest.param(raises_first, id="a fault before the start"),
    pytest.param(raises_after_the_start, id="a fault after the start"),
    pytest.param(raises_after_a_write, id="a fault after a write"),
    pytest.param(raises_first_in_a_generator, id="a fault before a late start"),
    pytest.param(raises_in_a_generator, id="a fault after a late start"),
    pytest.param(raises_after_the_first_byte, id="a fault after the first byte"),
    pytest.param(raises_in_close, id="a fault in close"),
    pytest.param(begins_anew_before_the_first_byte, id="exc_info before the first byte"),
    pytest.param(begins_anew_after_the_first_byte, id="exc_info after the first byte"),
    pytest.param(begins_anew_after_an_empty_item, id="exc_info after an empty item"),
    pytest.param(begins_anew_after_a_write, id="exc_info after a write"),
    pytest.param(begins_anew_with_a_redirect, id="a redirect after the start"),
    pytest.param(catches_what_write_raises, id="a client that is gone, and who minds"),
]

# --- a response that is passed --------------------------------------------------------------------


def once(app):
    return EscapeMiddleware(app, DEFAULT)


def twice(app):
    return once(once(app))


def staying(app):
    """One of ours, asked by a visitor whose cookie says: continue here."""
    ours, cookie = once(app), stay_cookie(DEFAULT.policy)
    return lambda environ, start: ours(environ | {"HTTP_COOKIE": cookie}, start)


def measured(app):
    MEASURING.app = app
    return MEASURING


MEASURING = EscapeMiddleware(lists, {"version": 1, "secret": SECRET, "events": {"log": True}})
OK = ("200 OK", [TEXT, ("X-Own", "1")])
PASSED = [
    pytest.param(once, environ_of(CHROME_DESKTOP), OK, id="a browser"),
    pytest.param(once, environ_of(TIKTOK_IOS), OK, id="a watched webview"),
    pytest.param(twice, environ_of(TIKTOK_IOS), OK, id="a watched webview and two of ours"),
    pytest.param(
        once,
        environ_of(TIKTOK_IOS),
        ("302 Found", [TEXT, ("Location", NEWS)]),
        id="a watched webview whose redirect stands",
    ),
    pytest.param(
        staying,
        environ_of(TIKTOK_IOS),
        ("303 See Other", [("Location", TRACK), TEXT]),
        id="a webview that stays",
    ),
    pytest.param(
        measured,
        environ_of(TIKTOK_IOS),
        ("302 Found", [TEXT, ("Location", NEWS)]),
        id="a measured webview whose redirect stands",
    ),
]
SERVERS = [
    {},
    {"patience": 1},
    {"patience": 0},
    {"broken": True},
]  # as it should be; stops early; never begins; loses its client


@pytest.mark.parametrize(("wrap", "environ", "says"), PASSED)
@pytest.mark.parametrize("app", CONFORMING + SAYING + UNRULY)
def test_a_passed_response_reaches_every_server_as_it_is(app, wrap, environ, says):
    """Every call in its order, the application's own among them, and every fault."""
    for method, more in product(["GET", "HEAD"], SERVERS):
        bare, ours = (
            Strict(one, environ | {"REQUEST_METHOD": method}, says, **more).run()
            for one in (app, wrap(app))
        )
        assert ours == bare


def test_a_servers_own_word_for_a_response_is_handed_on():
    """Such as gunicorn's ALREADY_HANDLED, for a websocket that the site has answered itself."""
    word = object()
    ours = once(lambda environ, start_response: word)  # noqa: ARG005
    assert ours(environ_of(TIKTOK_IOS), lambda *_: None) is word


class Unreadable:
    """A request body that nobody may so much as look at."""

    def __getattribute__(self, name):
        raise AssertionError(name)


REQUESTS = [
    pytest.param(environ_of(), id="a desktop browser"),
    pytest.param(environ_of(SAFARI, "/presave/x"), id="Safari on a guarded path"),
    pytest.param(environ_of(TIKTOK_IOS), id="TikTok where the site does not redirect"),
    pytest.param(
        environ_of(TIKTOK_IOS, CONTENT_LENGTH="3", CONTENT_TYPE="text/plain"),
        id="a GET with a body",
    ),
    pytest.param(
        environ_of(TIKTOK_IOS, REQUEST_METHOD="POST", CONTENT_LENGTH="3"), id="a POST from TikTok"
    ),
    pytest.param(
        environ_of(
            TIKTOK_IOS,
            REQUEST_METHOD="POST",
            HTTP_TRANSFER_ENCODING="chunked",
            **{"wsgi.input_terminated": True},
        ),
        id="a body in chunks, whose length nobody knows",
    ),
    pytest.param(
        environ_of(
            TIKTOK_IOS,
            HTTP_EXPECT="100-continue",
            HTTP_UPGRADE="websocket",
            HTTP_CONNECTION="Upgrade",
        ),
        id="hop-by-hop request headers",
    ),
    pytest.param(
        environ_of(
            TIKTOK_IOS,
            **{"wsgi.file_wrapper": FileWrapper, "some.server": object(), "ODD": ["a", "list"]},
        ),
        id="keys of the server's own",
    ),
    pytest.param(environ_of(UNNAMED_ANDROID), id="an unnamed webview"),
    pytest.param(environ_of("", HTTP_X_REQUESTED_WITH="XMLHttpRequest"), id="a script's request"),
    pytest.param(
        environ_of(query="_esc=something+else"), id="a parameter that only looks like our marker"
    ),
]


@pytest.mark.parametrize("environ", REQUESTS)
def test_both_sides_are_handed_the_same_objects(environ):
    """The request: environ itself, every key and value, its body unread.

    The response: headers, write and body.
    """
    environ = environ | {"wsgi.input": Unreadable()}
    before = list(environ.items())
    notes, headers = [], [TEXT]
    body = Noted({"tests.note": notes.append}, b"a", b"b")
    seen = []

    def app(environ, start_response):
        seen.extend((environ, start_response("200 OK", headers)))
        return body

    server = Server()
    result = EscapeMiddleware(app, DEFAULT)(environ, server.start_response)

    assert [id(one) for one in seen] == [id(environ), id(server.write)]
    assert [(key, id(value)) for key, value in environ.items()] == [
        (key, id(value)) for key, value in before
    ]
    assert result is body
    assert notes == [], "nothing was asked of it yet"
    assert server.started[0][1] is headers
    assert server.started == [("200 OK", [TEXT], None)]


# --- a redirect that is answered instead ----------------------------------------------------------

ANSWERED = [
    pytest.param(environ_of(TIKTOK_IOS), TRACK, "200 OK", id="with a page"),
    pytest.param(environ_of(LINE_IOS), SMART, "302 Found", id="with a redirect"),
]


OURS = ("start", "item", "raised")


def redirecting(location):
    return "302 Found", [TEXT, ("Location", location)]


@pytest.mark.parametrize(("environ", "location", "status"), ANSWERED)
@pytest.mark.parametrize("app", CONFORMING)
def test_an_answer_of_ours_is_one_start_and_one_item(app, environ, location, status):
    """Nothing that the application writes or gives is sent.

    Its body is read after the answer, as a server reads it, and closed once.
    """
    for method, more in product(["GET", "HEAD"], SERVERS):
        begins = b"<!doctype html>" if (method, status) == ("GET", "200 OK") else b""
        journal = Strict(
            once(app), environ | {"REQUEST_METHOD": method}, redirecting(location), **more
        ).run()
        told = [call for call in journal if call[0] in OURS]
        if more.get("patience") == 0:
            assert [call[:2] for call in told] in ([("start", status)], [])
        else:
            assert [call[:2] for call in told[:1]] == [("start", status)]
            assert [(call[0], call[1][: len(begins) or 1]) for call in told[1:2]] == [
                ("item", begins)
            ]
            assert told[2:] == (
                [("raised", "BrokenPipeError('the client is gone')")] if more.get("broken") else []
            )
        read = {} if told else more  # a late start that nobody waited for
        bare = Strict(app, environ | {"REQUEST_METHOD": method}, redirecting(location), **read)
        assert [call for call in journal if call not in told] == notes(bare.run())


def notes(journal):
    """What an application noted of its body."""
    return [call for call in journal if call in ("asked", "between", "closed")]


def changes_its_mind_in_a_generator(environ, start):
    say(environ, start)
    fail(start)
    yield b"sorry"


LOST = [
    pytest.param(begins_anew_before_the_first_byte, id="exc_info, and another response"),
    pytest.param(
        changes_its_mind_in_a_generator, id="exc_info in a generator, and another response"
    ),
    pytest.param(raises_after_the_start, id="a fault after the redirect"),
    pytest.param(raises_in_a_generator, id="a fault after a late redirect"),
]


@pytest.mark.parametrize("app", LOST)
def test_a_redirect_that_is_taken_back_is_not_answered(app):
    """The server sees what it would have seen, but for the redirect itself."""
    says = redirecting(TRACK)
    bare, ours = (Strict(one, environ_of(TIKTOK_IOS), says).run() for one in (app, once(app)))
    assert bare[0] == ("start", *says, None)
    assert ours == bare[1:]


def test_a_fault_while_an_unsent_redirect_is_closed_is_told():
    journal = Strict(once(raises_in_close), environ_of(TIKTOK_IOS), redirecting(TRACK)).run()
    assert [call if isinstance(call, str) else call[0] for call in journal] == [
        "start",
        "item",
        "asked",
        "asked",
        "closed",
        "raised",
    ]
    assert journal[-1] == ("raised", "RuntimeError('lost')")


def test_an_answer_before_the_application_is_asked_leaves_the_request_alone():
    """The site may be asked after all, by whatever stands outside.

    `environ` and the body are as they were.
    """
    asked = []
    app = EscapeMiddleware(lambda *_: asked.append(1), PAGE)
    environ = environ_of(TIKTOK_IOS, CONTENT_LENGTH="3") | {"wsgi.input": Unreadable()}
    before = list(environ.items())
    server = Server()
    assert b"".join(app(environ, server.start_response)).startswith(b"<!doctype html>")
    assert (asked, len(server.started)) == ([], 1)
    assert [(key, id(value)) for key, value in environ.items()] == [
        (key, id(value)) for key, value in before
    ]


# --- between linters ------------------------------------------------------------------------------

LINTED = [
    (validator, "GET"),
    (validator, "HEAD"),
    (webtest_lint, "GET"),
    (webtest_lint, "HEAD"),
    (LintMiddleware, "GET"),
]  # it miscounts HEAD
BY_ITSELF = pytest.param(
    lambda app: EscapeMiddleware(app, PAGE),
    environ_of(TIKTOK_IOS),
    OK,
    id="a page before the application is asked",
)
LENGTHLESS = [
    case for case in CONFORMING if case.values[0] is not answers_head_with_headers_alone
]  # whose length would be that of no bytes


def linted(wrap, app, environ, says):
    """What is raised, the linters' warnings too, with each linter on both sides."""
    for lint, method in LINTED:
        journal = Strict(
            lint(wrap(lint(app))), environ | {"REQUEST_METHOD": method, "SCRIPT_NAME": ""}, says
        ).run()
        yield from ((lint.__name__, method, call) for call in journal if call[0] == "raised")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("wrap", "environ", "says"), [*PASSED, BY_ITSELF])
@pytest.mark.parametrize("app", CONFORMING + SAYING)
def test_linters_on_both_sides_find_nothing_in_what_is_passed(wrap, environ, says, app):
    assert list(linted(wrap, app, environ, says)) == []


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("environ", "location", "status"), ANSWERED)
@pytest.mark.parametrize("app", LENGTHLESS)
def test_linters_on_both_sides_find_nothing_in_what_is_answered(environ, location, status, app):  # noqa: ARG001
    assert list(linted(once, app, environ, redirecting(location))) == []
