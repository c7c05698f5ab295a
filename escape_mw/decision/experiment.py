"""An experiment: which visits are handed over, and which are let through to compare with.

The arm is a keyed hash of the visit's id, so that every process assigns the same one and nothing
need be stored. Nothing of the visitor is hashed, and without the secret nobody can compute an arm.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Literal

Arm = Literal["escape", "holdout"]
SCALE = 1 << 64


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment of a rule: `holdout` is the share of visits that is let through, 0 to 1."""

    name: str
    holdout: float
    secret: str = field(repr=False)

    def arm(self, visit: str) -> Arm:
        """The arm of a visit, by its id (BLAKE2b as a keyed hash: RFC 7693, 2.9)."""
        key = hashlib.blake2b(self.secret.encode(), salt=b"escape_mw.arm").digest()
        digest = hashlib.blake2b(f"{self.name}\0{visit}".encode(), key=key, digest_size=8).digest()
        is_held = int.from_bytes(digest, "big") / SCALE < self.holdout
        return "holdout" if is_held else "escape"
