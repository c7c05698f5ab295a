"""Both arms of an experiment, as running totals by day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import NamedTuple

from .counts import ArmDay, OutcomeDay
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


def daily(
    arms: Iterable[ArmDay], outcomes: Iterable[OutcomeDay]
) -> Iterator[tuple[str, str, tuple[Daily, ...]]]:
    """Each experiment, each of its outcomes ("" if none was recorded), its days without a gap."""
    visits: dict[str, dict[tuple[str, int], int]] = defaultdict(dict)
    for arm in arms:
        visits[arm.experiment][arm.arm, arm.day] = arm.visits
    successes: dict[str, dict[str, dict[tuple[str, int], int]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for found in outcomes:
        successes[found.experiment][found.outcome][found.arm, found.day] = found.successes
    for experiment, sizes in visits.items():
        for outcome, counts in (successes.get(experiment) or {"": {}}).items():
            yield experiment, outcome, tuple(_days(sizes, counts))


def _days(visits: Counts, successes: Counts) -> Iterator[Daily]:
    days = range(min(day for _, day in visits), max(day for _, day in visits) + 1)
    arms = (_totals(arm, days, visits, successes) for arm in ("escape", "holdout"))
    return (Daily(*row) for row in zip(days, *arms, strict=True))


def _totals(arm: str, days: range, visits: Counts, successes: Counts) -> Iterator[Share]:
    counts = accumulate(successes.get((arm, day), 0) for day in days)
    sizes = accumulate(visits.get((arm, day), 0) for day in days)
    return (Share(count, of) for count, of in zip(counts, sizes, strict=True))
