"""Techniques that stopped working: what is said of each today, by `watch`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from .counts import FirstDay
from .statistics import Share
from .watch import Reference, State, watch

RECENT = 7  # days
HISTORY = 95  # days that are read: what died 60 days ago, and the 35 before, to compare with
ORDER = ("stopped", "never-worked", "steady", "too-few")


@dataclass(frozen=True, slots=True)
class Health:
    """One technique in one major version of a host app, by visits that were shown it first.

    `before` is the share that arrived in the steady period, None where none was yet; `now` that of
    the last 7 days, `ever` of all days. `status` is as in `State`; `since` is the day on which it
    stopped (counted from 1970, UTC). For the goal "app" the shares are of visits that left: the
    music app never reports back.
    """

    app: str
    version: str
    platform: str
    goal: str
    technique: str
    before: float | None
    now: Share
    ever: Share
    status: str
    since: int | None

    @property
    def is_weak(self) -> bool:
        """Whether departures are counted, because arrivals are unknown."""
        return self.goal == "app"


def health(rows: Iterable[FirstDay], today: int) -> tuple[Health, ...]:
    """Every technique that was shown first: the worst first, then by name.

    `rows` are in order, with the versions of an app from the oldest to the newest; a version begins
    with the reference of the one before it. `today` is counted from 1970.
    """
    found = []
    for _, versions in groupby(sorted(rows, key=_age), key=lambda row: row.ladder):
        reference: Reference | None = None
        for _, days in groupby(versions, key=lambda row: row.version):
            row, state = _health(list(days), today, reference)
            reference = state.reference
            found.append(row)
    return tuple(sorted(found, key=lambda row: ORDER.index(row.status)))


def _age(row: FirstDay) -> tuple[object, ...]:
    version = int(row.version) if row.version.isdecimal() else 0
    return *row.ladder, version, row.version, row.day


def _health(days: list[FirstDay], today: int, earlier: Reference | None) -> tuple[Health, State]:
    first, row = days[0].day, days[0]
    shown, reached = ([0] * (max(today, days[-1].day) - first + 1) for _ in range(2))
    for one in days:
        shown[one.day - first], reached[one.day - first] = one.shown, one.reached
    *_, last = watch(shown, reached, earlier)
    found = Health(
        row.app,
        row.version,
        row.platform,
        row.goal,
        row.technique,
        before=last.reference.rate if last.reference else None,
        now=Share(sum(reached[-RECENT:]), sum(shown[-RECENT:])),
        ever=Share(sum(reached), sum(shown)),
        status=last.said,
        since=None if last.since is None else first + last.since,
    )
    return found, last
