"""Opens the events database for reading: never creates one, never shows its password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sql
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from ..events.database import Database, holds_events
from ..events.tables import NewerDatabaseError


class SourceError(RuntimeError):
    """The events cannot be read; the message says why, without a password."""


@contextmanager
def open_events(url: str) -> Iterator[sql.Connection]:
    """A connection to the events at `url` (any SQLAlchemy URL), in one transaction.

    All its queries see the database in the same state. Raises SourceError.
    """
    address = _address(url)
    try:
        _require_events(address)
        database = Database(url)
        try:
            with database.reading() as connection:
                yield connection
        finally:
            database.close()
    except ModuleNotFoundError as error:
        raise SourceError(
            f"{_describe(address)}: its driver is missing; install {error.name!r}"
        ) from None
    except NewerDatabaseError as error:
        raise SourceError(f"{_describe(address)}: {error}") from None
    except SQLAlchemyError as error:
        raise SourceError(
            f"{_describe(address)}: cannot be read: {_reason(error, address)}"
        ) from None


def _describe(address: sql.URL) -> str:
    """The database's address without user, password and options, safe to print."""
    name = address.database or ""
    return (
        name
        if address.get_backend_name() == "sqlite"
        else f"{address.get_backend_name()}://{address.host or ''}/{name}"
    )


def _address(url: str) -> sql.URL:
    try:
        address = sql.make_url(url)
        address.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise SourceError(
            "that is not a database URL; one looks like sqlite:////srv/events.sqlite3 "
            "or postgresql+psycopg://user@host/name"
        ) from None
    except ModuleNotFoundError as error:
        raise SourceError(f"the database's driver is missing; install {error.name!r}") from None
    return address


def _require_events(address: sql.URL) -> None:
    """Refuse a database without events, or of a later release, before anything is changed in it."""
    if address.get_backend_name() == "sqlite":
        file = Path((address.database or "").removeprefix("file:"))
        if not file.is_file():
            raise SourceError(
                f"{_describe(address) or ':memory:'}: this file does not exist; "
                "the site creates it with its first event"
            )
    if not holds_events(address.render_as_string(hide_password=False)):
        raise SourceError(
            f"{_describe(address)}: it holds no events; "
            "the site creates the tables with its first event"
        )


def _reason(error: SQLAlchemyError, address: sql.URL) -> str:
    lines = str(getattr(error, "orig", None) or error).strip().splitlines() or [
        type(error).__name__
    ]
    return lines[0].replace(str(address.password), "***") if address.password else lines[0]
