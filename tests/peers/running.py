"""One run of a project's tests, bare or wrapped, as one of two visitors."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import yaml

from ..support.agents import SAFARI, TIKTOK_IOS
from ..support.examples import SECRET
from .comparison import Run
from .fetching import HERE, ROOT
from .peers import Peer

AGENTS = {"Safari": SAFARI, "TikTok": TIKTOK_IOS}
# What of the full example would let the tests' own requests pass at once, and their hosts.
LEFT_OUT = ("base_url", "exclude")
HOSTS = ["127.0.0.1", "localhost", "testserver"]
# What of the environment would change a run.
CHANGED = ("ESCAPE_MW_MODE", "PYTHONPATH", "DJANGO_SETTINGS_MODULE")


class Place(NamedTuple):
    """Where a project's tests are run: its folder there, its Python, and where to write."""

    tree: Path
    python: Path
    folder: Path


def full_rules(folder: Path) -> Path:
    """A rules file with every option of the example, that judges whatever the tests ask for."""
    form = yaml.safe_load((ROOT / "examples" / "escape.yaml").read_text("utf-8"))
    kept = {key: value for key, value in form.items() if key not in LEFT_OUT}
    kept |= {"allowed_hosts": HOSTS, "detect": True}
    kept["lab"] = {"file": str(folder / "lab.sqlite3")}
    path = folder / "escape.yaml"
    path.write_text(yaml.safe_dump(kept, allow_unicode=True), "utf-8")
    return path


def run(peer: Peer, place: Place, agent: str, name: str, **setup: Any) -> tuple[Run, float]:
    """What the tests came to, and the seconds; `setup` has the other fields of `Setup`.

    What they print is in a file of the run's name.
    """
    output, log = place.folder / "outcomes.json", place.folder / f"{name}.txt"
    output.unlink(missing_ok=True)
    settings = {"peer": peer.name, "runner": peer.runner, "output": str(output)}
    settings |= {"agent": AGENTS[agent], **setup}
    started = time.monotonic()
    with log.open("w", encoding="utf-8") as printed:
        _start(peer, place, json.dumps(settings), printed)
    if not output.exists():
        raise RuntimeError(f"the run did not come to its end: {log}")
    said = json.loads(output.read_text("utf-8"))
    return Run(said["outcomes"], said["seen"]), time.monotonic() - started


def _start(peer: Peer, place: Place, settings: str, printed: TextIO) -> None:
    subprocess.run(
        [str(place.python), str(HERE / "inside" / "run.py"), settings, *peer.words],
        cwd=place.tree / peer.folder,
        env=_environment(),
        stdout=printed,
        stderr=subprocess.STDOUT,
        timeout=900,
        check=False,
    )


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in CHANGED}
    return kept | {"ESCAPE_MW_SECRET": SECRET}
