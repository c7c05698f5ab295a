"""The table of docs/host-apps.md: the first step for every host app that has rows of its own."""

from __future__ import annotations

from escape_mw import Visitor, catalogue
from escape_mw.decision.entries import PHONES
from escape_mw.decision.ladder import DEFAULT, Ladders

COLUMNS = [("ios", "app"), ("ios", "browser"), ("android", "app"), ("android", "browser")]


def table() -> str:
    known = catalogue.load()
    names = {app.id: app.name for app in known.apps}
    platforms = {app.id: app.platforms for app in known.apps} | {None: PHONES}
    ladders = Ladders(names, known.techniques)
    own = {row.app for row in known.techniques if row.app != DEFAULT}
    lines = [
        "| host app | iOS, music app | iOS, browser | Android, music app | Android, browser |",
        "|---|---|---|---|---|",
    ]
    for app in [*sorted(own, key=lambda app: names[app].lower()), None]:
        kind = "in-app" if app else "webview"
        cells = [
            first(ladders.steps_for(Visitor(kind, app, platform), goal))
            if platform in platforms[app]
            else "not recognised"
            for platform, goal in COLUMNS
        ]
        lines.append(f"| {names[app] if app else 'any other'} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def first(steps):
    step = steps[0]
    fires = "by itself" if step.trigger in ("auto", "redirect") else "a tap"
    is_written = step.trigger == "written"
    what = "the menu, in words" if is_written else f"`{step.technique}`, {fires}"
    return f"{what}; {' '.join(filter(None, (step.confidence, step.verified)))}"


if __name__ == "__main__":
    print(table(), end="")
