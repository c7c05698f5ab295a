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

Counts = Mapping[tuple[str, int], int]  # by arm and day


class Daily(NamedTuple):
    """Both arms at the end of a `day` (counted from 1970, UTC): successes of all visits so far."""

    day: int
    escape: Share
    holdout: Share

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
    visits: dict[str, Counter[tuple[str, int]]] = defaultdict(Counter)
    planned: dict[str, int] = {}
    every: Counter[str] = Counter()
    for arm in arms:
        every[arm.experiment] += arm.visits
        if newest[arm.experiment, arm.rule] == arm.version:
            visits[arm.experiment][arm.arm, arm.day] += arm.visits
            planned[arm.experiment] = arm.planned
    successes: dict[str, dict[str, Counter[tuple[str, int]]]] = defaultdict(
        lambda: defaultdict(Counter)
    )
    for found in outcomes:
        if newest[found.experiment, found.rule] == found.version:
            of_outcome = successes[found.experiment][found.outcome]
            of_outcome[found.arm, found.day] += found.successes
    for experiment, sizes in sorted(visits.items()):
        earlier = every[experiment] - sizes.total()
        for outcome, counts in sorted((successes.get(experiment) or {"": Counter()}).items()):
            days = tuple(_days(sizes, counts))
            yield Series(experiment, outcome, days, planned[experiment], earlier)


def _days(visits: Counts, successes: Counts) -> Iterator[Daily]:
    days = range(min(day for _, day in visits), max(day for _, day in visits) + 1)
    arms = (_totals(arm, days, visits, successes) for arm in ("escape", "holdout"))
    return (Daily(*row) for row in zip(days, *arms, strict=True))


def _totals(arm: str, days: range, visits: Counts, successes: Counts) -> Iterator[Share]:
    counts = accumulate(successes.get((arm, day), 0) for day in days)
    sizes = accumulate(visits.get((arm, day), 0) for day in days)
    return (Share(count, of) for count, of in zip(counts, sizes, strict=True))
