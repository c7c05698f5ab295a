"""The tables of the events database, and the migrations from every older schema version."""

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

METADATA = MetaData()

# One row for each stage of a visit. Because of the primary key, a second beacon changes nothing.
EVENTS = Table(
    "escape_mw_events",
    METADATA,
    Column("visit", String(32), primary_key=True),
    Column("once", String(96), primary_key=True),
    Column("time", BigInteger, nullable=False),
    *(
        Column(name, String(WORD_LENGTH), nullable=False)
        for name in (
            *("name", "rule", "app", "app_version", "platform", "service", "kind", "goal"),
            *("technique", "trigger", "outcome", "experiment", "arm", "rule_version"),
            *("first", "handover", "by"),
        )
    ),
    Column("planned", BigInteger, nullable=False),
    Index("escape_mw_events_time", "time"),
    Index("escape_mw_events_experiment", "experiment", "name"),
    sqlite_with_rowid=False,
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


def _say_more_of_visits(connection: Connection) -> None:
    """The rule's own version in place of all rules', and four columns more."""
    statements = ['RENAME COLUMN "rules" TO "rule_version"']
    for name in ("first", "handover", "by"):
        statements.append(f"ADD COLUMN \"{name}\" VARCHAR(64) NOT NULL DEFAULT ''")
    statements.append('ADD COLUMN "planned" BIGINT NOT NULL DEFAULT 0')
    for statement in statements:
        connection.exec_driver_sql(f"ALTER TABLE escape_mw_events {statement}")


# Each migrates from the version before it, the first from version 1. Only append: a released
# migration never changes, and alters tables by SQL, since METADATA moves on. A new database is
# created by METADATA, in the newest version.
MIGRATIONS: Sequence[Callable[[Connection], None]] = (_say_more_of_visits,)
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
