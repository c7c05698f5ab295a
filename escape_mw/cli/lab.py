"""`escape-mw lab`: the link to open on a phone, and what was found out there."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timezone
from pathlib import Path

import click

from .. import catalogue
from ..decision.ladder import Ladders
from ..lab.results import Key, Tally, as_yaml, tallies
from ..lab.setup import LabSetup
from ..lab.store import results
from ..rules import Rules
from ..web.addresses import LAB
from .options import load_or_exit
from .terminal import say

RULES = click.option(
    "--rules",
    "rules_file",
    type=click.Path(dir_okay=False),
    help="Rules file with the lab switched on.",
)


@click.group()
def lab() -> None:
    """Try every technique on a phone, and see what got out."""


@lab.command()
@click.option(
    "--rules",
    "rules_file",
    type=click.Path(dir_okay=False),
    required=True,
    help="Rules file with the lab switched on.",
)
@click.option(
    "--base",
    metavar="URL",
    help="The site, such as https://label.example. Default: base_url of the rules.",
)
def url(rules_file: str, base: str | None) -> None:
    """Print the lab's link, to be opened inside a host app."""
    rules, setup = _setup(rules_file)
    base = base if base is not None else rules.policy.base_url or ""
    if base and not base.startswith(("https://", "http://")):
        raise click.UsageError(f"--base {base!r} does not begin with https:// or http://")
    click.echo(f"{base.rstrip('/')}{LAB}?token={setup.token}")


@lab.command()
@RULES
@click.option("--file", "database", type=click.Path(dir_okay=False), help="The lab's file itself.")
def export(rules_file: str | None, database: str | None) -> None:
    """Print the results as rows for `techniques:` of a rules file, or to be sent upstream."""
    if (rules_file is None) == (database is None):
        raise click.UsageError("give either --rules or --file")
    counted = counts(database if rules_file is None else str(_setup(rules_file)[1].store.path))
    if not counted:
        click.echo("there are no results yet", err=True)
        return
    known = catalogue.load()
    apps = {*(app.id for app in known.apps), *(key.app for key in counted)}
    today = f"{datetime.now(timezone.utc):%Y-%m-%d}"
    click.echo(
        f"# Tried in the lab, as of {today}."
        " What worked comes first, then what was not tried, as it ships."
    )
    say("\n".join(as_yaml(counted, Ladders(apps, known.techniques))))


def counts(database: str | None) -> dict[Key, Tally]:
    """The results of a lab's file, counted; a file that cannot be read ends the command."""
    path = Path(database or "")
    if not path.exists():
        raise click.ClickException(
            f"{database}: this file does not exist; the lab makes it with its first result"
        )
    try:
        return tallies(results(path))
    except (sqlite3.Error, OSError) as error:
        raise click.ClickException(f"{database}: cannot be read as a lab's file: {error}") from None


def _setup(rules_file: str) -> tuple[Rules, LabSetup]:
    rules = load_or_exit(rules_file)
    if rules.lab is None:
        raise click.ClickException(f"{rules_file}: the lab is off; say 'lab: true' there")
    return rules, rules.lab
