"""The database sink: SQLite is the embedded choice, PostgreSQL the one for several machines."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sql
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    SQLAlchemyError,
    StatementError,
)

from ..web.days import DAY, date_of, start_of
from .connections import READS, SETTINGS, connector, create_private, give_back
from .event import Event, Record, Tally
from .options import MAX_ROWS, EventOptions, seconds
from .rows import COLUMNS, LARGEST, require_storable, write
from .tables import EVENTS, TALLIES, migrate, require_known, version

HOUR = 3600  # seconds


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
        self.engine = connector(url)
        self._is_migrated = False
        self._keep, self._max_rows = seconds(keep) if keep else None, max_rows
        self._room, self._next_prune = max_rows, 0.0

    def __call__(self, events: Sequence[Record]) -> None:
        """Write a batch in one transaction. If it raises, nothing of the batch is written.

        Raises TypeError or ValueError for an event that no attempt could write.
        """
        for event in events:
            require_storable(event)
        if not self._is_migrated:
            create_private(self.engine.url)
        self._prune_if_due()
        try:
            with self.engine.begin() as connection:
                if not self._is_migrated:
                    migrate(connection)
                written = write(connection, events, self._room)
        except SQLAlchemyError as error:
            self._is_migrated = False  # the tables may have been dropped meanwhile
            if _is_refusal(error):
                raise ValueError(str(getattr(error, "orig", error))) from None
            raise
        self._is_migrated = True
        self._room -= written

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
            give_back(self.engine)
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


def _is_refusal(error: SQLAlchemyError) -> bool:
    """Whether the fault is a value's (PEP 249, DataError), and would be there again."""
    is_own = isinstance(error, StatementError) and not isinstance(error, DBAPIError)
    return is_own or isinstance(error, DataError)
