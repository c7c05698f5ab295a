"""`escape-mw links`: the tag and the script that catch taps on plain links."""

from __future__ import annotations

import click

from ..links.script import HAND_NAME, script_of
from .options import load_or_exit, rules_option


@click.group()
def links() -> None:
    """Print the tag or the script for landing pages."""


@links.command()
def tag() -> None:
    """Print a tag for pages that do not pass through the middleware.

    Put it first into <head>. The pages' paths need a rule with links: true.
    """
    click.echo(f'<script async src="{HAND_NAME}"></script>')


@links.command()
@rules_option()
def script(rules_file: str | None) -> None:
    """Print the script that the tag loads, with the hosts and host apps of the rules."""
    click.echo(script_of(load_or_exit(rules_file).policy))
