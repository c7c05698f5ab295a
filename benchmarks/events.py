"""What events cost: an escape answer with and without them, a browser's request, the write rate.

    python -m pip install -e '.[database]'
    python -m benchmarks.events [EVENTS]

Prints two tables in Markdown. The first is of one interleaved run on one core, in bursts. Events
are written between the bursts, as the writer thread does it between requests. The second writes
1,000,000 events, or EVENTS of them, to a SQLite file, and to PostgreSQL if ESCAPE_MW_POSTGRES is
its URL, as SQLAlchemy writes it.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sql

from escape_mw import EscapeMiddleware, Event
from escape_mw.events import recorder
from escape_mw.events.database import Database
from escape_mw.events.recorder import BATCH_SIZE
from escape_mw.events.tables import METADATA
from tests.support import agents

from .requests import copied, environ_of, redirecting, site

BURSTS, BURST = 150, 200
SECRET = "a secret for benchmarks"
PAGE = {"version": 1, "secret": SECRET, "rules": [{"path": "/**", "to": "page"}]}
REDIRECT = {"version": 1, "secret": SECRET}
TRIAL = {
    **PAGE,
    "rules": [{"path": "/**", "to": "page", "experiment": {"name": "autumn", "holdout": 1e-9}}],
}
Run = Callable[[], Any]


def cases(folder: Path) -> dict[str, tuple[Run, Run, list[EscapeMiddleware]]]:
    """Name -> the request without events, the same with events, the middlewares that record."""
    fan, line, browser = (
        environ_of(agents.TIKTOK_ANDROID),
        environ_of(agents.LINE_IOS),
        environ_of(agents.SAFARI),
    )
    found = {}
    for name, app, rules, environ in (
        ("escape answer: a page (rule: page)", site, PAGE, fan),
        ("escape answer: a page (the site's redirect)", redirecting, REDIRECT, fan),
        ("escape answer: a redirect", site, PAGE, line),
        ("escape answer: a page in an experiment", site, TRIAL, fan),
        ("a browser's request", site, PAGE, browser),
        ("a browser's request for the redirect", redirecting, REDIRECT, browser),
    ):
        database = {"events": {"database": f"sqlite:///{folder / str(len(found))}.sqlite3"}}
        plain = EscapeMiddleware(app, PAGE if rules is TRIAL else rules)
        measured = EscapeMiddleware(app, {**rules, **database})
        found[name] = copied(plain, environ), copied(measured, environ), [measured]
    return found


def burst(run: Run) -> float:
    """Microseconds per request, over many in a row."""
    started = time.perf_counter()
    for _ in range(BURST):
        run()
    return (time.perf_counter() - started) / BURST * 1e6


def flush(middlewares: list[EscapeMiddleware]) -> None:
    for middleware in middlewares:
        middleware.engine.state.measurement.recorder.flush()  # type: ignore[union-attr]


def costs(folder: Path) -> None:
    recorder.INTERVAL = 3600  # the second table measures the writer's time
    measured = cases(folder)
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in measured}
    for _ in range(BURSTS):
        for name, (without, with_events, middlewares) in measured.items():
            times[name][0].append(burst(without))
            times[name][1].append(burst(with_events))
            flush(middlewares)
    print(
        "| per request | without events, µs | with events, µs | they add, µs |\n|---|---|---|---|"
    )
    for name, (without, with_events) in times.items():
        added = statistics.median(
            after - before for before, after in zip(without, with_events, strict=True)
        )
        print(
            f"| {name} | {statistics.median(without):.1f} | {statistics.median(with_events):.1f} "
            f"| {added:.2f} |"
        )


def visits(number: int) -> Iterator[list[Event]]:
    """`number` events in batches, four to a visit, as a site records them."""
    stages = [
        ("eligible", "", ""),
        ("shown", "intent", "tap"),
        ("tapped", "intent", "tap"),
        ("arrived", "intent", "tap"),
    ]
    batch = []
    for at in range(number):
        name, technique, trigger = stages[at % 4]
        about = ("bio link", "tiktok", "41", "android", "spotify", "track", "app")
        batch.append(
            Event(
                1_790_000_000 + at // 40,
                f"{at // 4 * 2654435761 % 2**48:012x}",
                name,
                *about,
                technique,
                trigger,
                rule_version="0123abcd",
            )
        )
        if len(batch) == BATCH_SIZE:
            yield batch
            batch = []
    if batch:
        yield batch


def write(name: str, url: str, number: int) -> str:
    """A row of the second table. Making the events is not timed."""
    database, took = Database(url), 0.0
    for batch in visits(number):
        started = time.perf_counter()
        database(batch)
        took += time.perf_counter() - started
    started = time.perf_counter()
    with database.reading() as connection:
        kept = connection.execute(sql.text("SELECT count(*) FROM escape_mw_events")).scalar()
    counted = time.perf_counter() - started
    started = time.perf_counter()
    exported = sum(1 for _ in database.read())
    read = time.perf_counter() - started
    assert kept == exported == number, (kept, exported)
    database.close()
    return (
        f"| {name} | {number:,} | {took:.1f} | {number / took:,.0f} "
        f"| {counted:.2f} | {number / read:,.0f} |"
    )


def rates(folder: Path, number: int) -> None:
    print(
        f"\n| {BATCH_SIZE:,} a transaction | events | s | written a second | counted in s "
        "| read a second |\n|---|---|---|---|---|---|"
    )
    file = folder / "million.sqlite3"
    print(write("SQLite", f"sqlite:///{file}", number))
    if url := os.environ.get("ESCAPE_MW_POSTGRES"):
        engine = sql.create_engine(url)
        try:
            print(write("PostgreSQL", url, number))
        finally:
            METADATA.drop_all(engine)
            engine.dispose()
    print(f"\nSQLite's file has {file.stat().st_size / number:.0f} bytes an event.")


def main() -> None:
    number = int(sys.argv[1].replace(",", "")) if len(sys.argv) > 1 else 1_000_000
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as name:
        costs(Path(name))
        rates(Path(name), number)


if __name__ == "__main__":
    main()
