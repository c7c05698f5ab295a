"""`escape-mw events`: take the events out, or let old ones go."""

from __future__ import annotations

import csv
import json
import sys
import time
from calendar import timegm
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from ..problems import RulesError
from ..rules import load
from ..schema import PERIOD
from .event import Event
from .period import seconds
from .sinks import SQLITE, database_exists

if TYPE_CHECKING:
    from .database import Database

EXTRA = "the events database needs more: python -m pip install 'escape-mw[database]'"


def from_database(command: Callable[..., Any]) -> Callable[..., Any]:
    """The two options that say which database a command is about."""
    command = click.option(
        "--rules",
        "rules_file",
        type=click.Path(dir_okay=False),
        help="The rules file that names the database.",
    )(command)
    return click.option(
        "--db",
        "url",
        metavar="URL",
        help="The database itself, such as sqlite:///escape_events.sqlite3.",
    )(command)


def database_url(url: str | None, rules_file: str | None) -> str:
    """The database's URL, from one of the two options. Raises click.ClickException, and never makes a file."""
    if (url is None) == (rules_file is None):
        raise click.UsageError("give either --db or --rules")
    url = url or _of_rules(rules_file)
    if not database_exists(url):
        raise click.ClickException(
            f"{url.removeprefix(SQLITE)}: there is no such file; it is made with the first event"
        )
    return url


@click.group()
def events() -> None:
    """Take the events out, or let old ones go."""


@events.command()
@from_database
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="The first day (UTC) to take.")
@click.option(
    "--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True
)
def export(url: str | None, rules_file: str | None, since: Any, form: str) -> None:
    """Print every event, the oldest first; then what was only counted, by the day."""
    database = _open(database_url(url, rules_file))
    found = database.read(timegm(since.timetuple()) if since else 0)
    _guarded(lambda: _write_csv(found) if form == "csv" else _write_lines(found))


@events.command()
@from_database
@click.option(
    "--older-than", "period", required=True, metavar="PERIOD", help="Such as 90d, 13mo or 2y."
)
def prune(url: str | None, rules_file: str | None, period: str) -> None:
    """Delete what is older than a period."""
    if not PERIOD.fullmatch(period):
        raise click.UsageError(f"--older-than {period!r} is no period such as 90d, 13mo or 2y")
    database = _open(database_url(url, rules_file))
    gone = _guarded(lambda: database.prune(int(time.time()) - seconds(period)))
    click.echo(f"{gone} event{'' if gone == 1 else 's'} deleted")


def _of_rules(rules_file: str | None) -> str:
    try:
        options = load(rules_file).events
    except RulesError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    if options is None or options.database is None:
        raise click.ClickException(
            f"{rules_file}: there is no database; say 'events: {{database: ...}}' there"
        )
    return options.database


def _open(url: str) -> Database:
    try:
        from .database import Database  # noqa: PLC0415 - an extra
    except ImportError:
        raise click.ClickException(EXTRA) from None
    database: Database = _guarded(lambda: Database(url))
    return database


def _guarded(work: Callable[[], Any]) -> Any:
    """What `work` makes; what the database says ends the command."""
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - an extra

    from .tables import NewerDatabaseError  # noqa: PLC0415

    try:
        return work()
    except ImportError as error:
        raise click.ClickException(f"the database's driver is not installed: {error}") from None
    except (SQLAlchemyError, NewerDatabaseError) as error:
        raise click.ClickException(
            f"the database cannot be used: {getattr(error, 'orig', None) or error}"
        ) from None


def _write_lines(found: Iterable[Event]) -> None:
    for event in found:
        sys.stdout.write(json.dumps(event.as_dict()) + "\n")


def _write_csv(found: Iterable[Event]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(Event._fields)
    writer.writerows(found)
