"""Measure how long the report takes over a million events in an SQLite file.

    python -m pip install '.[report]'
    python -m benchmarks.report [FILE]

Prints a table in Markdown. With FILE, the events are written to FILE, or read from it if it exists.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy

from escape_mw.events.event import Event
from escape_mw.events.source import open_events
from escape_mw.events.tables import EVENTS, migrate
from escape_mw.report.counts import DAY, Scope
from escape_mw.report.html import html
from escape_mw.report.machine import as_json
from escape_mw.report.readings import Plan
from escape_mw.report.summary import summary
from escape_mw.report.text import text

SIZE = 1_000_000
DAYS = 60
APPS = {"tiktok": 10, "instagram": 8, "facebook": 3, "snapchat": 1, "threads": 1, "": 1}
WAYS = {
    ("ios", "app"): "app-scheme",
    ("ios", "browser"): "extbrowser",
    ("android", "app"): "intent-app",
    ("android", "browser"): "intent",
}
ARRIVE = 0.55
PRESAVE = {"escape": 0.15, "holdout": 0.10}
COLUMNS = [column.name for column in EVENTS.c]


def visits(now: int, rng: random.Random) -> Iterator[list[Event]]:
    """Visits with all their stages, as a site with one experiment would record them."""
    apps, weights = zip(*APPS.items(), strict=True)
    while True:
        start = now - rng.randrange(DAYS * DAY)
        app, platform, goal = (
            rng.choices(apps, weights)[0],
            rng.choice(["ios", "android"]),
            rng.choice(["app", "browser"]),
        )
        arm = rng.choice(["escape", "holdout"]) if goal == "browser" else ""
        facts = {
            "rule": "pre-save" if arm else "bio link",
            "app": app,
            "app_version": "41",
            "platform": platform,
            "goal": goal,
            "rule_version": "1",
            "first": "" if arm == "holdout" else WAYS[platform, goal],
            "handover": "own" if goal == "browser" else "destination",
        }
        facts |= {
            "service": "spotify",
            "kind": "track",
            "experiment": "pre-save" if arm else "",
            "arm": arm,
        }
        first = Event(start, f"{rng.getrandbits(128):032x}", "eligible", **facts)
        yield [first, *stages(first, rng)]


def stages(first: Event, rng: random.Random) -> Iterator[Event]:
    if first.arm and rng.random() < PRESAVE[first.arm]:
        yield first._replace(name="outcome", outcome="presave", time=first.time + 60)
    if first.arm == "holdout":
        return
    way = first._replace(
        technique=WAYS[first.platform, first.goal], trigger="tap", time=first.time + 1
    )
    yield way._replace(name="shown")
    if rng.random() < 0.8:
        yield way._replace(name="tapped")
        if rng.random() < 0.8:
            yield way._replace(name="left")
        if first.goal == "browser" and rng.random() < ARRIVE:
            yield way._replace(name="arrived", time=first.time + 4)
    else:
        yield first._replace(name="continued")


def fill(path: Path, size: int, now: int) -> int:
    """Write visits of at least `size` events; returns the number of events."""
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        migrate(connection)
    engine.dispose()
    rng, rows = random.Random(1), []
    for visit in visits(now, rng):
        rows += visit
        if len(rows) >= size:
            break
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        values = (
            [event.stage_key if name == "once" else getattr(event, name) for name in COLUMNS]
            for event in rows
        )
        names = ", ".join(f'"{name}"' for name in COLUMNS)
        connection.executemany(
            f"INSERT INTO {EVENTS.name} ({names}) VALUES ({', '.join('?' * len(COLUMNS))})", values
        )
    return len(rows)


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    begun = time.perf_counter()
    return work(), time.perf_counter() - begun


def main() -> None:
    now = int(time.time())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(sys.argv[1] if sys.argv[1:] else Path(folder, "events.sqlite3"))
        if not path.exists():
            fill(path, SIZE, now)
        with open_events(f"sqlite:///{path}") as database, database.reading() as connection:
            events = connection.execute(
                sqlalchemy.select(sqlalchemy.func.count()).select_from(EVENTS)
            ).scalar()
            found, first = timed(lambda: summary(connection, Scope(), Plan(), now))
            _, again = timed(lambda: summary(connection, Scope(), Plan(), now))
            _, month = timed(
                lambda: summary(connection, Scope("pre-save", now - 30 * DAY), Plan(), now)
            )
    print("| the report, SQLite | seconds |\n|---|---|")
    print(f"| {events:,} events, counted and read | {first:.1f} |")
    print(f"| the same again | {again:.1f} |\n| one rule, thirty days | {month:.1f} |")
    for name, form in (("text", text), ("JSON", as_json), ("HTML", html)):
        print(f"| written as {name} | {timed(lambda form=form: form(found, {}))[1]:.2f} |")


if __name__ == "__main__":
    main()
