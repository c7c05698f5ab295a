"""Connections to the events database, as SQLite and PostgreSQL need them."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from typing import Any

import sqlalchemy as sql

BUSY_TIMEOUT = 10  # seconds that SQLite waits for another writer
# Execution options of a transaction that sees one snapshot and blocks no writer.
READS: dict[str, dict[str, Any]] = {
    "sqlite": {"reads": True},
    "postgresql": {"isolation_level": "REPEATABLE READ"},
}
# What PostgreSQL's defaults cost a report: it sorts a month of visits on disk, and compiles queries
# for longer than they take.
SETTINGS = {"postgresql": ("work_mem = '64MB'", "jit = off")}


def connector(url: str) -> sql.Engine:
    """An engine for the events database at `url`, as SQLAlchemy writes it."""
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


def create_private(url: sql.URL) -> None:
    """Create a SQLite file that its owner alone may read, unless it is there already."""
    name = url.database or ""
    if url.get_backend_name() != "sqlite" or not name or name.startswith((":", "file:")):
        return
    with suppress(OSError):  # what stands in the way is SQLite's to report
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def give_back(engine: sql.Engine) -> None:
    """Give the file system what is free in a SQLite file; PostgreSQL does so by itself.

    As a script, since every step of the statement frees one page, and a script takes all of them.
    """
    if engine.dialect.name == "sqlite":
        with closing(engine.raw_connection()) as connection:
            connection.driver_connection.executescript("PRAGMA incremental_vacuum")  # type: ignore[union-attr]
