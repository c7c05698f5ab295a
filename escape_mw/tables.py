"""What is known of the world, as tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from .catalogue import Catalogue
from .lab.results import Key, Tally
from .ladder import DEFAULT, Ladders, stale
from .model import Goal, Platform, Rung, Visitor

Row = tuple[str | None, ...]
COLUMNS: list[tuple[Platform, Goal]] = [
    ("ios", "app"),
    ("ios", "browser"),
    ("android", "app"),
    ("android", "browser"),
]


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
    """Every rung: app, platform, goal, technique, trigger, confidence, date, "stale" after a year, note.

    With `own` results of the lab one column more, and rows for what was tried beyond the ladders.
    """
    left = dict(own or {})
    for app, platform, goal, rungs in _ladders(catalogue).rows():
        for rung in rungs:
            row = (
                app,
                platform,
                goal,
                rung.technique,
                rung.trigger,
                rung.confidence,
                rung.verified,
                "stale" if stale(rung.verified) else None,
                rung.note,
            )
            tally = left.pop((app, platform, goal, rung.technique), None)  # type: ignore[call-overload]
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
            _first(ladders.rungs(Visitor("in-app" if app else "webview", app, platform), goal))
            for platform, goal in COLUMNS
        ]
        lines.append(f"| {names[app] if app else 'any other'} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _ladders(catalogue: Catalogue) -> Ladders:
    return Ladders([app.id for app in catalogue.apps], catalogue.techniques)


def _first(rungs: Iterable[Rung]) -> str:
    rung = next(iter(rungs))
    what = (
        "the menu, in words"
        if rung.trigger == "written"
        else f"`{rung.technique}`, {'by itself' if rung.trigger in ('auto', 'redirect') else 'a tap'}"
    )
    return f"{what}; {rung.confidence}{f' {rung.verified}' if rung.verified else ''}"
