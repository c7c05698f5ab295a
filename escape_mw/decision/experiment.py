"""An experiment: which visits are handed over, and which are let through to compare with.

The arm is a keyed hash of the visit's id, so that every process assigns the same one and nothing
need be stored. Nothing of the visitor is hashed, and without the secret nobody can compute an arm.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .draw import draw

Arm = Literal["escape", "holdout"]


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment of a rule: `holdout` is the share of visits that is let through, 0 to 1.

    `planned` is the number of visits at which it is read once, 0 without a plan.
    """

    name: str
    holdout: float
    secret: str = field(repr=False)
    planned: int = 0

    def arm(self, visit: str) -> Arm:
        """The arm of a visit, by its id."""
        number = draw(visit, self.name, b"escape_mw.arm", self.secret)
        return "holdout" if number < self.holdout else "escape"
