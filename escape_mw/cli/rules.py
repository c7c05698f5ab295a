"""`escape-mw check` and `escape-mw schema`: what a rules file may say, and whether one does."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator

import click

from .. import catalogue
from ..decision.destinations import DestinationIndex
from ..decision.policy import Rule
from ..decision.targets import FixedUrl
from ..rules import Rules, RulesError, load
from ..web.paths import names_in
from .problems import tell_problems
from .terminal import say, show_table


@click.command()
@click.argument("files", nargs=-1, metavar="[RULES...]")
@click.option("--url", help="Ask the real site there, as host apps and browsers.")
@click.option("--strict", is_flag=True, help="Exit with 1 for a warning, too.")
def check(files: tuple[str, ...], url: str | None, *, strict: bool) -> None:
    """Check rules files; print every problem as file:line:column, and what may surprise.

    With --url, check what a site that runs gives to whom: TikTok, Instagram, Safari and Googlebot.
    Its rules file says what it should.
    """
    if not files and url is None:
        raise click.UsageError("name a rules file, or a site with --url")
    problems, known = 0, []
    for name in files:
        try:
            rules = load(name)
        except RulesError as error:
            problems += len(error.problems)
            tell_problems(error, name)
        else:
            known.append(rules)
            say(f"{name}: {_summary(rules)}", fg="green")
            for warning in _warnings(rules):
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


def _warnings(rules: Rules) -> Iterator[str]:
    """What is allowed, and may still surprise."""
    names = Counter(rule.name for rule in rules.policy.rules)
    for name, number in names.items():
        if number > 1:
            yield f"{number} rules are called {name!r}: logs and reports cannot tell them apart"
    for at, rule in enumerate(rules.policy.rules):
        before = next((one for one in rules.policy.rules[:at] if _hides(one, rule)), None)
        if before:
            yield f"rule {rule.name!r} never runs: {before.name!r} before it takes the same visits"
        if isinstance(rule.to, FixedUrl):
            yield from _target_warnings(rule, rule.to.template, rules.policy.destinations)
        if rule.to.is_of_rules and not rule.everyone:
            yield (
                f"rule {rule.name!r}: visitors who are not escaped get the site's own answer at"
                f" {rule.path.source!r}; with 'everyone: true', a redirect to the same URL"
            )
        if 0 < rule.share < 1:
            yield (
                f"rule {rule.name!r} acts on {rule.share:g} % of visits: 'share' is in per cent;"
                " write 50% for one half"
            )
    if rules.events is not None and not rules.is_named:
        has_address = rules.policy.base_url or rules.policy.allowed_hosts
        what = "base_url or allowed_hosts" if has_address else "a rule's name or path, or the order"
        yield f"without 'site', an edit of {what} ends the visits that have begun; name the site"


def _target_warnings(rule: Rule, url: str, index: DestinationIndex) -> Iterator[str]:
    if url.startswith("http:"):
        yield f"rule {rule.name!r}: write https in 'to'; an http address is one hop more"
    found = None if names_in(url) else index.find(url)
    shipped = {one.id for one in catalogue.load().destinations if one.goal == "app"}
    if found and found.kind == "other" and found.service in shipped:
        yield (
            f"rule {rule.name!r}: {found.name} has no song, album or the like at this address;"
            " only the browser can open it"
        )


def _hides(before: Rule, rule: Rule) -> bool:
    """Whether every visit that a rule could be for goes to the one before it."""
    takes_all = before.path.source in ("/**", rule.path.source) and not (
        before.not_apps or before.query or before.not_query
    )
    return (
        takes_all
        and rule.visitors <= before.visitors
        and (before.apps is None or (rule.apps is not None and rule.apps <= before.apps))
        and before.platforms in (None, rule.platforms)
        and before.languages in (None, rule.languages)
    )


def _summary(rules: Rules) -> str:
    policy = rules.policy
    number = len(policy.rules)
    return (
        f"{number} rule{'s' * (number != 1)}, {len(policy.destinations.entries)} destinations,"
        f" {len(policy.apps)} host apps, mode {policy.mode}"
    )
