from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from itsdangerous import TimestampSigner

from escape_mw import EscapeMiddleware, Rules, load
from escape_mw.decision.markers import MarkerSigner

from .postgres import database_url, postgres  # noqa: F401 - fixtures of events' tests

SECRET = "a secret for tests only"
NOW = 1_800_000_000
TOKEN = "visit.a0nSAA.ePg9RKkoNs5A5RCf-wPKjZszdFo"


@pytest.fixture
def fixed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Rules]:
    """Rules whose markers all carry TOKEN: one visit, one secret, one moment."""
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: NOW)

    def make(source: Mapping[str, Any] | str | None = None) -> Rules:
        rules = load(source)
        markers = MarkerSigner(rules.policy.markers.name, SECRET, new_visit=lambda: "visit")
        return replace(rules, policy=replace(rules.policy, markers=markers))

    return make


@pytest.fixture
def wrapped(fixed: Callable[[Any], Rules]) -> Callable[..., EscapeMiddleware]:
    """An application, wrapped, with markers that all carry TOKEN."""

    def make(app: Any, source: Mapping[str, Any] | None = None, **options: Any) -> EscapeMiddleware:
        return EscapeMiddleware(app, fixed(source), **options)

    return make


def corpus(name: str) -> list[dict[str, Any]]:
    """Rows of a labelled corpus, or a skipped test where none is at hand."""
    folder = os.environ.get("ESCAPE_MW_CORPORA")
    if not folder:
        pytest.skip("ESCAPE_MW_CORPORA names no folder")
    with Path(folder, name).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(autouse=True)
def _no_mode_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ESCAPE_MW", raising=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Captured text may hold half a surrogate, which no worker can send to another process."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections
    ]
    return report
