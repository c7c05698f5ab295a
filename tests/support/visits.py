"""Recorded visits that a test can count by hand."""

from __future__ import annotations

import itertools
from calendar import timegm

from escape_mw.events.database import Database
from escape_mw.events.event import Event, Tally
from escape_mw.report.counts import DAY

NOON = timegm((2026, 11, 20, 12, 0, 0))
BROWSER, APP = ("pre-save", "browser"), ("bio link", "app")
FULL = ("shown", "tapped", "left", "arrived")
NUMBERS = itertools.count()


def visit(
    *stages,
    app="tiktok",
    platform="android",
    to=BROWSER,
    ago=0,
    experiment="",
    arm="",
    technique="intent",
    trigger="tap",
    outcomes=(),
    later=60,
    **more,
):
    """The events of one visit: `eligible`, then stages by a technique; `ago` in days.

    A stage may also be "name technique trigger". Outcomes come `later`, in seconds; `more` are
    fields of `eligible`.
    """
    rule, goal = to
    first = Event(
        time=NOON - ago * DAY,
        visit=f"visit{next(NUMBERS):06}",
        name="eligible",
        rule=rule,
        app=app,
        app_version="41",
        platform=platform,
        service="spotify",
        kind="track",
        goal=goal,
        experiment=experiment,
        arm=arm,
        rule_version="1",
        first=technique if stages and arm != "holdout" else "",
        handover="" if arm == "holdout" else "own" if goal == "browser" else "destination",
    )
    events = [first._replace(**more)]
    for stage in stages:
        name, way, how = stage.split() if " " in stage else (stage, technique, trigger)
        by = {} if name in ("copied", "continued") else {"technique": way, "trigger": how}
        events.append(first._replace(name=name, time=first.time + 2, first="", **by))
    return events + [
        first._replace(name="outcome", first="", outcome=outcome, time=first.time + later)
        for outcome in outcomes
    ]


def write(url, *events):
    database = Database(url)
    database(
        list(
            itertools.chain.from_iterable(
                [each] if isinstance(each, Event | Tally) else each for each in events
            )
        )
    )
    database.close()
