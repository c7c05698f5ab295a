"""The sinks that the rules can name: the log, a database, Prometheus; and what each of them needs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from ..logs import events as logger
from ..schema import EventOptions
from .event import Event

Sink = Callable[[Sequence[Event]], object]
NEEDS_EXTRA = {
    "database": "sqlalchemy",
    "prometheus": "prometheus_client",
    "opentelemetry": "opentelemetry",
}
SQLITE = "sqlite:///"


def open_sinks(options: EventOptions) -> Iterator[Sink]:
    """The sinks that the rules name."""
    if options.log:
        yield log
    if options.database:
        from .database import Database  # noqa: PLC0415 - an extra

        yield Database(options.database, options.keep)
    if options.prometheus:
        from .prometheus import count  # noqa: PLC0415 - an extra

        yield count


def log(events: Sequence[Event]) -> None:
    """Write events as JSON Lines to the logger `escape_mw.events`."""
    for event in events:
        logger.info("%s", json.dumps(event.as_dict()))


def resolve_sqlite_path(url: str, folder: Path) -> str:
    """A database URL whose SQLite file, if its path is relative, lies in `folder`."""
    name = url.removeprefix(SQLITE)
    is_file = url.startswith(SQLITE) and name and not name.startswith(("/", ":memory:", "file:"))
    return f"{SQLITE}{(folder / name).absolute()}" if is_file else url


def database_exists(url: str) -> bool:
    """Whether a database's file is there; of a server that has no file, this cannot be said."""
    name = url.removeprefix(SQLITE).partition("?")[0]
    return not url.startswith(SQLITE) or Path(name).exists()


def unmet_requirements(options: EventOptions) -> Iterator[tuple[str, str]]:
    """What a sink needs and does not find, as pairs of the option and the words for it."""
    for name, module in NEEDS_EXTRA.items():
        if getattr(options, name) and find_spec(module) is None:
            yield name, f"this needs {module}: python -m pip install 'escape-mw[{name}]'"
        elif (
            name == "database" and options.database and (message := _why_unusable(options.database))
        ):
            yield name, message


def _why_unusable(url: str) -> str | None:
    from sqlalchemy import create_engine  # noqa: PLC0415 - an extra
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

    try:
        create_engine(url).dispose()
    except ImportError as error:
        return f"the database's driver is not installed: {error}"
    except (ArgumentError, ValueError):
        return (
            "this is not a database URL as SQLAlchemy writes it, such as sqlite:///events.sqlite3"
        )
    return None
