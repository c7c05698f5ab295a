"""`escape-mw events`: export events, or delete old ones."""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import click

from ..events.event import Event, Record
from ..events.options import PERIOD, seconds
from ..web.days import DAY, date_of, iso_of
from .options import database_options, database_url, load_or_exit, open_database, since_option
from .terminal import bar, cell

if TYPE_CHECKING:
    from ..events.database import Database

STEP = 1000  # events between two looks at the progress bar


@click.group()
def events() -> None:
    """Export events, or delete old ones."""


@events.command()
@database_options
@since_option("events")
@click.option(
    "--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True
)
def export(url: str | None, rules_file: str | None, since: int, form: str) -> None:
    """Print every event, oldest first, then the daily counts."""
    write = _write_csv if form == "csv" else _write_lines
    with _opened(url, rules_file) as database:
        write(_followed(database, since))


@events.command()
@database_options
@click.option(
    "--older-than", "period", required=True, metavar="PERIOD", help="Age, such as 90d, 13mo or 2y."
)
def prune(url: str | None, rules_file: str | None, period: str) -> None:
    """Delete events and counts older than a period."""
    if not PERIOD.fullmatch(period):
        raise click.UsageError(f"--older-than {period!r} is not a period such as 90d, 13mo or 2y")
    with _opened(url, rules_file) as database:
        gone = _pruned(database, int(time.time()) - seconds(period))
    click.echo(f"{gone} event{'' if gone == 1 else 's'} deleted")


def _opened(url: str | None, rules_file: str | None) -> AbstractContextManager[Database]:
    rules = load_or_exit(rules_file) if rules_file and url is None else None
    return open_database(database_url(url, rules, rules_file))


def _followed(database: Database, since: int) -> Iterator[Record]:
    """The events and tallies, with a progress bar as they are taken."""
    with bar(lambda: database.count(since), "exporting") as progress:
        for number, event in enumerate(database.read(since), 1):
            yield event
            if number % STEP == 0:
                progress.update(STEP)
        progress.update(STEP)


def _pruned(database: Database, before: int) -> int:
    gone = 0
    with bar(lambda: database.count(before=before), "deleting") as progress:
        for number in database.prune_by_day(before):
            gone += number
            progress.update(number)
    return gone


def _write_lines(found: Iterable[Record]) -> None:
    for event in found:
        sys.stdout.write(json.dumps(event.as_dict()) + "\n")


def _write_csv(found: Iterable[Record]) -> None:
    columns = *Event._fields, "number"
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for record in found:
        row = {"number": 1, "planned": 0} | record._asdict() | {"time": iso_of(record.time)}
        row["day"] = date_of(getattr(record, "day", 0) * DAY or record.time)
        writer.writerow(cell(row.get(name, "")) for name in columns)
