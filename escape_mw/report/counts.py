"""What the database counts: one function for each question, aggregated in SQL that SQLite and PostgreSQL both speak.

A visit belongs to the moment at which it became eligible: `since` and periods choose visits, with all their steps.
Visits in a holdout are left out of the funnel and of the techniques: nothing was tried on them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sql

from ..events.event import COUNTED
from ..events.tables import EVENTS, TALLIES

DAY = 86_400  # seconds
# Leaving or arriving by a technique shows that it was tried, also where the word of the attempt itself was lost.
TRIES = ("attempt", "tapped", "left", "arrived")
ELIGIBLE = EVENTS.alias("eligible")
STAGE = EVENTS.alias("stage")
SAME_VISIT = STAGE.c.visit == ELIGIBLE.c.visit
WRITTEN = STAGE.c.trigger == "written"
# A way out in words is tried by being read, where it is all that there is: the first step of the page.
TRIED = sql.or_(STAGE.c.name.in_(TRIES), sql.and_(STAGE.c.name == "shown", WRITTEN))
# Each holds the next: who arrived has left, also where nobody saw the page being hidden.
REACHED = {
    "tried": TRIED,
    "left": STAGE.c.name.in_(["left", "arrived"]),
    "arrived": STAGE.c.name == "arrived",
}
Column = sql.ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Scope:
    """Which visits: of one `rule` (None: of all), eligible at `since` (seconds since 1970) or later."""

    rule: str | None = None
    since: int = 0


class AppCount(NamedTuple):
    """Distinct visits from one host app: those eligible and acted on, and how far they came; `held_out` is beside them."""

    app: str
    platform: str
    goal: str
    eligible: int
    held_out: int
    tried: int
    left: int
    arrived: int


class TechniqueCount(NamedTuple):
    """Distinct visits in which one technique was tried, and what came of it."""

    app: str
    platform: str
    goal: str
    technique: str
    tried: int
    left: int
    arrived: int


class ArmDay(NamedTuple):
    """Visits that became eligible in one arm of an experiment on one day (counted from 1970, UTC)."""

    experiment: str
    arm: str
    day: int
    visits: int


class OutcomeDay(NamedTuple):
    """Of the visits of one arm's day, those that had the outcome, whenever that came."""

    experiment: str
    outcome: str
    arm: str
    day: int
    successes: int


def apps(connection: sql.Connection, scope: Scope) -> list[AppCount]:
    """The funnel by host app, platform and goal."""
    acted_on = ELIGIBLE.c.arm != "holdout"
    stages = sql.select(
        ELIGIBLE.c.app,
        ELIGIBLE.c.platform,
        ELIGIBLE.c.goal,
        _any(acted_on).label("eligible"),
        _any(~acted_on).label("held_out"),
        *(_any(acted_on, condition).label(name) for name, condition in REACHED.items()),
    )
    joined = ELIGIBLE.outerjoin(STAGE, sql.and_(SAME_VISIT, TRIED))
    visits = (
        stages.select_from(joined)
        .where(*_in(scope))
        .group_by(ELIGIBLE.c.visit, ELIGIBLE.c.app, ELIGIBLE.c.platform, ELIGIBLE.c.goal)
        .subquery()
    )
    return [AppCount(*row) for row in connection.execute(_summed(visits, 3))]


def techniques(
    connection: sql.Connection, scope: Scope, until: int | None = None
) -> list[TechniqueCount]:
    """The funnel by technique; of visits that became eligible before `until` (seconds since 1970), if given.

    Who arrives by the words below a button is in the host app's funnel only: nobody knows how many read them.
    """
    keys = (ELIGIBLE.c.app, ELIGIBLE.c.platform, ELIGIBLE.c.goal, STAGE.c.technique)
    before = [] if until is None else [ELIGIBLE.c.time < until]
    visits = (
        sql.select(*keys, *(_any(condition).label(name) for name, condition in REACHED.items()))
        .select_from(ELIGIBLE.join(STAGE, SAME_VISIT))
        .where(*_in(scope), *before, ELIGIBLE.c.arm != "holdout", STAGE.c.technique != "", TRIED)
        .group_by(ELIGIBLE.c.visit, *keys)
        .having(_any(sql.or_(~WRITTEN, STAGE.c.name == "shown")) == 1)
        .subquery()
    )
    return [TechniqueCount(*row) for row in connection.execute(_summed(visits, 4))]


def arm_days(connection: sql.Connection, scope: Scope) -> list[ArmDay]:
    """Every experiment's visits, by arm and day."""
    keys = (ELIGIBLE.c.experiment, ELIGIBLE.c.arm, _day(ELIGIBLE.c.time))
    query = (
        sql.select(*keys, sql.func.count())
        .where(*_in(scope), ELIGIBLE.c.experiment != "")
        .group_by(*keys)
        .order_by(*keys)
    )
    return [ArmDay(*row) for row in connection.execute(query)]


def outcome_days(connection: sql.Connection, scope: Scope) -> list[OutcomeDay]:
    """Every experiment's visits with an outcome, by outcome, arm and the day of the visit."""
    keys = (ELIGIBLE.c.experiment, STAGE.c.outcome, ELIGIBLE.c.arm, _day(ELIGIBLE.c.time))
    joined = ELIGIBLE.join(STAGE, sql.and_(SAME_VISIT, STAGE.c.name == "outcome"))
    query = (
        sql.select(*keys, sql.func.count())
        .select_from(joined)
        .where(*_in(scope), ELIGIBLE.c.experiment != "")
        .group_by(*keys)
        .order_by(*keys)
    )
    return [OutcomeDay(*row) for row in connection.execute(query)]


def tallies(connection: sql.Connection, scope: Scope) -> dict[str, int]:
    """What is only counted, by its name. What belongs to no rule is in every rule's figure."""
    day = sql.func.coalesce(sql.func.sum(TALLIES.c.count), 0)
    rule = [] if scope.rule is None else [TALLIES.c.rule.in_(["", scope.rule])]
    query = (
        sql.select(TALLIES.c.name, day)
        .where(TALLIES.c.day >= _date(scope.since), *rule)
        .group_by(TALLIES.c.name)
    )
    found: dict[str, int] = {name: int(count) for name, count in connection.execute(query)}
    return {name: found.get(name, 0) for name in (*COUNTED, "eligible")}


def span(connection: sql.Connection, scope: Scope) -> tuple[int, int] | None:
    """The moments of the first and the last eligible visit, in seconds since 1970; None where there is none."""
    moments = sql.select(ELIGIBLE.c.time).where(*_in(scope)).limit(1)
    first, last = (
        connection.execute(moments.order_by(order)).scalar()
        for order in (ELIGIBLE.c.time, ELIGIBLE.c.time.desc())
    )
    return None if first is None or last is None else (first, last)


def _in(scope: Scope) -> list[Column]:
    rule = [] if scope.rule is None else [ELIGIBLE.c.rule == scope.rule]
    return [ELIGIBLE.c.name == "eligible", ELIGIBLE.c.time >= scope.since, *rule]


def _any(*conditions: Column) -> Column:
    """1 where any row of the group fits, else 0."""
    return sql.func.max(sql.case((sql.and_(*conditions), 1), else_=0))


def _summed(visits: sql.Subquery, keys: int) -> sql.Select[Any]:
    columns = list(visits.c)
    return (
        sql.select(*columns[:keys], *(sql.func.sum(column) for column in columns[keys:]))
        .group_by(*columns[:keys])
        .order_by(*columns[:keys])
    )


def _day(moment: Column) -> Column:
    return moment // DAY


def _date(moment: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(moment))
