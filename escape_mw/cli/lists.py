"""`escape-mw list`: what is known of the world, as tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import click

from .. import catalogue as shipped
from ..decision.entries import Catalogue
from ..decision.ladder import DEFAULT, Ladders, stale
from ..decision.model import Goal, Platform, StepSpec, Visitor
from ..lab.results import Key, Tally
from .lab import counts
from .terminal import say

Row = tuple[str | None, ...]
COLUMNS: list[tuple[Platform, Goal]] = [
    ("ios", "app"),
    ("ios", "browser"),
    ("android", "app"),
    ("android", "browser"),
]


@click.command("list")
@click.argument("what", type=click.Choice(["apps", "destinations", "techniques"]))
@click.option(
    "--markdown",
    is_flag=True,
    help="Techniques only: the first step of each host app, as README has it.",
)
@click.option(
    "--lab",
    "database",
    metavar="DB",
    type=click.Path(dir_okay=False),
    help="Techniques only: the lab's file, for a column of own results.",
)
def list_(what: str, markdown: bool, database: str | None) -> None:
    """List known apps, destinations or techniques, with source and confidence."""
    known = shipped.load()
    if database is not None and (what != "techniques" or markdown):
        raise click.UsageError("--lab is for techniques, without --markdown")
    if markdown and what != "techniques":
        raise click.UsageError("--markdown is for techniques")
    if markdown:
        say(techniques_at_a_glance(known))
        return
    if what == "techniques":
        rows = techniques(known, None if database is None else counts(database))
    else:
        rows = apps(known) if what == "apps" else destinations(known)
    for row in rows:
        say("\t".join(cell or "-" for cell in row))


def apps(catalogue: Catalogue) -> Iterator[Row]:
    """Every host app: id, name, platforms, confidence, date, source."""
    return (
        (app.id, app.name, ", ".join(app.platforms), app.confidence, app.verified, app.source)
        for app in catalogue.apps
    )


def destinations(catalogue: Catalogue) -> Iterator[Row]:
    """Every destination: id, name, goal, confidence, date, source."""
    return (
        (entry.id, entry.name, entry.goal, entry.confidence, entry.verified, entry.source)
        for entry in catalogue.destinations
    )


def techniques(catalogue: Catalogue, own: Mapping[Key, Tally] | None = None) -> Iterator[Row]:
    """Every step: app, platform, goal, technique, trigger, confidence, date, note.

    Before the note stands "stale" where the date is over a year old. With `own` results of the lab
    one column more, and rows for what was tried beyond the ladders.
    """
    left = dict(own or {})
    for app, platform, goal, steps in _ladders(catalogue).rows():
        for step in steps:
            key = (app, platform, goal, step.technique)
            age = "stale" if stale(step.verified) else None
            row = (*key, step.trigger, step.confidence, step.verified, age, step.note)
            tally = left.pop(Key(*key), None)
            yield row if own is None else (*row, str(tally) if tally else None)
    for key, tally in left.items():
        yield (*key, None, None, None, None, "not in its ladder", str(tally))


def techniques_at_a_glance(catalogue: Catalogue) -> str:
    """The first step for every host app that has rows of its own, as a Markdown table."""
    ladders = _ladders(catalogue)
    own = dict.fromkeys(row.app for row in catalogue.techniques if row.app != DEFAULT)
    names = {app.id: app.name for app in catalogue.apps}
    lines = [
        "| host app | iOS, music app | iOS, browser | Android, music app | Android, browser |",
        "|---|---|---|---|---|",
    ]
    for app in [*sorted(own, key=lambda app: names[app].lower()), None]:
        cells = [
            _first(ladders.steps_for(Visitor("in-app" if app else "webview", app, platform), goal))
            for platform, goal in COLUMNS
        ]
        lines.append(f"| {names[app] if app else 'any other'} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _ladders(catalogue: Catalogue) -> Ladders:
    return Ladders([app.id for app in catalogue.apps], catalogue.techniques)


def _first(steps: Iterable[StepSpec]) -> str:
    step = next(iter(steps))
    fires = "by itself" if step.trigger in ("auto", "redirect") else "a tap"
    is_written = step.trigger == "written"
    what = "the menu, in words" if is_written else f"`{step.technique}`, {fires}"
    return f"{what}; {' '.join(filter(None, (step.confidence, step.verified)))}"
