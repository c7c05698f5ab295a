"""A site, and gates in front of it: real servers, each on a port or a socket of its own."""

from __future__ import annotations

import json
import signal
import socket
import threading
from pathlib import Path

import pytest

from ..support.real_http import Served
from .asking import ask
from .site import Origin

ROOT = Path(__file__).parent.parent.parent
RULES = """\
version: 1
secret: a secret for tests only
events: {database: "sqlite:///DATABASE", outcomes: [pre-save]}
rules:
  - {name: pre-save, path: "/presave/**", to: page}
  - {name: bio, path: "/listen/{slug}", to: "https://open.spotify.com/album/1DFixLWuPkv3KT3TnV35m3"}
  - {name: out, path: "/go/**", to: redirect}
  - {name: forms, path: "/sign-in", to: redirect}
"""
COMMAND = ("-m", "escape_mw", "gate", "--verbose", "--rules", "RULES", "--site", "SITE")
GUNICORN = ("-m", "gunicorn", "--bind", "127.0.0.1:PORT", "--log-level", "critical")
GUNICORN += ("--worker-class", "gthread", "--threads", "64", "escape_mw.edge.gate:application")


@pytest.fixture
def origin():
    site = Origin()
    yield site
    site.stop()


@pytest.fixture
def rules(tmp_path):
    return written(tmp_path)


def written(folder, text=RULES):
    path = folder / "escape.yaml"
    path.write_text(text.replace("DATABASE", str(folder / "events.sqlite3")))
    return path


class Gate(Served):
    """A gate on waitress, with its own log of the requests that reached it."""

    def __init__(self, rules, site):
        words = [{"RULES": str(rules), "SITE": site}.get(word, word) for word in COMMAND]
        super().__init__(*words, "--listen", "127.0.0.1:PORT", folder=ROOT)
        self.said = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                self.said.append(json.loads(line))

    def has_seen(self, path):
        return any(line["path"] == path for line in self.said)

    def stop(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait(60)
        self._reader.join()
        self.process.stdout.close()

    def lines(self):
        """End it; what it said of each request."""
        self.stop()
        return self.said


def gunicorn(rules, site):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ESCAPE_MW_RULES", str(rules))
        patch.setenv("ESCAPE_MW_SITE", site)
        served = Served(*GUNICORN, folder=ROOT)
    ask(served.url, "/_escape/health")  # it listens before it has loaded the application
    return served


def refusing():
    """An address of this machine where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
