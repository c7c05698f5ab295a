"""Techniques that stopped working: the last week of each against the four weeks before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..web.days import DAY
from .counts import TechniqueCount
from .statistics import ALPHA, Share, corrected, drop

RECENT = 7 * DAY  # seconds
BEFORE = 28 * DAY
TRIES = 10  # in each of the two periods; with fewer, a technique is not tested
HALF = 0.5  # of the earlier rate: what lies below has stopped; above, it may be other visitors


@dataclass(frozen=True, slots=True)
class Health:
    """One technique in one host app, before and now: the share of tries that arrived.

    For the goal "app" it is the share that left: the music app never reports back. `p` is one-sided
    and corrected for the number of techniques tested (Holm); None with too few tries. `status` is:

    - "stopped": significantly lower (p < 0.05), and less than half of the rate before;
    - "weaker?": significantly lower but not less than half, or only before the correction;
    - "steady": not significantly lower;
    - "too few": fewer than 10 tries in one of the two periods.
    """

    app: str
    platform: str
    goal: str
    technique: str
    before: Share
    now: Share
    p: float | None
    status: str

    @property
    def is_weak(self) -> bool:
        """Whether departures are counted, because arrivals are unknown."""
        return self.goal == "app"


def health(before: Iterable[TechniqueCount], now: Iterable[TechniqueCount]) -> tuple[Health, ...]:
    """Every technique tried in either period: by status, the worst first, then by name."""
    old, new = ({row.step: _share(row) for row in rows} for rows in (before, now))
    nothing = Share(0, 0)
    pairs = {key: (old.get(key, nothing), new.get(key, nothing)) for key in sorted({*old, *new})}
    tested = {
        key: drop(*pair) for key, pair in pairs.items() if min(share.of for share in pair) >= TRIES
    }
    p_values = dict(zip(tested, corrected(list(tested.values())), strict=True))
    rows = [
        Health(*key, *pair, p_values.get(key), _status(*pair, tested.get(key), p_values.get(key)))
        for key, pair in pairs.items()
    ]
    order = ["stopped", "weaker?", "steady", "too few"]
    return tuple(sorted(rows, key=lambda row: order.index(row.status)))


def _share(row: TechniqueCount) -> Share:
    return Share(row.left if row.goal == "app" else row.arrived, row.tried)


def _status(before: Share, now: Share, alone: float | None, p: float | None) -> str:
    if alone is None or p is None:
        return "too few"
    if p < ALPHA and now.rate < HALF * before.rate:
        return "stopped"
    return "weaker?" if alone < ALPHA else "steady"
