"""Moments of the rules file: a date and a time, and whose clock shows it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from .fields import invalid

MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?)"
    r"(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d| [A-Za-z][A-Za-z0-9_+/-]*)?",
    re.ASCII,
)
EXAMPLE = "such as 2026-12-04T00:00 Europe/London"


def moment(text: str) -> int:
    """Seconds since 1970, of `2026-12-04T00:00 Europe/London`, or with `Z` or `+01:00` for a zone.

    A date alone means midnight. Raises PydanticCustomError if the zone is missing, has no such
    time or two of them, or if UTC's year then is none from 1 to 9999.
    """
    seconds = _seconds(text)
    try:
        shown(seconds)
    except (ValueError, OverflowError):
        raise invalid(f"{text!r} is not in the years 1 to 9999 of UTC") from None
    return seconds


def _seconds(text: str) -> int:
    match = MOMENT.fullmatch(text)
    if match is None:
        raise invalid(f"{text!r} is not a date and a time {EXAMPLE}")
    if match[2] is None:
        raise invalid(f"{text!r} needs a time zone, {EXAMPLE}")
    try:
        local = datetime.fromisoformat(match[1])
    except ValueError as error:
        raise invalid(f"{text!r}: {error}") from None
    if not match[2].startswith(" "):
        offset = datetime.fromisoformat(f"2000-01-01T00:00{match[2].replace('Z', '+00:00')}")
        return int(local.replace(tzinfo=offset.tzinfo).timestamp())
    return _in_zone(text, local, match[2].strip())


def shown(seconds: int) -> str:
    """A moment for people, in UTC."""
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M} UTC"


def _in_zone(text: str, local: datetime, name: str) -> int:
    try:
        zone = ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        hint = "a name such as Europe/London; where the system has none, install tzdata"
        raise invalid(f"{text!r}: {name} is not a known time zone: {hint}") from None
    first, second = (local.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1))
    if first > second:
        raise invalid(f"{text!r}: clocks are put forward then, and never show this time")
    if first < second:
        there = local.replace(tzinfo=zone).utcoffset() or timedelta()
        sign, minutes = "-" if there < timedelta() else "+", abs(there) // timedelta(minutes=1)
        offset = f"{sign}{minutes // 60:02}:{minutes % 60:02}"
        hint = f"write the first as {local.isoformat()}{offset}"
        raise invalid(f"{text!r}: clocks are put back then, and show this time twice; {hint}")
    return int(first)
