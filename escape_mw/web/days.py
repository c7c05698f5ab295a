"""Days: UTC's, written as 2026-11-28 (ISO 8601); moments are seconds since 1970."""

from __future__ import annotations

import time
from calendar import timegm

DAY = 86_400  # seconds
FORM = "%Y-%m-%d"


def date_of(moment: int) -> str:
    """The date of a moment."""
    return time.strftime(FORM, time.gmtime(moment))


def iso_of(moment: int) -> str:
    """A moment with its time: 2026-11-28T09:30:00Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def start_of(date: str) -> int:
    """The moment at which a date begins. Raises ValueError for any other text."""
    return timegm(time.strptime(date, FORM))
