"""Days and moments are UTC's, wherever the server stands."""

from __future__ import annotations

import pytest

from escape_mw.web.days import date_of, iso_of, start_of

from ..support.zones import in_zone

MOMENT = 1_764_412_200  # 2025-11-29, half past ten in the morning


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_a_moment_has_one_date_all_over_the_world(zone):
    with in_zone(zone):
        assert date_of(MOMENT) == "2025-11-29"
        assert iso_of(MOMENT) == "2025-11-29T10:30:00Z"
        assert start_of("2025-11-29") == MOMENT - 10.5 * 3600
