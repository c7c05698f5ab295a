"""The whole report as values, from which text, HTML and JSON are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from ..web.days import DAY
from . import counts
from .arms import arms
from .counts import AppCount, Scope
from .daily import daily
from .funnel import Funnel, Line, funnels
from .health import HISTORY, Health, health
from .parts import Part, parts_by
from .readings import Plan, Reading, analyse

if TYPE_CHECKING:
    from sqlalchemy import Connection

Found = TypeVar("Found")
QUERIES = 7  # of a summary, without a comparison


@dataclass(frozen=True, slots=True)
class Before:
    """The total by goal of an earlier period, to compare with."""

    scope: Scope
    totals: dict[str, Line]


@dataclass(frozen=True, slots=True)
class Summary:
    """All values of the report. `made`, `first` and `last` are in seconds since 1970.

    `first` and `last` are those of the eligible visits, None without one. `parts` are the visits by
    the dimension `by`; none by "app", which the funnels have.
    """

    scope: Scope
    plan: Plan
    made: int
    first: int | None
    last: int | None
    funnels: tuple[Funnel, ...]
    health: tuple[Health, ...]
    readings: tuple[Reading, ...]
    tallies: dict[str, int]
    before: Before | None = None
    by: str = "app"
    parts: tuple[Part, ...] = ()

    def total(self, goal: str) -> Line | None:
        """The total of all visits with this goal; None without a visit."""
        return next((funnel.total for funnel in self.funnels if funnel.goal == goal), None)

    @property
    def eligible(self) -> int:
        """Eligible visits of both goals."""
        return sum(funnel.total.eligible for funnel in self.funnels)

    @property
    def held_out(self) -> int:
        """Eligible visits in a holdout."""
        return sum(funnel.total.held_out for funnel in self.funnels)


def summary(
    connection: Connection,
    scope: Scope,
    plan: Plan,
    now: int,
    tell: Callable[[], object] = lambda: None,
    *,
    before: Scope | None = None,
    by: str = "app",
) -> Summary:
    """Query the database and analyse what it returns; `tell` is called after each query.

    Whatever `scope.since` is, an experiment is read from its beginning, and the health of
    techniques from the last HISTORY days.
    `before` is an earlier period to compare with; `by` a dimension: "rule", "word" or "app".
    """

    def asked(query: Callable[..., Found], *arguments: object) -> Found:
        found = query(connection, *arguments)
        tell()
        return found

    span = asked(counts.span, scope)
    end = min(now, scope.until - 1) if scope.until else now
    days = daily(*asked(arms, scope))
    return Summary(
        scope=scope,
        plan=plan,
        made=now,
        first=span[0] if span else None,
        last=span[1] if span else None,
        funnels=funnels(asked(counts.apps, scope), asked(counts.techniques, scope)),
        health=health(asked(counts.first_days, _of_health(scope, end)), end // DAY),
        readings=tuple(analyse(series, plan, now, scope.until) for series in days),
        tallies=asked(counts.tallies, scope),
        before=None if before is None else _before(before, asked(counts.apps, before)),
        by=by,
        parts=asked(parts_by, scope, by),
    )


def _before(scope: Scope, apps: Iterable[AppCount]) -> Before:
    return Before(scope, {funnel.goal: funnel.total for funnel in funnels(apps, ())})


def _of_health(scope: Scope, end: int) -> Scope:
    return replace(scope, since=max(0, end - HISTORY * DAY))
