"""What is decided about each example of the catalogue stays what it was, byte for byte.

`decisions.jsonl` beside this file holds, for every example agent and every example URL of the
catalogue, what `escape-mw explain` said when it was last written: `always` is what is the same
each way, None is left out, and markers say their technique only. A change that is meant is written
down anew, and looked at in the diff:

    python -m tests.catalogue
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ..catalogue.sources import sources
from ..support.agents import TIKTOK_ANDROID, TIKTOK_IOS
from ..support.commands import explained
from ..support.marked import short

GOLDEN = Path(__file__).with_name("decisions.jsonl")
RULES = {
    "version": 1,
    "rules": [{"path": "/presave/**", "to": "page"}, {"path": "/**", "to": "redirect"}],
}
LEADS = {
    "track": {"to": "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC"},
    "smart link": {"to": "https://paperlanterns.lnk.to/harbour"},
    "page": {"url": "/presave/x?a=1"},
}
AGENTS = {"TikTok on iOS": {"ua": TIKTOK_IOS}, "TikTok on Android": {"ua": TIKTOK_ANDROID}}

CATALOGUE = sources()


def told(said: dict[str, Any]) -> dict[str, Any]:
    """What is said of a record, in short: a step is its technique, its trigger and its URI."""
    said = json.loads(short(json.dumps(said)))
    said["steps"] = [" ".join(filter(None, step.values())) for step in said["steps"]]
    return without_none(said)


def without_none(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: without_none(inner) for name, inner in value.items() if inner is not None}


def rows_of(
    entry: str, examples: list[dict[str, Any]], ways: dict[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    """A row for each example, which is asked about in several ways."""
    asked = [example | more for example in examples for more in ways.values()]
    said = map(told, explained(asked, RULES if ways is LEADS else None))
    return [row(entry, example, {way: next(said) for way in ways}) for example in examples]


def row(entry: str, asked: dict[str, Any], each: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What is the same whichever way an example is asked about, and what is not."""
    first, *rest = each.values()
    always = {key: first[key] for key in first if all(first[key] == one.get(key) for one in rest)}
    apart = {
        way: {key: value for key, value in one.items() if key not in always}
        for way, one in each.items()
    }
    return {"entry": entry, "asked": asked, "always": always} | apart


def app_rows(app: Any) -> list[dict[str, Any]]:
    """Every example agent of a host app, on its way to each of LEADS."""
    rows = [{"ua": agent} | headers_of(package) for agent, package in app.requests]
    rows += [{"ua": agent} for agent in app.not_examples]
    return rows_of(f"app {app.id}", rows, LEADS)


def headers_of(package: str) -> dict[str, Any]:
    return {"headers": {"X-Requested-With": package}} if package else {}


def destination_rows(entry: Any) -> list[dict[str, Any]]:
    """Every example URL of a destination, on its way out of TikTok, whose visitors are the same."""
    urls = [*(example.url for example in entry.examples), *entry.not_examples]
    rows = rows_of(f"destination {entry.id}", [{"to": url} for url in urls], AGENTS)
    for way in AGENTS:
        for one in rows:
            del one[way]["visitor"]
    return rows


def golden(entry: str | None = None) -> list[dict[str, Any]]:
    """The rows as they were written, of one entry or of all."""
    return [one for one in written() if entry in (None, one["entry"])]


@cache
def written() -> list[dict[str, Any]]:
    return [json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("app", CATALOGUE.apps, ids=lambda app: app.id)
def test_a_host_app_is_led_out_as_before(app):
    assert app_rows(app) == golden(f"app {app.id}")


@pytest.mark.parametrize("entry", CATALOGUE.destinations, ids=lambda entry: entry.id)
def test_a_destination_is_reached_as_before(entry):
    assert destination_rows(entry) == golden(f"destination {entry.id}")


def test_nothing_is_written_down_that_the_catalogue_no_longer_has():
    apps = {f"app {app.id}" for app in CATALOGUE.apps}
    destinations = {f"destination {entry.id}" for entry in CATALOGUE.destinations}
    assert {one["entry"] for one in golden()} == apps | destinations


if __name__ == "__main__":
    for rows in (*map(app_rows, CATALOGUE.apps), *map(destination_rows, CATALOGUE.destinations)):
        for one in rows:
            print(json.dumps(one, ensure_ascii=False, separators=(",", ":")))
