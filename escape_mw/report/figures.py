"""Formatting of numbers, days and names, the same in every form of the report."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..web.days import DAY, date_of
from .funnel import Line
from .health import Health
from .statistics import Share, wilson

Names = Mapping[str, str]  # a host app's name by its id
PLATFORMS = {"ios": "iOS", "android": "Android"}
GOALS = {"app": "music app", "browser": "real browser"}
NOTHING = "\u2014"


def count(number: int) -> str:
    """An integer: 1204 is "1,204"."""
    return f"{number:,}"


def visits(number: int) -> str:
    """A number of visits: "1,204 visits", "1 visit"."""
    return f"{count(number)} visit{'' if number == 1 else 's'}"


def percent(share: float) -> str:
    """A fraction as a percentage: 0.24 is "24.0%"."""
    return f"{share:.1%}"


def share(value: Share) -> str:
    """The rate, "24.0%"; a dash for a share of no visits."""
    return percent(value.rate) if value.of else NOTHING


def change(ratio: float) -> str:
    """A ratio as a relative change: 1.48 is "+48%"; "any" for an unbounded one."""
    return "any" if ratio == math.inf else f"{ratio - 1:+.0%}".replace("-", "\u2212")


def points(difference: float) -> str:
    """A difference in percentage points: 0.049 is "+4.9"."""
    return f"{difference * 100:+.1f}".replace("-", "\u2212")


def span(value: Share) -> str:
    """The 95 % interval (Wilson), "22.8 to 25.2%"; "" for a share of no visits."""
    interval = wilson(value)
    return "" if interval is None else f"{interval.low * 100:.1f} to {percent(interval.high)}"


def rate(value: Share) -> str:
    """The rate and its interval, "24.0% (22.8 to 25.2%)"; a dash for a share of no visits."""
    return f"{share(value)} ({span(value)})" if value.of else NOTHING


def day(number: int) -> str:
    """The date of a day counted from 1970: "2026-11-22"."""
    return date_of(number * DAY)


def audience(row: Line | Health, names: Names) -> str:
    """Host app and platform, "TikTok 41 on Android"; "total" for all host apps."""
    if not row.platform:
        return "total"
    app = names.get(row.app, row.app) or "Unidentified host app"
    if isinstance(row, Health) and row.version:
        app = f"{app} {row.version}"
    return f"{app} on {PLATFORMS.get(row.platform, row.platform)}"


def goal(name: str) -> str:
    """Where the rule leads the visitor: "to the music app"."""
    return f"to the {GOALS.get(name, name or 'destination')}"
