"""The visits by a dimension: by rule, or by the site's own word for them (`events.by`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sql

from .counts import (
    ELIGIBLE,
    IS_FIRST,
    STAGE,
    AppCount,
    Column,
    Scope,
    funnel_by,
    same_visit,
    within,
)
from .funnel import Line, whole

if TYPE_CHECKING:
    from sqlalchemy import Connection

DIMENSIONS = {"rule": ELIGIBLE.c.rule, "word": ELIGIBLE.c.by}


class Part(NamedTuple):
    """The visits of one name and goal: the `total` of all host apps, and `outcomes` by name.

    Both leave out visits in a holdout, but for the total's `held_out`.
    """

    name: str
    total: Line
    outcomes: Mapping[str, int]


def outcome_names(rows: Iterable[Part]) -> list[str]:
    """The names of all outcomes in these rows."""
    return sorted({name for row in rows for name in row.outcomes})


def rules(connection: Connection) -> list[str]:
    """The names of the rules that have eligible visits."""
    query = sql.select(ELIGIBLE.c.rule).where(IS_FIRST).distinct()
    return sorted(connection.execute(query).scalars())


def parts_by(connection: Connection, scope: Scope, dimension: str) -> tuple[Part, ...]:
    """The visits by a dimension of DIMENSIONS, those with the most first; none by another."""
    if dimension not in DIMENSIONS:
        return ()
    keys = DIMENSIONS[dimension], ELIGIBLE.c.goal
    outcomes = _outcomes(connection, scope, keys)
    found = (
        Part(name, whole(AppCount("", "", goal, *numbers)), outcomes.get((name, goal), {}))
        for name, goal, *numbers in funnel_by(connection, scope, *keys)
    )
    return tuple(sorted(found, key=lambda row: (-row.total.eligible, row.name, row.total.goal)))


def _outcomes(
    connection: Connection, scope: Scope, keys: Sequence[Column]
) -> Mapping[tuple[str, str], Mapping[str, int]]:
    """How often each outcome was recorded, by keys; of visits that were not held out."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    query = (
        sql.select(*keys, STAGE.c.outcome, sql.func.count())
        .select_from(ELIGIBLE.join(STAGE, sql.and_(same_visit(scope), STAGE.c.name == "outcome")))
        .where(*within(scope), ELIGIBLE.c.arm != "holdout")
        .group_by(*keys, STAGE.c.outcome)
    )
    for row in connection.execute(query):
        found.setdefault((row[0], row[1]), {})[row[2]] = row[3]
    return found
