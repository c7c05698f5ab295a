"""The tables of the events database, made or migrated to the newest schema version.

A new database is created by METADATA; `migrations` leads every older one to the same tables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    inspect,
    select,
    text,
)

from .event import WORD_LENGTH
from .migrations import MIGRATIONS

METADATA = MetaData()

# One row for each stage of a visit. Because of the primary key, a second beacon changes nothing. It
# begins with the visit's day, so that what is written, read and deleted together stands together.
EVENTS = Table(
    "escape_mw_events",
    METADATA,
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("visit", String(32), primary_key=True),
    Column("once", String(96), primary_key=True),
    Column("time", BigInteger, nullable=False),
    *(
        Column(name, String(WORD_LENGTH), nullable=False)
        for name in (
            *("name", "rule", "app", "app_version", "platform", "service", "kind", "goal"),
            *("technique", "trigger", "outcome", "experiment", "arm", "rule_version"),
            *("first", "handover", "by", "hints"),
        )
    ),
    Column("planned", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
FIRST = text("once = 'eligible'")
# What a technique's health is read from, in the order of its groups; and when experiments begin.
for columns in (
    ("day", "app", "platform", "goal", "first", "app_version", "handover"),
    ("experiment", "day"),
):
    Index(
        f"escape_mw_events_by_{columns[0]}",
        *(EVENTS.c[name] for name in columns),
        sqlite_where=FIRST,
        postgresql_where=FIRST,
    )
# What is only counted, by the day (UTC): visitors who asked not to be tracked (GPC, DNT), repeats,
# forged tokens, dropped events.
TALLIES = Table(
    "escape_mw_tallies",
    METADATA,
    *(
        Column(name, String(WORD_LENGTH), primary_key=True)
        for name in ("day", "name", "rule", "app", "platform")
    ),
    Column("count", BigInteger, nullable=False),
)
SCHEMA = Table("escape_mw_schema", METADATA, Column("version", Integer, primary_key=True))


NEWEST = len(MIGRATIONS) + 1
LOCK = 0x65736361_7065  # "escape": PostgreSQL's advisory lock; one process at a time migrates


class NewerDatabaseError(RuntimeError):
    """The database has a schema version of a later release of escape_mw."""


def migrate(
    connection: Connection, migrations: Sequence[Callable[[Connection], None]] = MIGRATIONS
) -> int:
    """Migrate the tables to the newest schema, within the caller's transaction.

    Returns the version found, 0 for an empty database.
    Raises NewerDatabaseError if that version is newer than what `migrations` lead to.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    found, newest = version(connection), len(migrations) + 1
    require_known(found, newest)
    if not found:
        METADATA.create_all(connection)
    for migration in migrations[found - 1 :] if found else ():
        migration(connection)
    if found < newest:
        connection.execute(SCHEMA.delete())
        connection.execute(SCHEMA.insert().values(version=newest))
    return found


def version(connection: Connection) -> int:
    """The schema version of the tables, 0 if there are none; nothing is changed."""
    if not inspect(connection).has_table(SCHEMA.name):
        return 0
    return connection.execute(select(SCHEMA.c.version)).scalar() or 0


def require_known(found: int, newest: int = NEWEST) -> None:
    """Raise NewerDatabaseError for a schema version above `newest`."""
    if found > newest:
        raise NewerDatabaseError(
            f"the events database has form {found}, this release knows {newest} and older ones"
        )
