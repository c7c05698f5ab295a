"""How numbers, days and names are written, the same in every form of the report."""

from __future__ import annotations

import time
from collections.abc import Mapping

from .counts import DAY
from .funnel import Line
from .health import Health
from .statistics import Share, wilson

Names = Mapping[str, str]  # a host app's name by its id
PLATFORMS = {"ios": "iOS", "android": "Android"}
GOALS = {"app": "music app", "browser": "real browser"}
NOTHING = "\u2014"


def count(number: int) -> str:
    """1,204."""
    return f"{number:,}"


def visits(number: int) -> str:
    """1,204 visits, or 1 visit."""
    return f"{count(number)} visit{'' if number == 1 else 's'}"


def percent(share: float) -> str:
    """24.0%, from 0.24."""
    return f"{share:.1%}"


def share(value: Share) -> str:
    """24.0%; a dash of nothing."""
    return percent(value.rate) if value.of else NOTHING


def change(ratio: float) -> str:
    """+48%, from a ratio of 1.48."""
    return f"{ratio - 1:+.0%}".replace("-", "\u2212")


def points(difference: float) -> str:
    """+4.9, in percentage points, from 0.049."""
    return f"{difference * 100:+.1f}".replace("-", "\u2212")


def span(value: Share) -> str:
    """22.8 to 25.2%, the 95% interval (Wilson); nothing of nothing."""
    interval = wilson(value)
    return "" if interval is None else f"{interval.low * 100:.1f} to {percent(interval.high)}"


def rate(value: Share) -> str:
    """24.0% (22.8 to 25.2%); a dash of nothing."""
    return f"{share(value)} ({span(value)})" if value.of else NOTHING


def chance(p: float | None) -> str:
    """A p-value, in three digits after the point."""
    if p is None:
        return NOTHING
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def date(moment: int) -> str:
    """2026-11-22, of seconds since 1970."""
    return time.strftime("%Y-%m-%d", time.gmtime(moment))


def day(number: int) -> str:
    """2026-11-22, of days since 1970."""
    return date(number * DAY)


def audience(row: Line | Health, names: Names) -> str:
    """Where the visitor was: "TikTok on Android"; "all together" of a total."""
    if not row.platform:
        return "all together"
    return f"{names.get(row.app, row.app) or 'Unnamed host app'} on {PLATFORMS.get(row.platform, row.platform)}"


def goal(name: str) -> str:
    """Where the visitor was led: "to the music app"."""
    return f"to the {GOALS.get(name, name or 'destination')}"
