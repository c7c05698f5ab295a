"""Queries of the report: one function per question, in SQL that both SQLite and PostgreSQL run.

A visit belongs to the moment at which it became eligible: `since` and periods select visits, with
all their later stages. The funnel and the techniques leave out visits in a holdout: nothing was
tried on them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sql

from ..events.event import COUNTED
from ..events.tables import EVENTS, TALLIES
from ..web.days import DAY, date_of

# What follows an attempt implies it, even if the attempt's own event was lost.
TRIES = ("attempt", "tapped", "left", "returned", "arrived")
ELIGIBLE = EVENTS.alias("eligible")
STAGE, RETURN = EVENTS.alias("stage"), EVENTS.alias("return")
WRITTEN = STAGE.c.trigger == "written"
# Written instructions are tried by being shown, but only where they are the page's first step.
TRIED = sql.or_(STAGE.c.name.in_(TRIES), sql.and_(STAGE.c.name == "shown", WRITTEN))
VISIT = ELIGIBLE.c.day, ELIGIBLE.c.visit
# A literal, since SQLite takes no parameter for what a partial index says.
IS_FIRST = ELIGIBLE.c.once == sql.literal_column("'eligible'")
Column = sql.ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Scope:
    """Visits of one `rule` (None: all), of the day of `since` to the one before `until`.

    Both are in seconds since 1970; an `until` of 0 means that there is no end.
    """

    rule: str | None = None
    since: int = 0
    until: int = 0


class AppCount(NamedTuple):
    """Distinct visits from one host app, by how far they came.

    `eligible` and the later stages do not include visits in a holdout: `held_out` counts these.
    """

    app: str
    platform: str
    goal: str
    eligible: int
    held_out: int
    tried: int
    left: int
    arrived: int

    @property
    def ladder(self) -> tuple[str, str, str]:
        """Whose visits these are, and what they wanted: what its techniques have in common."""
        return self.app, self.platform, self.goal


class TechniqueCount(NamedTuple):
    """Distinct visits in which one technique was tried, by how far they came."""

    app: str
    platform: str
    goal: str
    technique: str
    tried: int
    left: int
    arrived: int

    @property
    def ladder(self) -> tuple[str, str, str]:
        """The ladder that the technique was tried in."""
        return self.app, self.platform, self.goal

    @property
    def step(self) -> tuple[str, str, str, str]:
        """The technique, in its ladder."""
        return self.app, self.platform, self.goal, self.technique


class FirstDay(NamedTuple):
    """Visits of one day (counted from 1970, UTC) that were shown one technique first.

    `reached` are those of them that arrived or, for the goal "app", left.
    """

    app: str
    platform: str
    goal: str
    technique: str
    version: str
    day: int
    shown: int
    reached: int

    @property
    def ladder(self) -> tuple[str, str, str, str]:
        """The technique, in its ladder, in all versions of the host app."""
        return self.app, self.platform, self.goal, self.technique


def apps(connection: sql.Connection, scope: Scope) -> list[AppCount]:
    """The funnel by host app, platform and goal."""
    keys = (ELIGIBLE.c[name] for name in ("app", "platform", "goal"))
    return [AppCount(*row) for row in funnel_by(connection, scope, *keys)]


def funnel_by(connection: sql.Connection, scope: Scope, *keys: Column) -> Iterable[Any]:
    """The funnel by columns of the first event: these, then numbers as in `AppCount`."""
    acted_on = ELIGIBLE.c.arm != "holdout"
    stages = sql.select(
        *keys,
        _any(acted_on).label("eligible"),
        _any(~acted_on).label("held_out"),
        *_reached(acted_on),
    )
    joined = ELIGIBLE.outerjoin(STAGE, sql.and_(same_visit(scope), TRIED))
    joined = joined.outerjoin(RETURN, has_returned(scope))
    visits = stages.select_from(joined).where(*within(scope)).group_by(*VISIT, *keys).subquery()
    return connection.execute(_summed(visits, len(keys)))


def techniques(connection: sql.Connection, scope: Scope) -> list[TechniqueCount]:
    """The funnel by technique.

    Arrivals by the written instructions below a button are in the host app's funnel only: how many
    visitors read these instructions is unknown.
    """
    keys = (ELIGIBLE.c.app, ELIGIBLE.c.platform, ELIGIBLE.c.goal, STAGE.c.technique)
    visits = (
        sql.select(*keys, *_reached())
        .select_from(ELIGIBLE.join(STAGE, same_visit(scope)).outerjoin(RETURN, has_returned(scope)))
        .where(*within(scope), ELIGIBLE.c.arm != "holdout", STAGE.c.technique != "", TRIED)
        .group_by(*VISIT, *keys)
        .having(_any(sql.or_(~WRITTEN, STAGE.c.name == "shown")) == 1)
        .subquery()
    )
    return [TechniqueCount(*row) for row in connection.execute(_summed(visits, 4))]


def first_days(connection: sql.Connection, scope: Scope) -> list[FirstDay]:
    """Visits by the technique that was shown first, and how many reached what it was shown for.

    Only where the site's own page was handed over can a visit arrive; else it leaves by that
    technique, and does not return at once.
    """
    ladder = [ELIGIBLE.c[name] for name in ("app", "platform", "goal", "first", "app_version")]
    proof = sql.case(
        (ELIGIBLE.c.handover == "own", "arrived"), else_=sql.literal("left ") + ELIGIBLE.c.first
    )
    joined = ELIGIBLE.outerjoin(STAGE, sql.and_(same_visit(scope), STAGE.c.once == proof))
    reached = sql.func.count(STAGE.c.visit) - sql.func.count(RETURN.c.visit)
    query = (
        sql.select(*ladder, ELIGIBLE.c.day, sql.func.count(), reached)
        .select_from(joined.outerjoin(RETURN, has_returned(scope)))
        .where(*within(scope), ELIGIBLE.c.first != "")
        .group_by(ELIGIBLE.c.day, *ladder)
    )
    return [FirstDay._make(row) for row in connection.execute(query)]


def tallies(connection: sql.Connection, scope: Scope) -> dict[str, int]:
    """Events that are only counted, by name. Those without a rule are in every rule's figure."""
    total = sql.func.coalesce(sql.func.sum(TALLIES.c.count), 0)
    rule = [] if scope.rule is None else [TALLIES.c.rule.in_(["", scope.rule])]
    until = [TALLIES.c.day < date_of(scope.until)] if scope.until else []
    query = (
        sql.select(TALLIES.c.name, total)
        .where(TALLIES.c.day >= date_of(scope.since), *until, *rule)
        .group_by(TALLIES.c.name)
    )
    found: dict[str, int] = {name: int(count) for name, count in connection.execute(query)}
    return {name: found.get(name, 0) for name in (*COUNTED, "eligible")}


