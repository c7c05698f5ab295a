"""`escape-mw check` and `escape-mw schema`: what a rules file may say, and whether one does."""

from __future__ import annotations

import json
import sys
import time
from functools import partial

import click

from ..rules import Rules, RulesError, load_to_read
from ..rules.warnings import warnings_of
from .options import missing_secret
from .problems import tell_problems
from .terminal import say, show_table


@click.command()
@click.argument("files", nargs=-1, metavar="[RULES...]")
@click.option(
    "--url", help="Send requests to the live site at this URL, as host apps and browsers."
)
@click.option("--strict", is_flag=True, help="Exit with 1 on warnings too.")
def check(files: tuple[str, ...], url: str | None, *, strict: bool) -> None:
    """Check rules files; print every problem as file:line:column, then warnings.

    With --url, check what a live site sends to TikTok, Instagram, Safari and Googlebot. Give its
    rules file too, to compare with what the rules say.
    """
    if not files and url is None:
        raise click.UsageError("name a rules file, or a site with --url")
    problems, known = 0, []
    for name in files:
        try:
            rules = load_to_read(name, partial(_unset, strict=strict))
        except RulesError as error:
            problems += len(error.problems)
            tell_problems(error, name)
        else:
            known.append(rules)
            say(f"{name}: {_summary(rules)}", fg="green")
            for warning in warnings_of(rules, int(time.time())):
                problems += strict
                say(f"{name}: {warning}", fg="yellow")
    if url is not None:
        problems += _check_site(url, known[0] if known else None, strict=strict)
    sys.exit(1 if problems else 0)


@click.command()
def schema() -> None:
    """Print the JSON Schema of the rules file, for editors."""
    from ..rules.schema import RulesFile  # noqa: PLC0415 - pydantic is slow to import

    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    click.echo(json.dumps({**draft, **RulesFile.model_json_schema()}, indent=2))


def _unset(variable: str, *, strict: bool) -> str:
    """The site may have it; a deployment that checks strictly shall."""
    if strict:
        message = f"secret: the environment variable {variable} is not set"
        raise RulesError([message])
    return missing_secret(variable)


def _check_site(url: str, rules: Rules | None, *, strict: bool) -> int:
    """Print who gets what at a URL; returns the number of faults."""
    from .faults import findings  # noqa: PLC0415 - nobody else asks a network
    from .live import meet  # noqa: PLC0415

    replies = meet(url)
    rows = ((name, str(one.status), one.kept, one.gets) for name, one in replies.items())
    show_table(("as", "status", "for caches", "gets"), rows)
    faults = 0
    for text, is_fault in findings(replies, rules):
        faults += is_fault or strict
        colour = "red" if is_fault else "yellow"
        say(f"{'fault' if is_fault else 'note'}: {text}", fg=colour)
    return faults


def _summary(rules: Rules) -> str:
    policy = rules.policy
    number = len(policy.rules)
    return (
        f"{number} rule{'s' * (number != 1)}, {len(policy.destinations.entries)} destinations,"
        f" {len(policy.apps)} host apps, mode {policy.mode}"
    )
