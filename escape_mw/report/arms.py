"""Queries of the arms of experiments: their visits and outcomes, by day.

An experiment is read from its beginning, whatever period is reported: a verdict over a part of its
visits that was chosen after a look at them would be one more look.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import sqlalchemy as sql

from ..events.tables import EVENTS
from ..web.days import DAY
from .counts import ELIGIBLE, IS_FIRST, STAGE, TRIES, Column, Scope, same_visit, within

ARRIVAL = EVENTS.alias("arrival")
HAS_ARRIVED = sql.and_(
    ARRIVAL.c.day == ELIGIBLE.c.day,
    ARRIVAL.c.visit == ELIGIBLE.c.visit,
    ARRIVAL.c.once == "arrived",
    ELIGIBLE.c.arm == "escape",
)
TRIAL = (ELIGIBLE.c.experiment, ELIGIBLE.c.rule, ELIGIBLE.c.rule_version)


class ArmDay(NamedTuple):
    """Visits in one arm of an experiment, eligible on one day (counted from 1970, UTC).

    They came by one version of one rule, with so many `planned`; `last` is when the last did. Of
    them, `hintless` are on Android without client hints, and `arrived` in the real browser. On
    `tried` something was tried, although they are held out.
    """

    experiment: str
    rule: str
    version: str
    planned: int
    arm: str
    day: int
    visits: int
    last: int
    hintless: int = 0
    arrived: int = 0
    tried: int = 0


class OutcomeDay(NamedTuple):
    """Of such visits, those that had the outcome, on whichever day it came.

    `hasty` are those that had it within a second, `arrived` those that arrived, too.
    """

    experiment: str
    rule: str
    version: str
    outcome: str
    arm: str
    day: int
    successes: int
    hasty: int = 0
    arrived: int = 0


def arms(connection: sql.Connection, scope: Scope) -> tuple[list[ArmDay], list[OutcomeDay]]:
    """The experiments that have visits in the scope: all their visits before its end."""
    names = _names(connection, scope)
    if not names:
        return [], []
    is_one = sql.and_(IS_FIRST, ELIGIBLE.c.experiment.in_(names))
    begun = connection.execute(sql.select(sql.func.min(ELIGIBLE.c.day)).where(is_one)).scalar_one()
    whole = replace(scope, since=begun * DAY)
    which = [*within(whole), is_one]
    return _arm_days(connection, whole, which), _outcome_days(connection, whole, which)


def _names(connection: sql.Connection, scope: Scope) -> list[str]:
    """The experiments that have visits in the scope."""
    here = sql.select(ELIGIBLE.c.experiment).where(*within(scope)).distinct()
    return [name for name in connection.execute(here).scalars() if name]


def _arm_days(connection: sql.Connection, scope: Scope, which: list[Column]) -> list[ArmDay]:
    keys = (*TRIAL, ELIGIBLE.c.planned, ELIGIBLE.c.arm, ELIGIBLE.c.day)
    tried = sql.exists().where(same_visit(scope), STAGE.c.name.in_(("shown", *TRIES)))
    query = (
        sql.select(
            *keys,
            sql.func.count(),
            sql.func.max(ELIGIBLE.c.time),
            _number(ELIGIBLE.c.hints == "no"),
            sql.func.count(ARRIVAL.c.visit),
            _number(sql.and_(ELIGIBLE.c.arm == "holdout", tried)),
        )
        .select_from(ELIGIBLE.outerjoin(ARRIVAL, HAS_ARRIVED))
        .where(*which)
        .group_by(*keys)
        .order_by(*keys)
    )
    return [ArmDay(*row) for row in connection.execute(query)]


def _outcome_days(
    connection: sql.Connection, scope: Scope, which: list[Column]
) -> list[OutcomeDay]:
    """The day is the visit's, on whichever day the outcome came."""
    keys = (*TRIAL, STAGE.c.outcome, ELIGIBLE.c.arm, ELIGIBLE.c.day)
    joined = ELIGIBLE.join(STAGE, sql.and_(same_visit(scope), STAGE.c.name == "outcome"))
    query = (
        sql.select(
            *keys,
            sql.func.count(),
            _number(STAGE.c.time <= ELIGIBLE.c.time + 1),
            sql.func.count(ARRIVAL.c.visit),
        )
        .select_from(joined.outerjoin(ARRIVAL, HAS_ARRIVED))
        .where(*which)
        .group_by(*keys)
        .order_by(*keys)
    )
    return [OutcomeDay(*row) for row in connection.execute(query)]


def _number(condition: Column) -> Column:
    """How many rows of the group meet it."""
    return sql.func.sum(sql.case((condition, 1), else_=0))
