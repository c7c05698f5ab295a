"""What several commands share: the rules file, the events database, and how their errors end."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable
from typing import Any

import click

from ..events.sinks import SQLITE, database_exists
from ..rules import Rules, RulesError, load, load_to_read

SAMPLE_SONG = "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC"
NEEDS_DATABASE = "the events database needs more: python -m pip install 'escape-mw[database]'"

rules_option = click.option(
    "--rules",
    "rules_file",
    type=click.Path(dir_okay=False),
    help="Rules file. Default: built-in rules.",
)


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


def database_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The two options that say which events database a command is about."""
    rules = click.option(
        "--rules",
        "rules_file",
        type=click.Path(dir_okay=False),
        help="Rules file that names the database.",
    )
    database = click.option(
        "--db",
        "url",
        metavar="URL",
        help="URL of the database, such as sqlite:///escape_events.sqlite3.",
    )
    return database(rules(command))


def database_url(url: str | None, rules_file: str | None) -> str:
    """The database's URL, from one of the two options; no file is ever created.

    Raises click.ClickException.
    """
    if (url is None) == (rules_file is None):
        raise click.UsageError("give either --db or --rules")
    url = url or _named_in(rules_file)
    if not database_exists(url):
        name = SQLITE.sub("", url)
        raise click.ClickException(
            f"{name}: this file does not exist; it is made with the first event"
        )
    return url


def _named_in(rules_file: str | None) -> str:
    options = load_or_exit(rules_file).events
    if options is None or options.database is None:
        raise click.ClickException(
            f"{rules_file}: it names no database; add 'events: {{database: ...}}'"
        )
    return options.database
