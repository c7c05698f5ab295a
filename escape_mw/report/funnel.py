"""The funnel: how many eligible visits tried a technique, left the page and arrived."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from .counts import AppCount, TechniqueCount
from .statistics import Share


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a funnel. `technique` is "" for a host app's own line.

    Shares are of the host app's eligible visits, except a technique's `left` and `arrived`: these
    are of the visits in which it was tried. `arrived` is None for the goal "app": the music app
    never reports back.
    """

    app: str
    platform: str
    goal: str
    technique: str
    eligible: int
    held_out: int
    tried: Share
    left: Share
    arrived: Share | None

    @property
    def reached(self) -> Share:
        """The visits that arrived or, where that is unknown, left."""
        return self.left if self.arrived is None else self.arrived


@dataclass(frozen=True, slots=True)
class Funnel:
    """The visits of one `goal`: each host app's line, then its techniques', and the `total`."""

    goal: str
    lines: tuple[Line, ...]
    total: Line


def funnels(apps: Iterable[AppCount], techniques: Iterable[TechniqueCount]) -> tuple[Funnel, ...]:
    """One funnel per goal, the real browser's first; host apps with the most visits come first."""
    by_goal: dict[str, list[AppCount]] = {}
    for row in sorted(apps, key=lambda row: (-row.eligible, row)):
        by_goal.setdefault(row.goal, []).append(row)
    ways = {
        key: sorted(group, key=lambda row: -row.tried)
        for key, group in groupby(sorted(techniques), key=lambda row: row.ladder)
    }
    return tuple(_funnel(goal, by_goal[goal], ways) for goal in sorted(by_goal, reverse=True))


def _funnel(
    goal: str, rows: Sequence[AppCount], ways: Mapping[tuple[str, ...], Sequence[TechniqueCount]]
) -> Funnel:
    lines = (
        line
        for row in rows
        for line in (whole(row), *(_technique(row, way) for way in ways.get(row.ladder, ())))
    )
    total = AppCount(
        app="",
        platform="",
        goal=goal,
        eligible=sum(row.eligible for row in rows),
        held_out=sum(row.held_out for row in rows),
        tried=sum(row.tried for row in rows),
        left=sum(row.left for row in rows),
        arrived=sum(row.arrived for row in rows),
    )
    return Funnel(goal, tuple(lines), whole(total))


def whole(row: AppCount) -> Line:
    """All visits of a count, whatever technique they tried."""
    arrived = None if row.goal == "app" else Share(row.arrived, row.eligible)
    return Line(
        *row.ladder,
        technique="",
        eligible=row.eligible,
        held_out=row.held_out,
        tried=Share(row.tried, row.eligible),
        left=Share(row.left, row.eligible),
        arrived=arrived,
    )


def _technique(app: AppCount, row: TechniqueCount) -> Line:
    arrived = None if row.goal == "app" else Share(row.arrived, row.tried)
    return Line(
        *row.step,
        eligible=app.eligible,
        held_out=app.held_out,
        tried=Share(row.tried, app.eligible),
        left=Share(row.left, row.tried),
        arrived=arrived,
    )
