"""Days and moments are UTC's, wherever the server stands."""

from __future__ import annotations

import time

import pytest

from escape_mw.web.days import date_of, iso_of, start_of

MOMENT = 1_764_412_200  # 2025-11-29, half past ten in the morning


@pytest.fixture(params=["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def _zone(request, monkeypatch):
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_zone")
def test_a_moment_has_one_date_all_over_the_world():
    assert date_of(MOMENT) == "2025-11-29"
    assert iso_of(MOMENT) == "2025-11-29T10:30:00Z"
    assert start_of("2025-11-29") == MOMENT - 10.5 * 3600
