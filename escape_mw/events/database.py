"""The database sink: SQLite is the embedded choice, PostgreSQL the one for several machines."""

from __future__ import annotations

import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any

import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    SQLAlchemyError,
    StatementError,
)

from ..web.days import DAY, date_of, start_of
from .event import COUNTED, STAGES, Event
from .options import MAX_ROWS, EventOptions, seconds
from .tables import EVENTS, TALLIES, migrate, require_known, version

BUSY_TIMEOUT = 10  # seconds that SQLite waits for another writer
HOUR = 3600  # seconds
LARGEST = (1 << 63) - 1  # of a BIGINT
COLUMNS = [EVENTS.c[name] for name in Event._fields if name != "number"]
NEW = {column.name: sql.bindparam(f"new_{column.name}", type_=column.type) for column in EVENTS.c}
# Both have an insert that waits for a concurrent writer of the same key and then skips or updates
# the row (INSERT ... ON CONFLICT): no transaction fails for it.
UPSERTS: dict[str, Callable[[sql.Table], Any]] = {
    "postgresql": postgresql.insert,
    "sqlite": sqlite.insert,
}
# Execution options of a transaction that sees one snapshot and blocks no writer.
READS: dict[str, dict[str, Any]] = {
    "sqlite": {"reads": True},
    "postgresql": {"isolation_level": "REPEATABLE READ"},
}
NUMBERS = ("time", "planned", "number")
Tally = tuple[str, str, str, str, str]  # day, name, rule, app, platform


class Database:
    """A sink that writes events to a database, each stage of a visit once across all processes.

    A repeat is not written but counted. The first batch creates or migrates the tables.

    - `url`: as SQLAlchemy writes it.
    - `keep`: a period such as 90d, 13mo or 2y; older events are deleted, once an hour.
    - `max_rows`: what comes beyond so many events is not written but counted as dropped. They are
      counted once an hour, by each process.

    Raises sqlalchemy.exc.SQLAlchemyError and, for a later release's database, NewerDatabaseError.
    """

    def __init__(self, url: str, keep: str | None = None, max_rows: int = MAX_ROWS) -> None:
        self.engine = _engine(url)
        self._is_migrated = False
        self._keep, self._max_rows = seconds(keep) if keep else None, max_rows
        self._room, self._next_prune = max_rows, 0.0

    def __call__(self, events: Sequence[Event]) -> None:
        """Write a batch in one transaction. If it raises, nothing of the batch is written.

        Raises TypeError or ValueError for an event that no attempt could write.
        """
        for event in events:
            _require_storable(event)
        if not self._is_migrated:
            create_private(self.engine.url)
        self._prune_if_due()
        try:
            with self.engine.begin() as connection:
                if not self._is_migrated:
                    migrate(connection)
                self._room -= _write(connection, events, self._room)
        except SQLAlchemyError as error:
            self._is_migrated = False  # the tables may have been dropped meanwhile
            if _is_refusal(error):
                raise ValueError(str(getattr(error, "orig", error))) from None
            raise
        self._is_migrated = True

    def read(self, since: int = 0) -> Iterator[Event]:
        """All events from `since` (seconds since 1970) on, oldest first, then the daily tallies."""
        with self.reading() as connection:
            rows = connection.execution_options(yield_per=1000).execute(
                sql.select(*COLUMNS).where(EVENTS.c.time >= since).order_by(EVENTS.c.time)
            )
            yield from (Event(*row) for row in rows)
            for tally in connection.execute(
                sql.select(TALLIES).where(TALLIES.c.day >= date_of(since)).order_by(TALLIES.c.day)
            ):
                yield Event(
                    start_of(tally.day),
                    "",
                    tally.name,
                    tally.rule,
                    tally.app,
                    platform=tally.platform,
                    number=tally._mapping["count"],
                )

    def count(self, since: int = 0, before: int = LARGEST) -> int:
        """How many events there are from `since` to `before` (seconds since 1970)."""
        which = (EVENTS.c.time >= since) & (EVENTS.c.time < before)
        with self.reading() as connection:
            query = sql.select(sql.func.count()).select_from(EVENTS).where(which)
            return int(connection.execute(query).scalar_one())

    def prune(self, before: int) -> int:
        """Delete events and tallies before `before` (seconds since 1970).

        Returns how many events were deleted. The tallies of the day of `before` stay.
        """
        return sum(self.prune_by_day(before))

    def prune_by_day(self, before: int) -> Iterator[int]:
        """The same, a day at a time, so that the site can write between; yields each number."""
        with self.engine.begin() as connection:
            migrate(connection)
            connection.execute(sql.delete(TALLIES).where(TALLIES.c.day < date_of(before)))
        oldest = sql.select(sql.func.min(EVENTS.c.time)).where(EVENTS.c.time < before)
        while True:
            with self.engine.begin() as connection:
                first = connection.execute(oldest).scalar()
                if first is None:
                    return
                end = min(first + DAY, before)
                gone = connection.execute(sql.delete(EVENTS).where(EVENTS.c.time < end))
            _give_back(self.engine)
            yield gone.rowcount

    def _prune_if_due(self) -> None:
        now = time.time()
        if now >= self._next_prune:
            self._next_prune = now + HOUR
            if self._keep is not None:
                self.prune(int(now) - self._keep)
            self._room = max(0, self._max_rows - self.count())

    @contextmanager
    def reading(self) -> Iterator[sql.Connection]:
        """A connection that reads one snapshot and blocks no writer; migrates the tables before."""
        with self.engine.begin() as connection:
            migrate(connection)
        with self.engine.execution_options(
            **READS.get(self.engine.dialect.name, {})
        ).begin() as connection:
            yield connection

    def close(self) -> None:
        """Close the connections."""
        self.engine.dispose()


