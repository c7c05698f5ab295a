"""The sinks that the rules can name (log, database, Prometheus) and what each of them requires."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from ..web.logs import events as logger
from .event import Event
from .options import EventOptions

Sink = Callable[[Sequence[Event]], object]
NEEDS_EXTRA = {
    "database": "sqlalchemy",
    "prometheus": "prometheus_client",
    "opentelemetry": "opentelemetry",
}
DATABASES = ("sqlite", "postgresql")
SQLITE = re.compile(r"^sqlite(?:\+\w+)?:///(?:file:)?")


def open_sinks(options: EventOptions) -> Iterator[Sink]:
    """The sinks that the rules name, opened.

    Raises ImportError and sqlalchemy.exc.ArgumentError; `unmet_requirements` reports both before.
    """
    if options.log:
        yield log
    if options.database:
        from .database import Database  # noqa: PLC0415 - an extra

        yield Database(options.database, options.keep)
    if options.prometheus:
        from .prometheus import count  # noqa: PLC0415 - an extra

        yield count


def log(events: Sequence[Event]) -> None:
    """Log events at level INFO as JSON Lines, to the logger `escape_mw.events`.

    Raises TypeError, before the first line, for an event that is not JSON.
    """
    for line in [json.dumps(event.as_dict()) for event in events]:
        logger.info("%s", line)


def resolve_sqlite_path(url: str, folder: Path) -> str:
    """The database URL, with the path of a relative SQLite file resolved against `folder`."""
    found = SQLITE.match(url)
    name = url[found.end() :] if found else ""
    if found is None or not name or name.startswith(("/", ":memory:")) or "file:" in found[0]:
        return url
    return f"{found[0]}{(folder / name).absolute()}"


def missing_folder(url: str) -> str:
    """The folder of a SQLite database's file where there is none yet, "" otherwise."""
    if not SQLITE.match(url) or ":memory:" in url:
        return ""
    folder = Path(SQLITE.sub("", url).partition("?")[0]).parent
    return "" if folder.is_dir() else str(folder)


def unmet_requirements(options: EventOptions) -> Iterator[tuple[str, str]]:
    """What the sinks require and do not have, as pairs of an option and a message."""
    for name, module in NEEDS_EXTRA.items():
        if getattr(options, name) and find_spec(module) is None:
            yield name, f"this needs {module}: python -m pip install 'escape-mw[{name}]'"
        elif (
            name == "database" and options.database and (message := _why_unusable(options.database))
        ):
            yield name, message


def _why_unusable(url: str) -> str | None:
    """Why a database URL cannot be used, None if it can. Does not connect."""
    from sqlalchemy import create_engine, make_url  # noqa: PLC0415 - an extra
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

    try:
        if (name := make_url(url).get_backend_name()) not in DATABASES:
            return f"events are written to SQLite or PostgreSQL, not to {name}"
        create_engine(url).dispose()
    except ImportError as error:
        return f"the database's driver is not installed: {error}"
    except (ArgumentError, ValueError):
        return (
            "this is not a database URL as SQLAlchemy writes it, such as sqlite:///events.sqlite3"
        )
    return None
