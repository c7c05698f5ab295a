"""`escape-mw edge`: configurations of the servers in front of a site, made from the rules."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..decision.policy import Policy
from .options import load_or_exit, rules_option

GATE = "http://127.0.0.1:8010"


@click.group()
def edge() -> None:
    """Write the configuration that sends a few requests to the gate.

    Everybody else's never leave the server that the site already has.
    """


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What all configurations are made from."""
    check = click.option(
        "--check",
        "checked",
        type=click.Path(exists=True, dir_okay=False),
        help="Write nothing; say whether this file is still what the rules make.",
    )
    gates = click.option(
        "--gate",
        "gates",
        multiple=True,
        default=(GATE,),
        show_default=True,
        metavar="URL|unix:PATH",
        help="Where the gate listens; more than once for several, with nginx.",
    )
    return rules_option()(gates(check(command)))


@edge.command()
@_options
@click.option("--site", metavar="URL|unix:PATH", help="Where the site is.")
@click.option(
    "--snippet",
    type=click.Choice(["http", "server"]),
    help="Only what a configuration that exists includes in http { }, or in its server { }.",
)
def nginx(
    rules_file: str | None,
    gates: tuple[str, ...],
    checked: str | None,
    site: str | None,
    snippet: str | None,
) -> None:
    """Write a configuration for nginx, whole or to be included."""
    from ..edge import written  # noqa: PLC0415 - slow to import

    policy = _policy(rules_file, checked)
    if site is None:
        raise click.UsageError("--site is missing: where the site is")
    _print(lambda: written.nginx(policy, written.Places(gates, site), _command(), snippet or ""))


@edge.command()
@_options
@click.option("--site", metavar="URL", help="The site's own address, https://label.example.")
@click.option("--wrangler", is_flag=True, help="The file that deploys it, wrangler.toml.")
def worker(
    rules_file: str | None,
    gates: tuple[str, ...],
    checked: str | None,
    site: str | None,
    wrangler: bool,
) -> None:
    """Write a JavaScript module for Cloudflare Workers."""
    from ..edge import written  # noqa: PLC0415 - slow to import

    policy = _policy(rules_file, checked)
    if site is None:
        raise click.UsageError("--site is missing: the site's own address")
    part = "wrangler" if wrangler else ""
    _print(lambda: written.worker(policy, written.Places(gates, site), _command(), part))


def _policy(rules_file: str | None, checked: str | None) -> Policy:
    """The rules' policy. With a file to check, say whether it is stale, and end."""
    from ..edge.prefilter import prefilter_of  # noqa: PLC0415 - slow to import
    from ..edge.written import stamp_in  # noqa: PLC0415

    policy = load_or_exit(rules_file).policy
    if checked is None:
        return policy
    text = Path(checked).read_text("utf-8", "replace")
    stamp = stamp_in(text)
    if stamp is None and "depends on nothing but that address" in text:
        click.echo(f"{checked}: depends on --site alone")
        sys.exit(0)
    if stamp != prefilter_of(policy).stamp:
        click.echo(f"{checked}: stale; write it again" if stamp else f"{checked}: no stamp in it")
        sys.exit(1)
    click.echo(f"{checked}: up to date")
    sys.exit(0)


def _print(written: Callable[[], str]) -> None:
    try:
        click.echo(written(), nl=False)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _command() -> str:
    """The command as it was given, for the file's first line."""
    return shlex.join(["escape-mw", *sys.argv[1:]])
