"""The database sink: SQLite is the embedded choice, PostgreSQL the one for several machines."""

from __future__ import annotations

import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from operator import itemgetter
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
from .event import COUNTED, STAGES, Event, Record, Tally
from .options import MAX_ROWS, EventOptions, seconds
from .tables import EVENTS, TALLIES, migrate, require_known, version

BUSY_TIMEOUT = 10  # seconds that SQLite waits for another writer
HOUR = 3600  # seconds
LARGEST = (1 << 63) - 1  # of a BIGINT
KINDS = {type(blank): tuple(map(type, blank)) for blank in (Event(0, "", ""), Tally(""))}
NUMBERS = {
    kind: itemgetter(*(at for at, one in enumerate(kinds) if one is int))
    for kind, kinds in KINDS.items()
}
NAMES = {Event: STAGES, Tally: (*COUNTED, "eligible")}
COLUMNS = [EVENTS.c[name] for name in Event._fields]
ROW = [*(column.name for column in COLUMNS), "once"]
KEY = itemgetter(*map(ROW.index, ("day", "visit", "once")))
# Both have an insert that waits for a concurrent writer of the same key and then skips or updates
# the row (INSERT ... ON CONFLICT): no transaction fails for it. A batch of events is inserted by
# text, for SQLAlchemy's parameters of each row take four times as long: to SQLite as rows, to
# PostgreSQL as columns.
INSERT = "INSERT INTO escape_mw_events ({}) {{}} ON CONFLICT DO NOTHING".format(
    ", ".join(f'"{name}"' for name in ROW)
)
INSERT_ROWS = INSERT.format(f"VALUES ({', '.join('?' * len(ROW))})")
INSERT_COLUMNS = sql.text(
    INSERT.format("SELECT * FROM unnest({})").format(
        ", ".join(
            f"CAST(:{name} AS {'bigint' if kind is int else 'text'}[])"
            for name, kind in zip(ROW, (*KINDS[Event], str), strict=True)
        )
    )
)
COUNTS = {"preserve_rowcount": True}
UPSERTS: dict[str, Callable[[sql.Table], Any]] = {
    "postgresql": postgresql.insert,
    "sqlite": sqlite.insert,
}
# Execution options of a transaction that sees one snapshot and blocks no writer.
READS: dict[str, dict[str, Any]] = {
    "sqlite": {"reads": True},
    "postgresql": {"isolation_level": "REPEATABLE READ"},
}
# What PostgreSQL's defaults cost a report: it sorts a month of visits on disk, and compiles queries
# for longer than they take.
SETTINGS = {"postgresql": ("work_mem = '64MB'", "jit = off")}


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

    def __call__(self, events: Sequence[Record]) -> None:
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

    def read(self, since: int = 0) -> Iterator[Record]:
        """All events of visits from the day of `since` on, by day and time, then the daily tallies.

        `since` is in seconds since 1970.
        """
        order = (EVENTS.c[name] for name in ("day", "time", "visit", "once"))
        with self.reading() as connection:
            rows = connection.execution_options(yield_per=1000).execute(
                sql.select(*COLUMNS).where(EVENTS.c.day >= since // DAY).order_by(*order)
            )
            yield from (Event(*row) for row in rows)
            for tally in connection.execute(
                sql.select(TALLIES).where(TALLIES.c.day >= date_of(since)).order_by(TALLIES.c.day)
            ):
                words = tally.name, tally.rule, tally.app, tally.platform
                yield Tally(*words, start_of(tally.day), tally._mapping["count"])

    def count(self, since: int = 0, before: int = LARGEST) -> int:
        """How many events the visits have from the day of `since` to the one before `before`."""
        which = (EVENTS.c.day >= since // DAY) & (EVENTS.c.day < before // DAY)
        with self.reading() as connection:
            query = sql.select(sql.func.count()).select_from(EVENTS).where(which)
            return int(connection.execute(query).scalar_one())

    def prune(self, before: int) -> int:
        """Delete the events and tallies of the days before that of `before` (seconds since 1970).

        An event is of its visit's day. Returns how many events were deleted.
        """
        return sum(self.prune_by_day(before))

    def prune_by_day(self, before: int) -> Iterator[int]:
        """The same, a day at a time, so that the site can write between; yields each number."""
        with self.engine.begin() as connection:
            migrate(connection)
            connection.execute(sql.delete(TALLIES).where(TALLIES.c.day < date_of(before)))
        oldest = sql.select(sql.func.min(EVENTS.c.day)).where(EVENTS.c.day < before // DAY)
        while True:
            with self.engine.begin() as connection:
                day = connection.execute(oldest).scalar()
                if day is None:
                    return
                gone = connection.execute(sql.delete(EVENTS).where(EVENTS.c.day == day))
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
            for setting in SETTINGS.get(connection.dialect.name, ()):
                connection.exec_driver_sql(f"SET LOCAL {setting}")
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


def _write(connection: sql.Connection, records: Sequence[Record], room: int = MAX_ROWS) -> int:
    """Write events and tallies, and count what is above `room`; returns the number of new rows."""
    # Sorted, since two transactions that lock the same rows in different orders would deadlock.
    rows = sorted((_row(one) for one in records if isinstance(one, Event)), key=KEY)
    rows, over = rows[:room], len(rows[room:])
    written = _insert(connection, rows) if rows else 0
    # Below 0: the driver cannot say.
    repeats = len(rows) - written if written >= 0 else 0
    tallies = [one for one in records if isinstance(one, Tally)]
    for name, number in ("dropped", over), ("repeat", repeats):
        if number:
            tallies.append(Tally(name, time=records[0].time, number=number))
    _add(connection, tallies)
    return max(written, 0)


def _insert(connection: sql.Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Insert those rows whose key is new; returns how many, below 0 where the driver cannot say."""
    if connection.dialect.name == "sqlite":
        return connection.exec_driver_sql(
            INSERT_ROWS, list(rows), execution_options=COUNTS
        ).rowcount
    columns = dict(zip(ROW, map(_array, zip(*rows, strict=True)), strict=True))
    return connection.execute(INSERT_COLUMNS, columns, execution_options=COUNTS).rowcount


def _array(values: Sequence[Any]) -> str:
    """Values as PostgreSQL reads an array (its manual, 8.15.6, "Array Input and Output Syntax").

    Ten times as fast as what its drivers do for lists. Raises ValueError for a NUL, which no text
    of PostgreSQL can hold.
    """
    joined = "\0".join(map(str, values))
    if joined.count("\0") >= len(values):
        raise ValueError("a word of an event holds a NUL")
    quoted = joined.replace("\\", r"\\").replace('"', r"\"")
    return '{"' + quoted.replace("\0", '","') + '"}'


def _add(connection: sql.Connection, tallies: Iterable[Tally]) -> None:
    """Add to the daily counts; in order, as rows are locked by it, too."""
    counts = Counter[tuple[str, ...]]()
    for name, rule, app, platform, time_, number in tallies:
        counts[date_of(time_), name, rule, app, platform] += number
    for values, count in sorted(counts.items()):
        if count:
            key = dict(zip(TALLIES.primary_key.columns.keys(), values, strict=True))
            added = {"count": TALLIES.c.count + count}
            upsert = UPSERTS[connection.dialect.name](TALLIES).values(**key, count=count)
            connection.execute(upsert.on_conflict_do_update(index_elements=list(key), set_=added))


def _require_storable(record: Record) -> None:
    """Raise for a field of a wrong type, which drivers treat differently, and an unknown name."""
    kinds = KINDS[type(record)]
    if tuple(map(type, record)) != kinds:
        for name, value, kind in zip(record._fields, record, kinds, strict=True):
            if not isinstance(value, kind):
                raise TypeError(f"{name} of an event must be {kind.__name__}, not {type(value)}")
    numbers = NUMBERS[type(record)](record)
    if min(numbers) < 0 or max(numbers) > LARGEST:
        raise ValueError("a number of an event is out of range")
    if record.name not in NAMES[type(record)]:
        raise ValueError(f"an event has no name {record.name!r}")


def _is_refusal(error: SQLAlchemyError) -> bool:
    """Whether the fault is a value's (PEP 249, DataError), and would be there again."""
    is_own = isinstance(error, StatementError) and not isinstance(error, DBAPIError)
    return is_own or isinstance(error, DataError)


def _row(event: Event) -> tuple[Any, ...]:
    fields = event if event.day else event._replace(day=event.time // DAY)
    return (*fields, event.stage_key)


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
