"""What goes wrong around us: files, observers, processes, memory. Nobody's request fails for it."""

from __future__ import annotations

import gc
import itertools
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from escape_mw import EscapeMiddleware, load

from ..support import faults
from ..support.agents import LINE_IOS, SAFARI, TIKTOK_IOS
from ..support.examples import NOW
from ..support.files import look
from ..support.marked import set_clock
from ..support.sites import TARGETS, ask_wsgi, plain
from ..support.wsgi import environ_of

PAGE = b"Play on Spotify"
NOBODY = 65_534

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.mark.slow
def test_rules_replaced_a_thousand_times_under_load(tmp_path, caplog):
    """Whole, half, broken and gone, while two threads ask.

    Every TikTok visit is answered, every browser passes.
    """
    caplog.set_level(logging.CRITICAL, "escape_mw")
    file = tmp_path / "escape.yaml"
    good = "version: 1\nrules: [{{name: 'edit {0}', path: '/**', to: redirect}}]\n"
    file.write_text(good.format(0))
    app = EscapeMiddleware(plain, file)
    failed, done = [], threading.Event()

    def visit():
        while not done.is_set():
            try:
                assert PAGE in ask_wsgi(app, "/listen", TIKTOK_IOS)[2]
                assert ask_wsgi(app, "/listen", SAFARI)[0] == 302
            except Exception as error:
                failed.append(error)
                return

    def reload():
        while not done.is_set():
            look(app)

    threads = [threading.Thread(target=each) for each in (visit, visit, reload)]
    for thread in threads:
        thread.start()
    for edit in range(1000):
        match edit % 4:
            case 0:
                file.write_text(good.format(edit))
            case 1:
                file.write_text(good.format(edit)[: edit % 40])
            case 2:
                (tmp_path / "new").write_text(good.format(edit))
                (tmp_path / "new").replace(file)
            case 3:
                file.unlink()
    done.set()
    for thread in threads:
        thread.join(30)
    assert failed == []


@needs_fork
def test_fork_after_load():
    """A server that loads first and forks then.

    Each child answers, and believes what its sibling signed.
    """
    program = """
import os, re, sys
from tests.support.sites import ask_wsgi, plain
from tests.support.agents import CHROME_ANDROID, SAFARI, TIKTOK_ANDROID
from escape_mw import EscapeMiddleware
reasons = []
app = EscapeMiddleware(plain, observers=[lambda _, decision: reasons.append(decision.reason)])
read, write = os.pipe()
if os.fork() == 0:
    page = ask_wsgi(app, "/smart", TIKTOK_ANDROID)[2].decode()
    os.write(write, re.search(r"_esc=([^#&]*)#Intent", page)[1].encode())
    os._exit(0)
os.wait()
ask_wsgi(app, f"/smart?_esc={os.read(read, 4096).decode()}", CHROME_ANDROID)
sys.exit(0 if reasons == ["arrived"] else 1)
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], timeout=60, check=False)
    assert done.returncode == 0


@pytest.mark.slow
def test_memory_stays_where_it_was():
    """200,000 requests with as many agents, half of them of a host app.

    Within 10 MB of the start.
    """
    program = """
import gc
from tests.support.wsgi import environ_of
from tests.support.agents import SAFARI, TIKTOK_IOS
from escape_mw import EscapeMiddleware
def resident():
    gc.collect()
    return int(open("/proc/self/statm").read().split()[1]) * 4096
start = lambda *_: None
app = EscapeMiddleware(lambda environ, start: [])
safari, tiktok = environ_of(SAFARI), environ_of(TIKTOK_IOS)
def ask(number):
    app({**safari, "HTTP_USER_AGENT": SAFARI.replace("18_6", f"18_{number}")}, start)
    agent, language = f"{TIKTOK_IOS} {number}" + "x" * 600, f"de;q=0.{number}"
    app({**tiktok, "HTTP_USER_AGENT": agent, "HTTP_ACCEPT_LANGUAGE": language}, start)
for number in range(5_000):
    ask(number)
before = resident()
for number in range(5_000, 105_000):
    ask(number)
