from __future__ import annotations

import logging
from collections.abc import Generator
from pathlib import Path

import hypothesis
import pytest

from escape_mw.engine.notices import WARNED_OF, warn_of_old_facts, warn_of_policy
from escape_mw.engine.outcomes import ENGINES
from escape_mw.events.recorder import RECORDERS, UNDELIVERED

from .support.postgres import database_url, postgres  # noqa: F401 - fixtures of events' tests

# A busy machine is no fault of the code.
hypothesis.settings.register_profile("without a clock", deadline=None)
hypothesis.settings.load_profile("without a clock")
# For `nox -s mutants`, which runs a test many times and counts on the same answer.
hypothesis.settings.register_profile(
    "mutants", deadline=None, max_examples=20, derandomize=True, database=None
)

TESTS = Path(__file__).parent
# What needs a browser, or starts servers of its own.
MARKED = {"engines": "engines", "servers": "servers"} | dict.fromkeys(
    ("edge/test_edges.py", "edge/test_examples.py", "edge/test_gate.py"), "servers"
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark by place, so that no new module is forgotten."""
    for item in items:
        place = item.path.relative_to(TESTS).as_posix()
        for start, mark in MARKED.items():
            if place.startswith(start):
                item.add_marker(mark)


@pytest.fixture(autouse=True)
def _no_mode_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ESCAPE_MW_MODE", raising=False)


@pytest.fixture(autouse=True)
def _fresh_process() -> Generator[None, None, None]:
    """Each test begins as a process does, and leaves no event that could be logged in another."""
    before, recorders = list(ENGINES), set(RECORDERS)
    log = logging.getLogger("escape_mw")
    level, handlers = log.level, list(log.handlers)
    ENGINES.clear()
    WARNED_OF.clear()
    warn_of_old_facts.cache_clear()
    warn_of_policy.cache_clear()
    yield
    log.setLevel(level)
    log.handlers[:] = handlers
    ENGINES.extend(before)
    for recorder in UNDELIVERED - recorders:
        recorder.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Captured text may hold half a surrogate, which no worker can send to another process."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections
    ]
    return report
