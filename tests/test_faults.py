"""What goes wrong around us: files, observers, processes, memory. Nobody's request fails for it."""

from __future__ import annotations

import gc
import itertools
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from escape_mw import EscapeMiddleware
from escape_mw.reload import RulesSource

from .agents import SAFARI, TIKTOK_IOS
from .sites import ask_wsgi, plain
from .test_middleware import environ_of

PAGE = b"Open in Spotify"


@pytest.mark.slow
def test_rules_replaced_a_thousand_times_under_load(tmp_path, monkeypatch):
    """Whole, half, broken and gone, while two threads ask: every TikTok visit is answered, every browser passes."""
    monkeypatch.setattr("escape_mw.reload.INTERVAL", 0.0)
    file = tmp_path / "escape.yaml"
    good = "version: 1\nrules: [{{name: 'edit {0}', path: '/**', to: redirect}}]\n"
    file.write_text(good.format(0))
    app = EscapeMiddleware(plain, file)
    monkeypatch.setattr("escape_mw.reload.logger.error", lambda *_: None)
    faults, done = [], threading.Event()

    def visit():
        while not done.is_set():
            try:
                assert PAGE in ask_wsgi(app, "/listen", TIKTOK_IOS)[2]
                assert ask_wsgi(app, "/listen", SAFARI)[0] == 302
            except Exception as error:
                faults.append(error)
                return

    threads = [threading.Thread(target=visit) for _ in range(2)]
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
    assert faults == []


def test_a_clock_that_jumps(tmp_path):
    file = tmp_path / "escape.yaml"
    file.write_text("version: 1\n")
    times = itertools.cycle([100.0, 1e12, 0.0, -5.0, 99.0])
    source = RulesSource(file, lambda: next(times))
    for _ in range(20):
        assert source.current().mode == "act"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_fork_after_load():
    """A server that loads first and forks then: each child answers, and believes what its sibling signed."""
    program = """
import os, sys
from tests.sites import ask_wsgi, plain
from tests.agents import TIKTOK_ANDROID, SAFARI
from escape_mw import EscapeMiddleware
import re
app = EscapeMiddleware(plain)
app.engine.rules.visitors
read, write = os.pipe()
if os.fork() == 0:
    page = ask_wsgi(app, "/smart", TIKTOK_ANDROID)[2].decode()
    os.write(write, re.search(r"_esc=([^#&]*)#Intent", page)[1].encode())
    os._exit(0)
os.wait()
marker, _ = app.engine.rules.markers.take("_esc=" + os.read(read, 4096).decode())
sys.exit(0 if marker.trusted else 1)
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], timeout=60, check=False)
    assert done.returncode == 0


@pytest.mark.slow
def test_memory_stays_where_it_was():
    """200,000 requests with as many agents, half of them of a host app: within 10 MB of the start."""
    program = """
import gc
from tests.test_middleware import environ_of
from tests.agents import SAFARI, TIKTOK_IOS
from escape_mw import EscapeMiddleware
def resident():
    gc.collect()
    return int(open("/proc/self/statm").read().split()[1]) * 4096
start = lambda *_: None
app = EscapeMiddleware(lambda environ, start: [])
safari, tiktok = environ_of(SAFARI), environ_of(TIKTOK_IOS)
def ask(number):
    app({**safari, "HTTP_USER_AGENT": SAFARI.replace("18_6", f"18_{number}")}, start)
    app({**tiktok, "HTTP_USER_AGENT": f"{TIKTOK_IOS} {number}" + "x" * 600, "HTTP_ACCEPT_LANGUAGE": f"de;q=0.{number}"}, start)
for number in range(5_000):
    ask(number)
before = resident()
for number in range(5_000, 105_000):
    ask(number)
print((resident() - before) / 1e6)
"""
    if not Path("/proc/self/statm").exists():
        pytest.skip("needs /proc")
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=300, check=True)
    assert float(done.stdout) < 10


def test_an_optimised_interpreter_checks_as_much():
    """`python -O` takes asserts away; hostile input is refused all the same."""
    program = """
from escape_mw.explain import Explainer
from escape_mw import load, RulesError
told = Explainer(load({"version": 1, "rules": [{"path": "/out", "to": {"query": "url"}}]})).describe(
    {"ua": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) Mobile/1 musical_ly_41.9.0", "url": "/out?url=https://open.spotify.com@evil.example/"})
try:
    load({"version": 1, "rules": [{"path": "/x", "to": "https://evil.example/"}]})
except RulesError:
    print(told["decision"])
"""
    for flag in ("-O", "-OO"):
        done = subprocess.run([sys.executable, flag, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout == "pass\n"


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
