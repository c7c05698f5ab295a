"""The whole report as values, before anybody words it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import counts
from .counts import Scope
from .daily import daily
from .funnel import Funnel, Line, funnels
from .health import BEFORE, RECENT, Health, health
from .readings import Plan, Reading, analyse

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything that is reported. `made`, `first` and `last` are in seconds since 1970; both None without a visit."""

    scope: Scope
    plan: Plan
    made: int
    first: int | None
    last: int | None
    funnels: tuple[Funnel, ...]
    health: tuple[Health, ...]
    readings: tuple[Reading, ...]
    tallies: dict[str, int]

    def total(self, goal: str) -> Line | None:
        """All visits with this goal; None where there was none."""
        return next((funnel.total for funnel in self.funnels if funnel.goal == goal), None)

    @property
    def held_out(self) -> int:
        """Eligible visits that were left alone, to compare with."""
        return sum(funnel.total.held_out for funnel in self.funnels)


def summary(connection: Connection, scope: Scope, plan: Plan, now: int) -> Summary:
    """Count and read. The health of techniques always looks at the last five weeks before `now`, whatever the scope's beginning."""
    span = counts.span(connection, scope)
    recent = counts.techniques(connection, Scope(scope.rule, now - RECENT))
    before = counts.techniques(connection, Scope(scope.rule, now - RECENT - BEFORE), now - RECENT)
    days = daily(counts.arm_days(connection, scope), counts.outcome_days(connection, scope))
    return Summary(
        scope=scope,
        plan=plan,
        made=now,
        first=span[0] if span else None,
        last=span[1] if span else None,
        funnels=funnels(counts.apps(connection, scope), counts.techniques(connection, scope)),
        health=health(before, recent),
        readings=tuple(
            analyse(experiment, outcome, series, plan, now) for experiment, outcome, series in days
        ),
        tallies=counts.tallies(connection, scope),
    )