print((resident() - before) / 1e6)
"""
    if not Path("/proc/self/statm").exists():
        pytest.skip("needs /proc")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert float(done.stdout) < 10


def test_edits_leave_nothing_behind():
    """Ten edits that change every path hold no more than three did, a block for each rule."""

    def edit(number):
        load(
            {
                "version": 1,
                "rules": [{"path": f"/edit{number}/{rule}/*", "to": "page"} for rule in range(200)],
            }
        )
        gc.collect()
        return sys.getallocatedblocks()

    held = [edit(number) for number in range(13)]
    assert held[-1] - held[2] < 200


def test_an_optimised_interpreter_checks_as_much():
    """`python -O` takes asserts away; hostile input is refused all the same."""
    program = """
from tests.support.agents import TIKTOK_IOS
from tests.support.wsgi import Site, environ_of
from escape_mw import load, RulesError
evil = "https://open.spotify.com@evil.example/"
told = Site().ask(environ_of(TIKTOK_IOS, "/out"), evil)
try:
    load({"version": 1, "rules": [{"path": "/x", "to": "https://evil.example/"}]})
except RulesError:
    print(told.status, told.is_ours)
"""
    for flag in ("-O", "-OO"):
        done = subprocess.run(
            [sys.executable, flag, "-W", "ignore", "-c", program],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert done.stdout == "302 Found False\n"


def test_nothing_of_a_request_is_kept():
    """No object of ours holds on to an environ once the request is over."""
    app = EscapeMiddleware(plain)

    class Held(dict):
        pass

    environ = Held(environ_of(TIKTOK_IOS, "/listen"))
    body = app(environ, lambda *_: lambda _: None)
    b"".join(body)
    getattr(body, "close", lambda: None)()
    del body, environ
    gc.collect()
    assert not [held for held in gc.get_objects() if type(held) is Held]


# --- what the site gives us: observers, loggers, an application that dies -------------------------


def served(app, page=True):
    """A browser gets what the bare site gives.

    A visitor in TikTok gets our page, or what the site gives: no other answer.
    """
    for path in ("/listen", "/page"):
        assert ask_wsgi(app, path, SAFARI) == ask_wsgi(plain, path, SAFARI)
        assert ask_wsgi(app, path, TIKTOK_IOS)[0] == (200 if page or path == "/page" else 302)
    assert (PAGE in ask_wsgi(app, "/listen", TIKTOK_IOS)[2]) is page
    assert ask_wsgi(app, "/page", TIKTOK_IOS) == ask_wsgi(plain, "/page", TIKTOK_IOS)


class UnprintableError(Exception):
    def __str__(self):
        raise ValueError("no text")

    __repr__ = __str__


class Timeout(BaseException):
    """As gevent's."""


EXCEPTIONS = [
    pytest.param(RuntimeError("oh"), id="a plain one"),
    pytest.param(UnprintableError(), id="one that cannot be printed"),
    pytest.param(RuntimeError(UnprintableError()), id="one that holds what cannot be printed"),
    pytest.param(RuntimeError("%s %d \x00\r\n \ud800"), id="one whose text reads like a format"),
    pytest.param(StopIteration(), id="StopIteration"),
    pytest.param(StopAsyncIteration(), id="StopAsyncIteration"),
    pytest.param(MemoryError(), id="MemoryError"),
    pytest.param(RecursionError(), id="RecursionError"),
    pytest.param(AssertionError(), id="AssertionError"),
    pytest.param(DeprecationWarning("old"), id="a warning"),
    pytest.param(OSError(28, "No space left on device"), id="a full disk"),
    pytest.param(LookupError(), id="LookupError"),
]


@pytest.mark.parametrize("error", EXCEPTIONS)
def test_an_observer_that_raises_harms_nobody(error, caplog):
    seen = []

    def broken(*_):
        raise error

    app = EscapeMiddleware(
        plain, observers=[broken, lambda _, decision: seen.append(decision.reason)]
    )
    served(app)
    assert seen.count("escape") == 2, "the next observer is told all the same"
    assert caplog.text.count("an observer raised an exception") == len(seen)


LAST_WORDS = [SystemExit, KeyboardInterrupt, GeneratorExit, Timeout]


