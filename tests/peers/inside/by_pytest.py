"""pytest, and a plugin that notes how each test comes out."""

from __future__ import annotations

from typing import Any

import pytest
from outcomes import note


class Plugin:
    """What pytest tells of each phase of a test."""

    def pytest_runtest_logreport(self, report: Any) -> None:
        note(report.nodeid, report.outcome)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            note(f"collecting {report.nodeid}", "failed")


def run(words: list[str]) -> None:
    """As `python -m pytest` does."""
    pytest.main(["-q", "-p", "no:cacheprovider", *words], plugins=[Plugin()])
