"""The visitors that `escape_mw.testing` knows, as the JSON that ships: `python -m tests.catalogue`.

A host app's visitor is one of its examples for each platform; the others stand in `visitors.yaml`.
"""

from __future__ import annotations

import json

import yaml

from escape_mw.decision.model import PHONES
from escape_mw.rules import load

from .sources import FOLDER, SourceApp, sources

DETECTOR = load({"version": 1}).policy.detector
Headers = dict[str, str]


def visitors() -> dict[str, dict[str, Headers]]:
    """Request headers, by visitor and platform."""
    others = yaml.safe_load((FOLDER / "visitors.yaml").read_text("utf-8"))
    outside = {
        name: {where: {"User-Agent": agent} for where, agent in agents.items()}
        for name, agents in others.items()
    }
    return {app.id: _of(app) for app in sources().apps} | outside


def _of(app: SourceApp) -> dict[str, Headers]:
    """One example for each platform: of the newest system, on a phone rather than a tablet."""
    chosen = {}
    for where in PHONES:
        here = [
            ("iPad" not in agent, found.system_version or 0, agent, package)
            for agent, package in app.requests
            for found in [DETECTOR.visitor(agent, {"x-requested-with": package})]
            if found.platform == where
        ]
        if here:
            *_, agent, package = max(here, key=lambda one: one[:2])
            more = {"X-Requested-With": package} if package else {}
            chosen[where] = {"User-Agent": agent, **more}
    return chosen


def text() -> str:
    """The file `visitors.json`, a visitor in each line."""
    rows = (f'"{name}": {json.dumps(agents)}' for name, agents in visitors().items())
    return "{\n" + ",\n".join(rows) + "\n}\n"


if __name__ == "__main__":
    print(text(), end="")
