"""`escape-mw secret`: a value for `secret:` of a rules file."""

from __future__ import annotations

import secrets

import click

LENGTH = 32  # bytes


@click.command()
def secret() -> None:
    """Print a new random secret for the rules; keep it in the environment."""
    click.echo(secrets.token_urlsafe(LENGTH))