def dying(error, at):
    """Does nothing but at its `at`th call, when it raises."""
    calls = itertools.count()

    def call(*_):
        if next(calls) == at:
            raise error

    return call


@pytest.mark.parametrize(
    "at", [0, 1], ids=["before the site is asked", "when the site has answered"]
)
@pytest.mark.parametrize("error", LAST_WORDS)
def test_what_ends_a_thread_is_never_swallowed(error, at):
    app = EscapeMiddleware(plain, observers=[dying(error, at)])
    with pytest.raises(error):
        app(environ_of(TIKTOK_IOS, "/listen"), lambda *_: lambda _: None)
    served(app)


def raises_first(*_):
    raise SystemExit


def raises_after_the_start(_, start_response):
    start_response(
        "302 Found", [("Location", "https://open.spotify.com/album/1DFixLWuPkv3KT3TnV35m3")]
    )
    raise SystemExit


def raises_in_its_body(_, start_response):
    start_response("200 OK", [])
    yield b"half"
    raise SystemExit


def raises_in_a_late_start(_, start_response):
    yield b""
    raises_after_the_start(_, start_response)


DYING_SITES = [
    pytest.param(raises_first, id="at once"),
    pytest.param(raises_after_the_start, id="after a redirect that we answer"),
    pytest.param(raises_in_its_body, id="in its body"),
    pytest.param(raises_in_a_late_start, id="after a redirect, in its body"),
]


@pytest.mark.parametrize("agent", [TIKTOK_IOS, SAFARI], ids=["TikTok", "a browser"])
@pytest.mark.parametrize("site", DYING_SITES)
def test_a_site_that_ends_its_thread_ends_it_and_the_next_is_served(site, agent):
    """What it raises comes out, and the same thread may go on.

    Nothing of ours still thinks that it is inside.
    """
    dies = [True]

    def app(environ, start_response):
        return (site if dies[0] else plain)(environ, start_response)

    app = EscapeMiddleware(app)
    with pytest.raises(SystemExit):
        list(app(environ_of(agent, "/listen"), lambda *_: lambda _: None))
    dies[0] = False
    served(app)


class Broken(logging.Handler):
    def emit(self, _):
        raise RuntimeError("a handler of the site's")


def broken_clock(app, _):
    faults.break_clock(app)


def broken_page(_, file):
    file.write_text(json.dumps(faults.failing_template(file.parent, TARGETS["/listen"])))


LOGGED = [
    pytest.param(lambda *_: None, True, id="what we did"),
    pytest.param(broken_clock, False, id="an internal error before the site is asked"),
    pytest.param(broken_page, False, id="an internal error when the site has answered"),
    pytest.param(
        lambda _, file: file.write_text("version: 1\npage: {brand: New}\n"), True, id="an edit"
    ),
    pytest.param(lambda _, file: file.write_text("version: 2\n"), True, id="a broken edit"),
    pytest.param(lambda _, file: file.unlink(), True, id="rules that are gone"),
]


@pytest.mark.parametrize(
    "break_it", [logging.Logger.addHandler, logging.Logger.addFilter], ids=["a handler", "a filter"]
)
@pytest.mark.parametrize(("spoil", "page"), LOGGED)
def test_a_log_that_cannot_be_written_harms_nobody(tmp_path, caplog, spoil, page, break_it):
    file = tmp_path / "escape.yaml"
    file.write_text("version: 1\n")
    app = EscapeMiddleware(plain, file, observers=[lambda *_: 1 / 0])
    logger, broken = logging.getLogger("escape_mw"), Broken()
    broken.filter = broken.emit
    caplog.set_level(logging.INFO, "escape_mw")
    break_it(logger, broken)
    try:
        spoil(app, file)
        look(app)
        served(app, page)
    finally:
        logger.removeHandler(broken)
        logger.removeFilter(broken)


# --- the rules file, while the site runs ----------------------------------------------------------

OFF = "version: 1\nmode: 'off'\n"


