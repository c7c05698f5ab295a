"""Dates of the rules file: whose clock, and what clocks never show or show twice."""

from __future__ import annotations

import re
from datetime import datetime, timezone

import pytest

from escape_mw.rules import moment_of
from escape_mw.rules.moments import shown

MOMENTS = [
    pytest.param("2026-12-04T00:00 Europe/London", "2026-12-04T00:00+00:00", id="winter"),
    pytest.param("2026-07-04T00:00 Europe/London", "2026-07-03T23:00+00:00", id="summer"),
    pytest.param("2026-12-04 America/New_York", "2026-12-04T05:00+00:00", id="a day begins"),
    pytest.param("2026-12-04 18:30:15 Asia/Kolkata", "2026-12-04T13:00:15+00:00", id="half hours"),
    pytest.param("2026-12-04T00:00Z", "2026-12-04T00:00+00:00", id="Z"),
    pytest.param("2026-12-04T00:00+05:30", "2026-12-03T18:30+00:00", id="an offset"),
    pytest.param("2026-12-04T00:00-08:00", "2026-12-04T08:00+00:00", id="an offset to the west"),
]


@pytest.mark.parametrize(("text", "expected"), MOMENTS)
def test_a_moment(text, expected):
    assert moment_of(text, ValueError) == datetime.fromisoformat(expected).timestamp()


REFUSED = [
    pytest.param("2026-12-04T00:00", "needs a time zone", id="no zone"),
    pytest.param("2026-12-04", "needs a time zone", id="a day alone"),
    pytest.param("4.12.2026 Europe/London", "is not a date and a time", id="another order"),
    pytest.param("tomorrow", "is not a date and a time", id="a word"),
    pytest.param("2026-02-30 Europe/London", "day is out of range", id="no such day"),
    pytest.param("2026-12-04T25:00Z", "hour must be in", id="no such hour"),
    pytest.param("2026-12-04T00:00+25:00", "is not a date and a time", id="no such offset"),
    pytest.param("2026-12-04T00:00+10:99", "is not a date and a time", id="no such minutes"),
    pytest.param("2026-12-04 Europe/Londn", "is not a known time zone", id="no such zone"),
    pytest.param("2026-12-04 ../etc/passwd", "is not a date and a time", id="a path"),
    pytest.param("9999-12-31T23:59 America/New_York", "years 1 to 9999", id="too late for UTC"),
    pytest.param("0001-01-01T00:00 Europe/Berlin", "years 1 to 9999", id="too early for UTC"),
    pytest.param("9999-12-31T23:59-01:00", "years 1 to 9999", id="too late by an offset"),
    pytest.param("2026-03-29T01:30 Europe/London", "never show this time", id="put forward"),
    pytest.param(
        "2026-10-25T01:30 Europe/London",
        "twice; write the first as 2026-10-25T01:30:00+01:00",
        id="put back",
    ),
]


@pytest.mark.parametrize(("text", "problem"), REFUSED)
def test_what_is_no_moment(text, problem):
    with pytest.raises(OwnError, match=re.escape(problem)):
        moment_of(text, OwnError)


class OwnError(ValueError):
    """The caller's own."""


def test_shown_in_utc():
    at = datetime(2026, 12, 4, 5, tzinfo=timezone.utc).timestamp()
    assert shown(int(at)) == "2026-12-04 05:00 UTC"
