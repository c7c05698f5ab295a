"""`escape-mw list`: what is known of the world, as tables for people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import click

from .. import catalogue
from ..decision.entries import Catalogue, TechniqueRow
from ..decision.handoffs import TECHNIQUES
from ..decision.ladder import DEFAULT
from ..decision.model import StepSpec
from .terminal import say, show_table

SYSTEMS = {"ios": "iOS", "android": "Android"}
GOALS = {"app": "To the music app", "browser": "To the browser"}
TRIGGERS = {
    "redirect": "by a redirect",
    "auto": "by itself",
    "tap": "by a tap",
    "written": "in words",
}


@click.command("list")
@click.argument("what", type=click.Choice(["apps", "destinations", "techniques"]))
def list_(what: str) -> None:
    """List known apps, destinations or techniques, with source and confidence."""
    known = catalogue.load()
    say(f"Facts of {known.dated}; they come from public code and reports, and age with the apps.\n")
    {"apps": apps, "destinations": destinations, "techniques": techniques}[what](known)


def apps(known: Catalogue) -> None:
    """Every host app: id, name, platforms, confidence, date, source."""
    show_table(
        ("id", "name", "platforms", "counts", "confidence", "verified", "source"),
        (
            (
                app.id,
                app.name,
                " ".join(app.platforms),
                "if named in apps.also" if app.opt_in else "yes",
                app.confidence,
                app.verified,
                app.source,
            )
            for app in known.apps
        ),
    )


def destinations(known: Catalogue) -> None:
    """Every destination: id, name, goal, confidence, date, source."""
    show_table(
        ("id", "name", "goal", "confidence", "verified", "source"),
        (
            (one.id, one.name, one.goal, one.confidence, one.verified, one.source)
            for one in known.destinations
        ),
    )


def techniques(known: Catalogue) -> None:
    """Every ladder, host app by host app, its steps in the order to try them."""
    names = {app.id: app.name for app in known.apps}
    rows = sorted(known.techniques, key=lambda row: (row.app == DEFAULT, names.get(row.app, "")))
    for row in rows:
        name = names.get(row.app, "Any other host app")
        asks = f" ({name} asks before it opens another app)" if row.asks else ""
        say(f"{name} on {SYSTEMS[row.platform]}. {GOALS[row.goal]}{asks}:", bold=True)
        for line in _ladder(row):
            say(f"  {line}")
        say("")
    say("never reported: it follows from how the platform works. stale: seen over a year ago.")


def _ladder(row: TechniqueRow) -> Iterator[str]:
    for number, step in enumerate(row.steps, 1):
        title = TECHNIQUES[step.technique].title
        yield f"{number}. {title} ({step.technique}), {TRIGGERS[step.trigger]}: {_known(step)}"
        if step.note:
            yield f"   {step.note}"


def _known(step: StepSpec) -> str:
    if step.confidence == "inferred" and not step.verified:
        return "never reported"
    age = ", stale" if is_stale(step.verified, date.today()) else ""
    return f"{step.confidence}, {step.verified or 'no date'}{age}"


def is_stale(verified: str | None, today: date) -> bool:
    """Whether a technique was last seen to work longer than a year ago.

    `verified` is YYYY-MM or YYYY-MM-DD, None where it was never seen.
    """
    if verified is None:
        return False
    seen = date.fromisoformat(verified if len(verified) > 7 else f"{verified}-28")
    return today - seen > timedelta(days=365)
