"""Both arms of an experiment, as running totals by day.

An experiment is not pooled over a change of its rule: it begins anew with each version of it. That
holds for a plan too, so none can be made after a look at the visits that it counts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

from .arms import ArmDay, OutcomeDay
from .statistics import Share

Counts = Counter[tuple[str, str, int]]  # of what, by arm and day


class Daily(NamedTuple):
    """Both arms at the end of a `day` (counted from 1970, UTC): successes of all visits so far.

    `arrived` are the escape arm's visits that arrived, `tried` the held-out visits on which
    something was tried all the same. Of both arms, `hintless` are the visits on Android without
    client hints, `hasty` those with the outcome within a second.
    """

    day: int
    escape: Share
    holdout: Share
    arrived: Share = Share(0, 0)
    hintless: tuple[int, int] = (0, 0)
    hasty: tuple[int, int] = (0, 0)
    tried: int = 0

    @property
    def visits(self) -> int:
        """The visits of both arms."""
        return self.escape.of + self.holdout.of


class Series(NamedTuple):
    """One experiment and one of its outcomes ("" if none was recorded), its days without a gap.

    `planned` is the planned number of visits, 0 without a plan; `earlier` the visits from before
    the last change of the rule, which are in no day.
    """

    experiment: str
    outcome: str
    days: Sequence[Daily]
    planned: int = 0
    earlier: int = 0


def daily(arms: Iterable[ArmDay], outcomes: Iterable[OutcomeDay]) -> Iterator[Series]:
    """Each experiment with each of its outcomes, by the newest version of each of its rules."""
    arms = sorted(arms, key=lambda arm: arm.last)
    newest = {(arm.experiment, arm.rule): arm.version for arm in arms}
    visits: dict[str, Counts] = defaultdict(Counter)
    planned: dict[str, int] = {}
    every: Counter[str] = Counter()
    for arm in arms:
        every[arm.experiment] += arm.visits
        if newest[arm.experiment, arm.rule] == arm.version:
            counted = {"visits": arm.visits, "hintless": arm.hintless}
            counted |= {"arrived": arm.arrived, "tried": arm.tried}
            _add(visits[arm.experiment], arm, counted)
            planned[arm.experiment] = arm.planned
    successes: dict[str, dict[str, Counts]] = defaultdict(lambda: defaultdict(Counter))
    for row in outcomes:
        if newest[row.experiment, row.rule] == row.version:
            counted = {"with": row.successes, "hasty": row.hasty, "arrived with": row.arrived}
            _add(successes[row.experiment][row.outcome], row, counted)
    for experiment, sizes in sorted(visits.items()):
        read = sum(number for (what, _, _), number in sizes.items() if what == "visits")
        earlier = every[experiment] - read
        for outcome, counts in sorted((successes.get(experiment) or {"": Counter()}).items()):
            days = tuple(_days(sizes + counts))
            yield Series(experiment, outcome, days, planned[experiment], earlier)


def _add(counts: Counts, row: ArmDay | OutcomeDay, counted: Mapping[str, int]) -> None:
    for what, number in counted.items():
        counts[what, row.arm, row.day] += number


def _days(counts: Counts) -> Iterator[Daily]:
    found = [day for what, _, day in counts if what == "visits"]
    days = range(min(found), max(found) + 1)

    def totals(what: str, arm: str) -> Iterable[int]:
        return accumulate(counts[what, arm, day] for day in days)

    def shares(arm: str, of: str = "visits", count: str = "with") -> Iterable[Share]:
        return map(Share, totals(count, arm), totals(of, arm))

    def pairs(what: str) -> Iterable[tuple[int, int]]:
        return zip(totals(what, "escape"), totals(what, "holdout"), strict=True)

    arrived = shares("escape", "arrived", "arrived with")
    rows = shares("escape"), shares("holdout"), arrived, pairs("hintless"), pairs("hasty")
    tried = totals("tried", "holdout")
    return (Daily(*row) for row in zip(days, *rows, tried, strict=True))