@pytest.fixture
def folder():
    """One where nobody is root: for root, no file is closed."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        user = os.geteuid()
        if user == 0:
            os.chown(name, NOBODY, -1)
            os.seteuid(NOBODY)
        try:
            yield Path(name)
        finally:
            os.seteuid(user)


def becomes_a_folder(file):
    file.unlink()
    file.mkdir()


def loses_permission(file):
    file.write_text(OFF)
    file.chmod(0)


def gets_permission(file):
    before = file.stat().st_ctime_ns
    while file.stat().st_ctime_ns == before:  # a file system's clock is slow
        file.chmod(0o644)


def loops(file):
    file.unlink()
    file.symlink_to(file)


def written_anew(file):
    file.rmdir() if file.is_dir() and not file.is_symlink() else file.unlink(missing_ok=True)
    file.write_text(OFF)


SPOILT = [
    pytest.param(lambda file: file.unlink(), written_anew, id="vanishes"),
    pytest.param(
        lambda file: file.write_text("version: 1\nrules: [{path: /x, to: pa"),
        written_anew,
        id="is half written",
    ),
    pytest.param(lambda file: file.write_text(""), written_anew, id="is empty"),
    pytest.param(lambda file: file.write_bytes(b"\x00\xff" * 3000), written_anew, id="is no text"),
    pytest.param(lambda file: file.write_text("a: " * 3000), written_anew, id="is no YAML"),
    pytest.param(lambda file: file.write_text("[" * 3000), written_anew, id="is too deep"),
    pytest.param(lambda file: file.write_bytes(b" " * 2_000_000), written_anew, id="is too large"),
    pytest.param(becomes_a_folder, written_anew, id="is a folder"),
    pytest.param(loops, written_anew, id="links to itself"),
    pytest.param(loses_permission, written_anew, id="may not be read"),
    pytest.param(loses_permission, gets_permission, id="may not be read, and then it may"),
    pytest.param(
        lambda file: file.parent.chmod(0),
        lambda file: file.parent.chmod(0o755) or file.write_text(OFF),
        id="is in a folder that may not be read",
    ),
    pytest.param(
        lambda file: file.parent.rename(f"{file.parent}-gone"),
        lambda file: Path(f"{file.parent}-gone").rename(file.parent),
        id="goes with its folder",
    ),
]


@pytest.mark.parametrize(("spoil", "mend"), SPOILT)
def test_the_last_good_rules_stay_while_the_file(folder, caplog, spoil, mend):
    file = folder / "escape.yaml"
    file.write_text("version: 1\n")
    app = EscapeMiddleware(plain, file)
    served(app)
    spoil(file)
    look(app)
    served(app)
    assert "rules not reloaded" in caplog.text, "a fault of the site's, and none of ours"
    assert "internal error" not in caplog.text
    mend(file)
    look(app)
    served(app, page=file.read_text() != OFF)


DEATHS = [SystemExit, KeyboardInterrupt, Timeout, MemoryError, RecursionError, OSError]


def dies_in(file, error):
    """An application whose edited rules were being read when the thread that read them died."""
    file.write_text("version: 1\n")
    app = EscapeMiddleware(plain, faults.Path(file, dying(error, 0)))
    died = []

    def read():
        try:
            look(app)
        except BaseException as last:
            died.append(type(last))

    file.write_text(OFF)
    thread = threading.Thread(target=read)
    thread.start()
    thread.join(30)
    assert died == ([] if issubclass(error, Exception) else [error])
    return app


@pytest.mark.parametrize("error", DEATHS)
def test_a_thread_that_dies_while_it_looks_at_the_rules_keeps_nobody_from_looking(tmp_path, error):
    app = dies_in(tmp_path / "escape.yaml", error)
    (tmp_path / "escape.yaml").write_text(f"{OFF}detect: false\n")
    look(app)
    served(app, page=False)


@pytest.mark.parametrize("error", DEATHS)
def test_the_edit_that_was_being_read_then_is_in_force_at_the_next_look(tmp_path, error):
    app = dies_in(tmp_path / "escape.yaml", error)
    look(app)
    served(app, page=False)


FORKED = """
import os, pathlib, signal, sys, threading
from escape_mw import EscapeMiddleware
from tests.support import faults
from tests.support.files import look
from tests.support.agents import SAFARI, TIKTOK_IOS
from tests.support.sites import ask_wsgi, plain

