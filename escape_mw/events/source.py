"""Opens the events database for a command: never creates one, never shows its password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sql
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from .database import Database, holds_events
from .tables import NewerDatabaseError


class SourceError(RuntimeError):
    """The events cannot be used; the message says why, without a password."""


@contextmanager
def open_events(url: str) -> Iterator[Database]:
    """The events at `url` (as SQLAlchemy writes it), for as long as a command works with them.

    Raises SourceError, also for what goes wrong with the database meanwhile.
    """
    address = _address(url)
    name = _describe(address)
    try:
        _require_events(address, name)
        database = Database(url)
        try:
            yield database
        finally:
            database.close()
    except ModuleNotFoundError as error:
        raise SourceError(f"{name}: its driver is missing; install {error.name!r}") from None
    except NewerDatabaseError as error:
        raise SourceError(f"{name}: {error}") from None
    except SQLAlchemyError as error:
        raise SourceError(f"{name}: cannot be used: {_reason(error, address)}") from None


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


def _describe(address: sql.URL) -> str:
    """The database's address without user, password and options, safe to print."""
    name = address.database or ":memory:"
    backend = address.get_backend_name()
    return name if backend == "sqlite" else f"{backend}://{address.host or ''}/{name}"


def _require_events(address: sql.URL, name: str) -> None:
    """Refuse a database without events, or of a later release, before anything is changed in it."""
    if address.get_backend_name() == "sqlite":
        file = Path((address.database or "").removeprefix("file:"))
        if not file.is_file():
            raise SourceError(
                f"{name}: this file does not exist; the site creates it with its first event"
            )
    if not holds_events(address.render_as_string(hide_password=False)):
        raise SourceError(
            f"{name}: it holds no events; the site creates the tables with its first event"
        )


def _reason(error: SQLAlchemyError, address: sql.URL) -> str:
    """The first line of what the driver says, without the password, which some drivers repeat."""
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    reason = lines[0] if lines else type(error).__name__
    for password in (address.password, address.query.get("password")):
        reason = reason.replace(str(password), "***") if password else reason
    return reason
