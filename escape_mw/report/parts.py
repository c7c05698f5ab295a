"""The visits by a dimension: by rule, or by the site's own word for them (`events.by`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sql

from .counts import ELIGIBLE, IS_FIRST, Scope, apps
from .funnel import Line, funnels

if TYPE_CHECKING:
    from sqlalchemy import Connection


class Part(NamedTuple):
    """The visits of one name and goal: the `total` of all host apps, and `outcomes` by name."""

    name: str
    total: Line
    outcomes: Mapping[str, int]


def parts(rows: Iterable[Part]) -> tuple[Part, ...]:
    """Those with the most visits first."""
    return tuple(sorted(rows, key=lambda row: (-row.total.eligible, row.name, row.total.goal)))


def outcomes(rows: Iterable[Part]) -> list[str]:
    """The names of all outcomes in these rows."""
    return sorted({name for row in rows for name in row.outcomes})


def rules(connection: Connection) -> list[str]:
    """The names of the rules that have eligible visits."""
    query = sql.select(ELIGIBLE.c.rule).where(IS_FIRST).distinct()
    return sorted(connection.execute(query).scalars())


def _by_rule(connection: Connection, scope: Scope) -> list[Part]:
    names = rules(connection) if scope.rule is None else [scope.rule]
    return [
        Part(name, funnel.total, {})
        for name in names
        for funnel in funnels(apps(connection, replace(scope, rule=name)), ())
    ]


DIMENSIONS: dict[str, Callable[[Connection, Scope], list[Part]]] = {"rule": _by_rule}
