"""How each of a project's tests comes out, whichever program runs them."""

from __future__ import annotations

WORST = ("failed", "skipped", "passed")
OUTCOMES: dict[str, str] = {}


def note(name: str, outcome: str) -> None:
    """A test may say several things, of its parts and phases: the worst counts."""
    OUTCOMES[name] = min(outcome, OUTCOMES.get(name, outcome), key=WORST.index)
