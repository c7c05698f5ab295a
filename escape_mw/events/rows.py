"""Events and tallies as rows: what a database can take, and the statements that write it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any

import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite

from ..web.days import DAY, date_of
from .event import COUNTED, STAGES, Event, Record, Tally
from .options import MAX_ROWS
from .tables import EVENTS, TALLIES

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
UPSERTS: dict[str, Callable[[sql.Table], Any]] = {
    "postgresql": postgresql.insert,
    "sqlite": sqlite.insert,
}


def require_storable(record: Record) -> None:
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


def write(connection: sql.Connection, records: Sequence[Record], room: int = MAX_ROWS) -> int:
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
        return connection.exec_driver_sql(INSERT_ROWS, list(rows)).rowcount
    columns = dict(zip(ROW, map(_array, zip(*rows, strict=True)), strict=True))
    return connection.execute(INSERT_COLUMNS, columns).rowcount


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


def _row(event: Event) -> tuple[Any, ...]:
    fields = event if event.day else event._replace(day=event.time // DAY)
    return (*fields, event.stage_key)