file = pathlib.Path(sys.argv[1])
file.write_text("version: 1\\n")
reading, go_on, parent = threading.Event(), threading.Event(), os.getpid()

def slow():
    if os.getpid() == parent:
        reading.set()
        go_on.wait(60)

app = EscapeMiddleware(plain, faults.Path(file, slow))
file.write_text("version: 1\\npage: {brand: One}\\n")
thread = threading.Thread(target=look, args=[app])
thread.start()
reading.wait(30)
child = os.fork()
if child == 0:
    signal.alarm(30)
    same = ask_wsgi(app, "/listen", SAFARI) == ask_wsgi(plain, "/listen", SAFARI)
    page = b"Play on Spotify" in ask_wsgi(app, "/listen", TIKTOK_IOS)[2]
    file.write_text("version: 1\\nmode: 'off'\\n")
    look(app)
    off = ask_wsgi(app, "/listen", TIKTOK_IOS)[0] == 302
    print(same, page, off, flush=True)
    os._exit(0)
os.waitpid(child, 0)
go_on.set()
thread.join(30)
"""


@pytest.fixture(scope="module")
def child_of_a_reload(tmp_path_factory):
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-c",
        FORKED,
        str(tmp_path_factory.mktemp("forked") / "escape.yaml"),
    ]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=90, check=True
    ).stdout.split()


@needs_fork
def test_fork_while_another_thread_reads_the_rules(child_of_a_reload):
    """The lock that it holds is held for good in the child: that must not matter."""
    assert child_of_a_reload[:2] == ["True", "True"], "everybody is served"


@needs_fork
def test_a_child_forked_then_sees_later_edits(child_of_a_reload):
    assert child_of_a_reload[2:] == ["True"]


# --- clocks ---------------------------------------------------------------------------------------

LIFE = 600  # seconds that a marker holds
JUMPS = [-1_700_000_000, -86_400, -1, 0, 1, LIFE, LIFE + 1, 86_400, 3_000_000_000]


def sites_own(app, path):
    """What a browser gets in the end that follows a hand-over's URL: a marker goes first."""
    if "_esc" in path:
        status, headers, _ = ask_wsgi(app, path, SAFARI)
        path = dict(headers)["location"]
        assert (status, path) == (302, "/smart")
    return ask_wsgi(app, path, SAFARI)


@pytest.mark.parametrize(
    "secrets",
    [("one secret for both",) * 2, ("one secret of its own", "another of its own")],
    ids=["one secret", "two secrets"],
)
@pytest.mark.parametrize("jump", JUMPS)
def test_a_clock_that_jumps_while_a_visitor_is_away(jump, secrets):
    """LINE's visitor is redirected by itself once.

    Then there is the page; a browser meets the site.
    """
    here, there = (EscapeMiddleware(plain, {"version": 1, "secret": secret}) for secret in secrets)
    path, statuses = "/smart", []
    for app, moment in [(here, NOW), (there, NOW + jump)]:
        set_clock(here, moment)
        set_clock(there, moment)
        status, headers, _ = ask_wsgi(app, path, LINE_IOS)
        statuses.append(status)
        path = dict(headers).get("location", "").removeprefix("https://site.example") or path
        assert sites_own(there, path) == ask_wsgi(plain, "/smart", SAFARI)
    assert statuses == [302, 200]


@pytest.mark.parametrize(
    "moment",
    [-1, -(10**12), 2**48, 2**70],
    ids=["before 1970", "long before", "far away", "farther"],
)
def test_a_clock_that_tells_no_time_of_ours(moment):
    """What is signed then is taken for ours all the same: the visitor's way out ends."""
    app = EscapeMiddleware(plain)
    set_clock(app, moment)
    status, headers, _ = ask_wsgi(app, "/smart", LINE_IOS)
    marked = dict(headers)["location"].removeprefix("https://site.example")
    assert (status, ask_wsgi(app, marked, LINE_IOS)[0]) == (302, 200)
    assert sites_own(app, marked) == ask_wsgi(plain, "/smart", SAFARI)
    assert ask_wsgi(app, "/smart", TIKTOK_IOS)[0] == 200
