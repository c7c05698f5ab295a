"""Periods as the rules and the command line write them: 90d, 13mo, 2y."""

from __future__ import annotations

DAY = 86_400  # seconds
UNITS = {"d": DAY, "mo": DAY * 365.25 / 12, "y": DAY * 365.25}


def seconds(period: str) -> int:
    """The length of a period in seconds; a month is the twelfth of a year. The schema has looked at its form."""
    number = period.rstrip("dmoy")
    return int(int(number) * UNITS[period.removeprefix(number)])
