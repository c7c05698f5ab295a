"""Outcomes: how the site says that what it wanted has happened."""

from __future__ import annotations

from .engine import ENGINES


def record(outcome: str, visit: str | None) -> bool:
    """Record that what the site wanted has happened in a visit, such as a pre-save.

    `outcome` is the site's own word for it, `visit` what stood in environ["escape_mw.visit"], within a day and once;
    None and "" are taken for a visit that is not measured. Returns whether the visit is one of this process's middleware.
    """
    return bool(visit) and any(engine.record(outcome, visit or "") for engine in ENGINES)
