"""Queries of the arms of experiments: their visits and outcomes, by day.

An experiment is read from its beginning, whatever period is reported: a verdict over a part of its
visits that was chosen after a look at them would be one more look.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import sqlalchemy as sql

from ..web.days import DAY
from .counts import ELIGIBLE, IS_FIRST, SAME_VISIT, STAGE, Column, Scope, within

TRIAL = (ELIGIBLE.c.experiment, ELIGIBLE.c.rule, ELIGIBLE.c.rule_version)


class ArmDay(NamedTuple):
    """Visits in one arm of an experiment, eligible on one day (counted from 1970, UTC).

    They came by one version of one rule, with so many `planned`; `last` is when the last did.
    """

    experiment: str
    rule: str
    version: str
    planned: int
    arm: str
    day: int
    visits: int
    last: int


class OutcomeDay(NamedTuple):
    """Of such visits, those that had the outcome, on whichever day it came."""

    experiment: str
    rule: str
    version: str
    outcome: str
    arm: str
    day: int
    successes: int


def arms(connection: sql.Connection, scope: Scope) -> tuple[list[ArmDay], list[OutcomeDay]]:
    """The experiments that have visits in the scope: all their visits before its end."""
    here = sql.select(ELIGIBLE.c.experiment).where(*within(scope)).distinct()
    names = [name for name in connection.execute(here).scalars() if name]
    if not names:
        return [], []
    is_one = sql.and_(IS_FIRST, ELIGIBLE.c.experiment.in_(names))
    begun = connection.execute(sql.select(sql.func.min(ELIGIBLE.c.day)).where(is_one)).scalar_one()
    which = [*within(replace(scope, since=begun * DAY)), is_one]
    return _arm_days(connection, which), _outcome_days(connection, which)


def _arm_days(connection: sql.Connection, which: list[Column]) -> list[ArmDay]:
    keys = (*TRIAL, ELIGIBLE.c.planned, ELIGIBLE.c.arm, ELIGIBLE.c.day)
    query = (
        sql.select(*keys, sql.func.count(), sql.func.max(ELIGIBLE.c.time))
        .where(*which)
        .group_by(*keys)
        .order_by(*keys)
    )
    return [ArmDay(*row) for row in connection.execute(query)]


def _outcome_days(connection: sql.Connection, which: list[Column]) -> list[OutcomeDay]:
    """The day is the visit's, on whichever day the outcome came."""
    keys = (*TRIAL, STAGE.c.outcome, ELIGIBLE.c.arm, ELIGIBLE.c.day)
    query = (
        sql.select(*keys, sql.func.count())
        .select_from(ELIGIBLE.join(STAGE, sql.and_(SAME_VISIT, STAGE.c.name == "outcome")))
        .where(*which)
        .group_by(*keys)
        .order_by(*keys)
    )
    return [OutcomeDay(*row) for row in connection.execute(query)]
