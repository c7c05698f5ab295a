"""The database sink: any database that SQLAlchemy knows; SQLite is the embedded one, PostgreSQL is what machines share."""

from __future__ import annotations

import sqlite3
import time
from calendar import timegm
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from .event import Event
from .period import seconds
from .tables import EVENTS, NAME_LENGTH, TALLIES, migrate

BUSY_TIMEOUT = 10  # seconds to wait for another writer
ATTEMPTS = 5
HOUR = 3600  # seconds
COLUMNS = [EVENTS.c[name] for name in Event._fields if name != "number"]
NEW = {column.name: sql.bindparam(f"new_{column.name}", type_=column.type) for column in EVENTS.c}
# These two have an insert that waits for a concurrent writer of the same key and then skips or
# updates the row (PostgreSQL and SQLite, INSERT ... ON CONFLICT): no transaction fails for it.
UPSERTS: dict[str, Callable[[sql.Table], Any]] = {
    "postgresql": postgresql.insert,
    "sqlite": sqlite.insert,
}
# Standard SQL for other databases. Two processes that insert the same key at the same moment both
# find no row; the primary key refuses the second one, and its batch is tried again.
INSERT_IF_ABSENT = sql.insert(EVENTS).from_select(
    list(NEW),
    sql.select(*NEW.values()).where(
        ~sql.exists().where(EVENTS.c.visit == NEW["visit"], EVENTS.c.once == NEW["once"])
    ),
    include_defaults=False,
)
# What makes a transaction see one moment's state, and keep nobody waiting.
READS: dict[str, dict[str, Any]] = {
    "sqlite": {"reads": True},
    "postgresql": {"isolation_level": "REPEATABLE READ"},
}
Tally = tuple[str, str, str, str, str]  # day, name, rule, app, platform


class Database:
    """Writes events to the database at `url`, whose tables are made or brought up to date with the first of them.

    What is older than `keep` (90d, 13mo, 2y) is deleted, looked for once an hour.
    A second event of one kind in a visit is refused, whichever process it came to, and counted as a repeat.
    Raises sqlalchemy.exc.SQLAlchemyError and NewerDatabaseError.
    """

    def __init__(self, url: str, keep: str | None = None) -> None:
        self.engine = _engine(url)
        self._is_migrated = False
        self._keep = seconds(keep) if keep else None
        self._next_prune = 0.0

    def __call__(self, events: Sequence[Event]) -> None:
        """Write a batch, in one transaction."""
        self._prune_if_due()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self.engine.begin() as connection:
                    if not self._is_migrated:
                        migrate(connection)
                    _write(connection, events)
            except IntegrityError:  # of a database without UPSERTS: see INSERT_IF_ABSENT
                if attempt == ATTEMPTS:
                    raise
            except SQLAlchemyError:
                self._is_migrated = False  # somebody may have taken the tables away
                raise
            else:
                self._is_migrated = True
                return

    def read(self, since: int = 0) -> Iterator[Event]:
        """Every event from `since` (seconds since 1970) on, the oldest first, then what was only counted."""
        with self.reading() as connection:
            rows = connection.execution_options(yield_per=1000).execute(
                sql.select(*COLUMNS).where(EVENTS.c.time >= since).order_by(EVENTS.c.time)
            )
            yield from (Event(*row) for row in rows)
            for tally in connection.execute(
                sql.select(TALLIES).where(TALLIES.c.day >= _day(since)).order_by(TALLIES.c.day)
            ):
                yield Event(
                    _midnight(tally.day),
                    "",
                    tally.name,
                    tally.rule,
                    tally.app,
                    platform=tally.platform,
                    number=tally._mapping["count"],
                )

    def prune(self, before: int) -> int:
        """Delete what is older than `before` (seconds since 1970); returns how many events went."""
        with self.engine.begin() as connection:
            migrate(connection)
            connection.execute(sql.delete(TALLIES).where(TALLIES.c.day < _day(before)))
            return connection.execute(sql.delete(EVENTS).where(EVENTS.c.time < before)).rowcount

    def _prune_if_due(self) -> None:
        now = time.time()
        if self._keep is not None and now >= self._next_prune:
            self._next_prune = now + HOUR
            self.prune(int(now) - self._keep)

    @contextmanager
    def reading(self) -> Iterator[sql.Connection]:
        """A connection to read from, at one moment's state, in nobody's way; the tables are brought up to date before."""
        with self.engine.begin() as connection:
            migrate(connection)
        with self.engine.execution_options(
            **READS.get(self.engine.dialect.name, {})
        ).begin() as connection:
            yield connection

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