def sink(options: EventOptions) -> Database:
    """The database that the rules name."""
    return Database(options.database or "", options.keep, options.max_rows)


def holds_events(url: str) -> bool:
    """Whether a database has the tables of events; nothing is created or changed in it.

    Raises sqlalchemy.exc.SQLAlchemyError and, for a later release's database, NewerDatabaseError.
    """
    engine = sql.create_engine(url, poolclass=sql.NullPool)
    with engine.connect() as connection:
        found = version(connection)
    require_known(found)
    return found > 0


def create_private(url: sql.URL) -> None:
    """Create a SQLite file that its owner alone may read, unless it is there already."""
    name = url.database or ""
    if url.get_backend_name() != "sqlite" or not name or name.startswith((":", "file:")):
        return
    with suppress(OSError):  # what stands in the way is SQLite's to report
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _give_back(engine: sql.Engine) -> None:
    """Give the file system what is free in a SQLite file; PostgreSQL does so by itself.

    As a script, since every step of the statement frees one page, and a script takes all of them.
    """
    if engine.dialect.name == "sqlite":
        with closing(engine.raw_connection()) as connection:
            connection.driver_connection.executescript("PRAGMA incremental_vacuum")  # type: ignore[union-attr]


def _write(connection: sql.Connection, events: Sequence[Event], room: int = MAX_ROWS) -> int:
    """Write events, and count those above `max_rows`; returns the number of new rows."""
    # Sorted, since two transactions that lock the same rows in different orders would deadlock.
    rows = sorted((_row(event) for event in events if event.visit), key=_key)
    rows, over = rows[:room], len(rows[room:])
    tallies = Counter[Tally]()
    for event in events:
        if not event.visit:
            day = date_of(event.time)
            tallies[day, event.name, event.rule, event.app, event.platform] += event.number
    if over:
        tallies[date_of(events[0].time), "dropped", "", "", ""] += over
    written = 0
    if rows:
        insert = UPSERTS[connection.dialect.name](EVENTS).values(NEW).on_conflict_do_nothing()
        insert = insert.execution_options(preserve_rowcount=True)
        written = connection.execute(insert, rows).rowcount
        if written >= 0:  # below 0: the driver cannot say
            tallies[date_of(events[0].time), "repeat", "", "", ""] += len(rows) - written
    for tally, count in sorted(tallies.items()):
        if count:
            _add(connection, tally, count)
    return max(written, 0)


def _add(connection: sql.Connection, tally: Tally, count: int) -> None:
    key = dict(zip(("day", "name", "rule", "app", "platform"), tally, strict=True))
    connection.execute(
        UPSERTS[connection.dialect.name](TALLIES)
        .values(**key, count=count)
        .on_conflict_do_update(index_elements=list(key), set_={"count": TALLIES.c.count + count})
    )


def _require_storable(event: Event) -> None:
    """Raise for a field of a wrong type, which drivers treat differently, and an unknown name."""
    for name, value in event._asdict().items():
        wanted = int if name in NUMBERS else str
        if not isinstance(value, wanted):
            raise TypeError(f"{name} of an event must be {wanted.__name__}, not {type(value)}")
    if not all(0 <= getattr(event, name) <= LARGEST for name in NUMBERS):
        raise ValueError("a number of an event is out of range")
    if event.name not in (STAGES if event.visit else (*COUNTED, "eligible")):
        raise ValueError(f"an event has no name {event.name!r}")


def _is_refusal(error: SQLAlchemyError) -> bool:
    """Whether the fault is a value's (PEP 249, DataError), and would be there again."""
    is_own = isinstance(error, StatementError) and not isinstance(error, DBAPIError)
    return is_own or isinstance(error, DataError)


def _row(event: Event) -> dict[str, Any]:
    fields = event._asdict() | {"once": event.stage_key}
    return {f"new_{column.name}": fields[column.name] for column in EVENTS.c}


def _key(row: dict[str, Any]) -> tuple[str, str]:
    return row["new_visit"], row["new_once"]


def _engine(url: str) -> sql.Engine:
    # No pool: there are two connections a second at most, and none may outlive a fork.
    engine = sql.create_engine(url, poolclass=sql.NullPool)
    if engine.dialect.name == "sqlite":
        sql.event.listen(engine, "connect", _set_up_sqlite)
        sql.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _begin_sqlite(connection: sql.Connection) -> None:
    """Lock for writing at once: a lock taken later can fail as busy (SQLite, BEGIN IMMEDIATE)."""
    connection.exec_driver_sql(
        "BEGIN" if connection.get_execution_options().get("reads") else "BEGIN IMMEDIATE"
    )


def _set_up_sqlite(connection: Any, _: Any) -> None:
    """Let several processes write and read (SQLite, WAL).

    BEGIN comes from `_begin_sqlite` instead of the driver (SQLAlchemy, pysqlite).
    """
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT * 1000}")
    # Before the first table, or it does nothing but touch the file, which may be anybody's: a new
    # file can then shrink when events are deleted.
    with suppress(sqlite3.DatabaseError):
        if connection.execute("PRAGMA page_count").fetchone() == (0,):
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    # Busy timeout does not apply to this switch. If it fails, another process is making it, and the
    # file keeps the mode.
    with suppress(sqlite3.OperationalError):
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
