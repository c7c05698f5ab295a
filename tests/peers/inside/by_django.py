"""Django's own program, `runtests.py`, whose runner notes how each test comes out."""
# ruff: noqa: N802 - unittest's names

from __future__ import annotations

import runpy
import sys
from typing import Any
from unittest import TextTestResult

from django.test.runner import DiscoverRunner
from outcomes import note


class Noted(TextTestResult):
    """Every test has passed until it says otherwise, itself or a part of it."""

    def startTest(self, test: Any) -> None:
        super().startTest(test)
        note(test.id(), "passed")

    def addSkip(self, test: Any, reason: str) -> None:
        super().addSkip(test, reason)
        note(test.id(), "skipped")

    def addFailure(self, test: Any, error: Any) -> None:
        super().addFailure(test, error)
        note(test.id(), "failed")

    def addError(self, test: Any, error: Any) -> None:
        super().addError(test, error)
        note(test.id(), "failed")

    def addSubTest(self, test: Any, subtest: Any, error: Any) -> None:
        super().addSubTest(test, subtest, error)
        if error is not None:
            note(test.id(), "failed")

    def addExpectedFailure(self, test: Any, error: Any) -> None:
        super().addExpectedFailure(test, error)
        note(test.id(), "skipped")

    def addUnexpectedSuccess(self, test: Any) -> None:
        super().addUnexpectedSuccess(test)
        note(test.id(), "failed")


def run(words: list[str]) -> None:
    """In one process, for what is noted in another is lost."""
    DiscoverRunner.get_resultclass = lambda _: Noted
    sys.argv = ["runtests.py", "--parallel", "1", *words]
    runpy.run_path("runtests.py", run_name="__main__")