def _write(connection: sql.Connection, events: Sequence[Event]) -> None:
    rows = sorted(
        (_row(event) for event in events if event.visit), key=_key
    )  # in one order, or two processes could wait for each other
    tallies = Counter[Tally]()
    for event in events:
        if not event.visit:
            tallies[
                _day(event.time), event.name, _storable(event.rule), event.app, event.platform
            ] += event.number
    if rows:
        upsert = UPSERTS.get(connection.dialect.name)
        insert = upsert(EVENTS).values(NEW).on_conflict_do_nothing() if upsert else INSERT_IF_ABSENT
        insert = insert.execution_options(preserve_rowcount=True)
        written = connection.execute(insert, rows).rowcount
        if written >= 0:  # below 0: the driver cannot say
            tallies[_day(events[0].time), "repeat", "", "", ""] += len(rows) - written
    for tally, count in sorted(tallies.items()):
        if count:
            _add(connection, tally, count)


def _add(connection: sql.Connection, tally: Tally, count: int) -> None:
    key = dict(zip(("day", "name", "rule", "app", "platform"), tally, strict=True))
    if upsert := UPSERTS.get(connection.dialect.name):
        connection.execute(
            upsert(TALLIES)
            .values(**key, count=count)
            .on_conflict_do_update(
                index_elements=list(key), set_={"count": TALLIES.c.count + count}
            )
        )
        return
    same = sql.and_(*(TALLIES.c[name] == value for name, value in key.items()))
    if not connection.execute(
        sql.update(TALLIES).where(same).values(count=TALLIES.c.count + count)
    ).rowcount:
        connection.execute(sql.insert(TALLIES).values(**key, count=count))


def _row(event: Event) -> dict[str, Any]:
    event = event._replace(rule=_storable(event.rule), outcome=_storable(event.outcome))
    fields = event._asdict() | {"once": event.stage_key}
    return {f"new_{column.name}": fields[column.name] for column in EVENTS.c}


def _key(row: dict[str, Any]) -> tuple[str, str]:
    return row["new_visit"], row["new_once"]


def _storable(word: str) -> str:
    """The site's own word, as every database takes it; one that none takes would hold up all the others."""
    return word.replace("\0", "").encode("utf-8", "replace").decode()[:NAME_LENGTH]


def _engine(url: str) -> sql.Engine:
    engine = sql.create_engine(
        url, poolclass=sql.NullPool
    )  # two connections a second at most, and none to outlive a fork
    if engine.dialect.name == "sqlite":
        sql.event.listen(engine, "connect", _set_up_sqlite)
        sql.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _begin_sqlite(connection: sql.Connection) -> None:
    """A writer says so at once, or two of them would find out too late (SQLite, BEGIN IMMEDIATE)."""
    connection.exec_driver_sql(
        "BEGIN" if connection.get_execution_options().get("reads") else "BEGIN IMMEDIATE"
    )


def _set_up_sqlite(connection: Any, _: Any) -> None:
    """Several processes at once (SQLite, WAL); and BEGIN is ours, not the driver's (SQLAlchemy, pysqlite)."""
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT * 1000}")
    with suppress(
        sqlite3.OperationalError
    ):  # nobody waits for this one: another process is at it, and the file stays so
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _day(moment: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(moment))


def _midnight(day: str) -> int:
    return timegm(time.strptime(day, "%Y-%m-%d"))
