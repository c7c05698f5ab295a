"""A server that stands in another time zone."""

from __future__ import annotations

import time
from contextlib import contextmanager

import pytest


@contextmanager
def in_zone(name):
    """Within this, the process's local time is that of a zone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", name)
        time.tzset()
        yield
    time.tzset()