def span(connection: sql.Connection, scope: Scope) -> tuple[int, int] | None:
    """When the first and the last visit became eligible (seconds since 1970); None without one."""
    time = ELIGIBLE.c.time
    query = sql.select(sql.func.min(time), sql.func.max(time)).where(*within(scope))
    first, last = connection.execute(query).one()
    return None if first is None else (first, last)


def within(scope: Scope) -> list[Column]:
    """The conditions by which ELIGIBLE is a visit of the scope."""
    rule = [] if scope.rule is None else [ELIGIBLE.c.rule == scope.rule]
    until = [ELIGIBLE.c.day < scope.until // DAY] if scope.until else []
    return [IS_FIRST, ELIGIBLE.c.day >= scope.since // DAY, *until, *rule]


def same_visit(scope: Scope) -> Column:
    """The condition that a stage belongs to the visit.

    The days are those of the scope, which PostgreSQL's planner does not conclude by itself: it
    would read the whole table.
    """
    same = STAGE.c.day == ELIGIBLE.c.day, STAGE.c.visit == ELIGIBLE.c.visit
    until = [STAGE.c.day < scope.until // DAY] if scope.until else []
    return sql.and_(*same, STAGE.c.day >= scope.since // DAY, *until)


def has_returned(scope: Scope) -> Column:
    """The condition that a visitor who left by a technique came back at once."""
    return sql.and_(
        *(RETURN.c[name] == STAGE.c[name] for name in ("day", "visit")),
        RETURN.c.day >= scope.since // DAY,
        RETURN.c.once == sql.literal("returned ") + STAGE.c.technique,
        STAGE.c.name == "left",
    )


def _reached(*conditions: Column) -> tuple[Column, ...]:
    """1 for each of tried, left and arrived, else 0; of stages that are TRIED.

    Each includes the next: a visit that arrived has left, even if no event says so. A visitor
    who left by a technique and came back at once has not left by it.
    """
    has_arrived = STAGE.c.name == "arrived"
    is_away = sql.and_(STAGE.c.name == "left", RETURN.c.visit.is_(None))
    arrived, left = _any(*conditions, has_arrived), _any(*conditions, is_away | has_arrived)
    tried = _any(*conditions, STAGE.c.name.is_not(None))
    return tried.label("tried"), left.label("left"), arrived.label("arrived")


def _any(*conditions: Column) -> Column:
    """1 if any row of the group meets all conditions, else 0."""
    return sql.func.max(sql.case((sql.and_(*conditions), 1), else_=0))


def _summed(visits: sql.Subquery, keys: int) -> sql.Select[Any]:
    columns = list(visits.c)
    return (
        sql.select(*columns[:keys], *(sql.func.sum(column) for column in columns[keys:]))
        .group_by(*columns[:keys])
        .order_by(*columns[:keys])
    )
