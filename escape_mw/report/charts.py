"""Coordinates of the lift chart: the lift over time in percentage points, with its interval."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .figures import day, points
from .readings import Lift, Reading

WIDTH, HEIGHT = 360, 210
LEFT, RIGHT, TOP, BOTTOM = 40, 10, 10, 24  # margins that hold the axis labels
TICK_SIZES = (1, 2, 2.5, 5, 10)  # times a power of ten
TICKS = 5


@dataclass(frozen=True, slots=True)
class LiftChart:
    """A chart of WIDTH by HEIGHT units; `band` and `line` are points in SVG syntax.

    `rows` and `columns` are the axes' ticks, each a position and a label. `zero` is the height of
    the zero line, `at` the position of the last day's lift.
    """

    band: str
    line: str
    zero: float
    at: tuple[float, float]
    rows: tuple[tuple[float, str], ...]
    columns: tuple[tuple[float, str], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def lift_chart(reading: Reading) -> LiftChart | None:
    """The chart of a reading's lift; None without one, or with fewer than two days of it."""
    days = [(at.day, lift) for at, lift in reading.days if lift]
    if reading.lift is None or len(days) < 2:
        return None
    low, high = _reach(reading.lift)
    first, last = days[0][0], days[-1][0]

    def x(day: float) -> float:
        return LEFT + (day - first) / (last - first) * (WIDTH - LEFT - RIGHT)

    def y(difference: float) -> float:
        """The height of a difference; early intervals, wider than the chart, end at its edges."""
        return TOP + (high - min(max(difference, low), high)) / (high - low) * (
            HEIGHT - TOP - BOTTOM
        )

    return LiftChart(
        band=_band((x(day), y(lift.interval.low), y(lift.interval.high)) for day, lift in days),
        line=_points((x(day), y(lift.difference)) for day, lift in days),
        zero=round(y(0), 1),
        at=(round(x(last), 1), round(y(reading.lift.difference), 1)),
        rows=tuple(
            (round(y(value), 1), points(value) if value else "0")
            for value in _round_values(low, high)
        ),
        columns=((float(LEFT), day(first)), (float(WIDTH - RIGHT), day(last))),
    )


def _reach(lift: Lift) -> tuple[float, float]:
    """The vertical range: the last interval and zero, with half its width around."""
    low, high = lift.interval
    margin = (high - low) / 2
    return min(low, 0) - margin, max(high, 0) + margin


def _round_values(low: float, high: float) -> Iterator[float]:
    """Round values from `low` to `high`, at most one more than TICKS."""
    scale = 10 ** math.floor(math.log10((high - low) / TICKS))
    step = next(step * scale for step in TICK_SIZES if step * scale * TICKS >= high - low)
    return (number * step for number in range(math.ceil(low / step), math.floor(high / step) + 1))


def _band(rows: Iterable[tuple[float, float, float]]) -> str:
    lines = list(rows)
    return _points(
        [(x, high) for x, _, high in lines] + [(x, low) for x, low, _ in reversed(lines)]
    )


def _points(pairs: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in pairs)
