"""`escape-mw lab`: the link to open on a phone, and what was found out there."""

from __future__ import annotations

import shutil
import sqlite3
import sys
import time
from pathlib import Path

import click

from .. import catalogue
from ..decision.ladder import Ladders
from ..lab import qr
from ..lab.results import Key, Tally, as_yaml, tallies
from ..lab.setup import LabSetup
from ..lab.store import results
from ..rules import Rules, load
from ..web.addresses import LAB
from ..web.days import date_of
from .options import or_exit, rules_option
from .terminal import say

WITH_LAB = "Rules file with the lab switched on."


@click.group()
def lab() -> None:
    """Try every technique on a phone, and export what worked."""


@lab.command()
@rules_option(WITH_LAB, required=True)
@click.option(
    "--base",
    metavar="URL",
    help="The site, such as https://label.example. Default: base_url of the rules.",
)
def url(rules_file: str, base: str | None) -> None:
    """Print the lab's link to open inside a host app, on a terminal with a QR code."""
    rules, setup = _setup(rules_file)
    base = base if base is not None else rules.policy.base_url or ""
    if base and not base.startswith(("https://", "http://")):
        raise click.UsageError(f"--base {base!r} does not begin with https:// or http://")
    link = f"{base.rstrip('/')}{LAB}?token={setup.tokens.link}"
    click.echo(link)
    if base and sys.stdout.isatty():
        _show_code(link)


@lab.command()
@rules_option(WITH_LAB)
@click.option("--file", "database", type=click.Path(dir_okay=False), help="The lab's results file.")
def export(rules_file: str | None, database: str | None) -> None:
    """Print the results as rows for `techniques:` of a rules file, or to send upstream."""
    if (rules_file is None) == (database is None):
        raise click.UsageError("give either --rules or --file")
    counted = counts(database if rules_file is None else str(_setup(rules_file)[1].store.path))
    if not counted:
        click.echo("no results yet", err=True)
        return
    known = catalogue.load()
    apps = {*(app.id for app in known.apps), *(key.app for key in counted)}
    today = date_of(int(time.time()))
    click.echo(
        f"# Tried in the lab, as of {today}."
        " What worked comes first, then what was not tried, as it ships."
    )
    say("\n".join(as_yaml(counted, Ladders(apps, known.techniques))))


def _show_code(link: str) -> None:
    """The link as a QR code; without segno, how to install it."""
    try:
        lines = qr.blocks(link)
    except ModuleNotFoundError:
        click.echo("As a QR code too, with: python -m pip install 'escape-mw[serve]'")
        return
    except ValueError:
        lines = []
    if not lines or not _can_show(lines):
        click.echo("The terminal is too small for its QR code, or lacks the characters for it.")
        return
    for line in lines:  # black on white whatever the terminal's colours are, or a camera fails
        click.echo(click.style(line, fg="black", bg="bright_white"), color=True)


def _can_show(lines: list[str]) -> bool:
    try:
        "".join(lines).encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return False
    return len(lines[0]) <= shutil.get_terminal_size().columns


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
    rules = or_exit(lambda: load(rules_file))
    if rules.lab is None:
        raise click.ClickException(f"{rules_file}: the lab is off; say 'lab: true' there")
    return rules, rules.lab
