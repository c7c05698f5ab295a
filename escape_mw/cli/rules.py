"""`escape-mw check` and `escape-mw schema`: what a rules file may say, and whether one does."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import click

from ..rules import Rules, RulesError, load
from .terminal import say


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="RULES...")
def check(files: tuple[str, ...]) -> None:
    """Check rules files; print every problem as file:line:column."""
    problems = 0
    for name in files:
        try:
            rules = load(name)
        except RulesError as error:
            problems += len(error.problems)
            click.echo("\n".join(error.problems), err=True)
        else:
            say(f"{name}: {_summary(rules)}")
            for word in _words(rules):
                say(f"{name}: {word}")
    sys.exit(1 if problems else 0)


@click.command()
def schema() -> None:
    """Print the JSON Schema of the rules file, for editors."""
    from ..rules.schema import RulesFile  # noqa: PLC0415 - pydantic is slow to import

    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    click.echo(json.dumps({**draft, **RulesFile.model_json_schema()}, indent=2))


def _words(rules: Rules) -> Iterator[str]:
    """What is right, and may still surprise."""
    for rule in rules.policy.rules:
        if rule.to.is_of_rules and not rule.everyone:
            yield (
                f"rule {rule.name!r}: whoever is not escaped gets the site's own answer at"
                f" {rule.path.source!r}; with 'everyone: true', a redirect to the same URL"
            )
    if rules.events is not None and not rules.is_named:
        has_address = rules.policy.base_url or rules.policy.allowed_hosts
        what = "base_url or allowed_hosts" if has_address else "a rule's name or path, or the order"
        yield f"without 'site', an edit of {what} ends the visits that have begun; name the site"


def _summary(rules: Rules) -> str:
    policy = rules.policy
    return (
        f"{len(policy.rules)} rules, {len(policy.destinations.entries)} destinations,"
        f" {len(policy.apps)} host apps, mode {policy.mode}"
    )
