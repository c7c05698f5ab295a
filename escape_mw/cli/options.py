"""What several commands share: the rules file, the events database, and how their errors end."""

from __future__ import annotations

import secrets
import sys
from calendar import timegm
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..rules import Rules, RulesError, load, load_to_read
from ..web.days import FORM

if TYPE_CHECKING:
    from ..events.database import Database

Command = TypeVar("Command", bound=Callable[..., Any])
SAMPLE_SONG = "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC"
MISSING = "the report needs more: python -m pip install 'escape-mw[report]'"
EXTRAS = {"sqlalchemy", "scipy", "numpy"}
SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
LIFT = click.FloatRange(0, min_open=True)
NEEDS_DATABASE = "the events database needs more: python -m pip install 'escape-mw[database]'"


def rules_option(
    what: str = "Rules file. Default: built-in rules.", *, required: bool = False
) -> Callable[[Command], Command]:
    """The option that names the rules file; `what` is its help text."""
    path = click.Path(dir_okay=False)
    return click.option("--rules", "rules_file", type=path, required=required, help=what)


def since_option(what: str) -> Callable[[Command], Command]:
    """The option that names the first day; the command gets its first second, or 0."""
    return _day_option("--since", f"Only {what} from this day (UTC) on.")


def until_option(what: str) -> Callable[[Command], Command]:
    """The option that names the day after the last; the command gets its first second, or 0."""
    return _day_option("--until", f"Only {what} before this day (UTC).")


def _day_option(name: str, what: str) -> Callable[[Command], Command]:
    def first_second(_: object, __: object, day: datetime | None) -> int:
        return timegm(day.timetuple()) if day else 0

    return click.option(name, type=click.DateTime([FORM]), callback=first_second, help=what)


def load_or_exit(path: str | None) -> Rules:
    """The rules of a file, for a command that reads; their problems end it with exit code 1."""
    rules: Rules = or_exit(lambda: load_to_read(path, missing_secret) if path else load())
    return rules


def missing_secret(variable: str) -> str:
    """A secret for a command that needs none, where the operator's shell does not have the site's.

    It is told on standard error.
    """
    click.echo(f"note: {variable} is not set here; the site needs it", err=True)
    return secrets.token_urlsafe(32)


def or_exit(make: Callable[[], Any]) -> Any:
    """What `make` makes; problems of the rules end the command with exit code 1."""
    try:
        return make()
    except RulesError as error:
        click.echo(str(error), err=True)
        sys.exit(1)


def database_options(command: Command) -> Command:
    """The two options that say which events database a command is about."""
    rules = rules_option("Rules file that names the database.")
    database = click.option(
        "--db",
        "url",
        metavar="URL",
        help="Events database, such as sqlite:////srv/events.sqlite3. Default: that of --rules.",
    )
    return database(rules(command))


def database_url(url: str | None, rules: Rules | None, rules_file: str | None) -> str:
    """The events database's URL, from one of the two options. Raises click.ClickException."""
    if url is not None:
        return url
    if rules is None:
        raise click.UsageError("give --db, or --rules with an events database")
    if rules.events is None or not rules.events.database:
        raise click.ClickException(
            f"{rules_file}: it names no database; add 'events: {{database: ...}}', or give --db"
        )
    return rules.events.database


@contextmanager
def open_database(url: str) -> Iterator[Database]:
    """The events database; what is wrong with it ends the command, without a password."""
    try:
        from ..events.source import SourceError, open_events  # noqa: PLC0415 - an extra
    except ImportError:
        raise click.ClickException(NEEDS_DATABASE) from None
    try:
        with open_events(url) as database:
            yield database
    except SourceError as error:
        raise click.ClickException(str(error)) from None


@contextmanager
def report_extra() -> Iterator[None]:
    """A missing library of the extra `report` ends the command with what to install."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRAS:
            raise
        raise click.ClickException(MISSING) from None
