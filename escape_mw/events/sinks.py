"""The sinks that the rules can name, and what each of them requires.

The module of a sink's name has a function `sink`, or `inline_sink`, that takes the options.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from .event import Event, Record
from .options import LIBRARIES, EventOptions

Sink = Callable[[list[Record]], object]  # what is only counted comes as a Tally
DATABASES = ("sqlite", "postgresql")
SQLITE = re.compile(r"^sqlite(?:\+\w+)?:///(?:file:)?")


def open_sinks(options: EventOptions) -> list[Sink]:
    """The sinks that the rules name, opened; each gets lists of events and tallies.

    Raises ImportError and sqlalchemy.exc.ArgumentError; `unmet_requirements` reports both before.
    """
    return [module.sink(options) for module in _modules(options) if hasattr(module, "sink")]


def open_inline_sinks(options: EventOptions) -> list[Callable[[Event], object]]:
    """The same for those that get each event at once, in the thread of its request."""
    found = [module for module in _modules(options) if hasattr(module, "inline_sink")]
    return [module.inline_sink(options) for module in found]


def _modules(options: EventOptions) -> Iterator[ModuleType]:
    names = (name for name in LIBRARIES if getattr(options, name))
    return (import_module(f".{name}", __package__) for name in names)


def resolve_sqlite_path(url: str, folder: Path) -> str:
    """The database URL, with the path of a relative SQLite file resolved against `folder`."""
    found = SQLITE.match(url)
    name = url[found.end() :] if found else ""
    if found is None or not name or name.startswith(":memory:") or "file:" in found[0]:
        return url
    return f"{found[0]}{(folder / name).absolute()}"


def missing_folder(url: str) -> str:
    """The folder of a SQLite database's file where there is none yet, "" otherwise."""
    if not SQLITE.match(url):
        return ""
    folder = Path(SQLITE.sub("", url).partition("?")[0]).parent
    return "" if folder.is_dir() else str(folder)


def unmet_requirements(options: EventOptions) -> Iterator[tuple[str, str]]:
    """What the sinks require and do not have, as pairs of an option and a message."""
    for name, library in LIBRARIES.items():
        if library and getattr(options, name) and find_spec(library) is None:
            yield name, f"this needs {library}: python -m pip install 'escape-mw[{name}]'"
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
