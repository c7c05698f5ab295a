"""Waiting for what another thread or process does."""

from __future__ import annotations

import time


def until(condition, seconds=30):
    """Wait until another thread or process has made the condition true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)
