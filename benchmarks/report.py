"""Measure how fast a year of a large label is written, and how long the report of it takes.

    python -m pip install '.[report]'
    python -m benchmarks.report [EVENTS]

Prints a table in Markdown. 3,000,000 events, or EVENTS of them, go to a SQLite file, and to
PostgreSQL if ESCAPE_MW_POSTGRES is its URL, as SQLAlchemy writes it.
"""

from __future__ import annotations

import gc
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sql

from escape_mw.events.database import Database
from escape_mw.events.event import Event
from escape_mw.events.sink_queue import BATCH_SIZE
from escape_mw.events.source import open_events
from escape_mw.events.tables import METADATA
from escape_mw.report.counts import DAY, Scope
from escape_mw.report.html import html
from escape_mw.report.machine import as_json
from escape_mw.report.readings import Plan
from escape_mw.report.summary import summary
from escape_mw.report.text import text

SIZE, DAYS, MONTH = 3_000_000, 365, 28
APPS = {"tiktok": 10, "instagram": 8, "facebook": 3, "snapchat": 1, "threads": 1, "": 1}
WAYS = {
    ("ios", "app"): "app-scheme",
    ("ios", "browser"): "extbrowser",
    ("android", "app"): "intent-app",
    ("android", "browser"): "intent",
}
ARRIVE = 0.55
PRESAVE = {"escape": 0.15, "holdout": 0.10}


def visits(now: int, rng: random.Random) -> Iterator[list[Event]]:
    """Visits with all their stages, drawn by chance; each month has an experiment."""
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
            "experiment": f"release {start // DAY // MONTH}" if arm else "",
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


def batches(size: int, now: int) -> list[Sequence[Event]]:
    """Visits of at least `size` events, in the order in which they came."""
    made, number = [], 0
    for visit in visits(now, random.Random(1)):
        made.append(visit)
        number += len(visit)
        if number >= size:
            break
    rows = [event for visit in sorted(made, key=lambda visit: visit[0].time) for event in visit]
    return [rows[at : at + BATCH_SIZE] for at in range(0, len(rows), BATCH_SIZE)]


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    begun = time.perf_counter()
    return work(), time.perf_counter() - begun


def fill(url: str, made: Sequence[Sequence[Event]]) -> None:
    database = Database(url)
    for batch in made:
        database(batch)
    database.close()


def measure(name: str, url: str, made: Sequence[Sequence[Event]], now: int) -> Any:
    """A row of the table; returns the report of the last month."""
    _, written = timed(lambda: fill(url, made))
    with open_events(url) as database, database.reading() as connection:

        def report(since: int) -> Any:
            return summary(connection, Scope(since=since), Plan(), now)

        since = (now // DAY - MONTH + 1) * DAY
        _, first = timed(lambda: report(since))
        found, month = timed(lambda: report(since))
        _, year = timed(lambda: report(0))
    number = sum(map(len, made))
    figures = f"{number / written:,.0f} | {first:.2f} | {month:.2f} | {year:.1f}"
    print(f"| {name} | {number:,} | {figures} |")
    return found


def main() -> None:
    now = int(time.time())
    made = batches(int(sys.argv[1].replace(",", "")) if sys.argv[1:] else SIZE, now)
    gc.freeze()  # or each collection walks over millions of events, which no site keeps
    print(
        f"| | events | written a second | report of {MONTH} days, s | again | of all |\n"
        "|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        found = measure("SQLite", f"sqlite:///{Path(folder, 'events.sqlite3')}", made, now)
    if url := os.environ.get("ESCAPE_MW_POSTGRES"):
        engine = sql.create_engine(url)
        try:
            assert measure("PostgreSQL", url, made, now) == found
        finally:
            METADATA.drop_all(engine)
            engine.dispose()
    print("\n| the report written as | seconds |\n|---|---|")
    for name, form in (("text", text), ("JSON", as_json), ("HTML", html)):
        print(f"| {name} | {timed(lambda form=form: form(found, {}))[1]:.2f} |")


if __name__ == "__main__":
    main()
