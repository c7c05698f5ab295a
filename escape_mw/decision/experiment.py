"""An experiment: which visits are handed over, and which are let through to compare with.

The arm comes from a keyed hash, so that every process assigns the same one and nothing need be
stored. Per day, the key is the day's own, made from the rules' secret; what is hashed is the
address and the user agent. Yesterday's arms cannot be linked to today's, and without the secret
nobody can compute any of them.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from .model import Visit

Arm = Literal["escape", "holdout"]
SCALE = 1 << 64


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment of a rule.

    `holdout` is the share of visits that are let through, from 0 to 1; another `seed` assigns other
    arms. `per` says whether a visitor keeps one arm for the day (UTC) or every visit is assigned
    anew. `clock` gives seconds since 1970.
    """

    name: str
    holdout: float
    secret: str = field(repr=False)
    seed: int = 0
    per: Literal["day", "visit"] = "day"
    clock: Callable[[], float] = field(default=time.time, repr=False, compare=False)

    def arm(self, visit: Visit) -> Arm:
        """The arm of a visit."""
        if self.per == "visit":
            position = self._unit_hash("visit", visit.id)
        else:
            today = time.strftime("%Y-%m-%d", time.gmtime(self.clock()))
            position = self._unit_hash(today, visit.address, visit.user_agent)
        return "holdout" if position < self.holdout else "escape"

    def _unit_hash(self, period: str, *who: str) -> float:
        """A number from 0 to below 1 (BLAKE2b as a keyed hash: RFC 7693, 2.9)."""
        message = "\0".join((self.name, str(self.seed), *who)).encode("utf-8", "surrogatepass")
        key = _key(self.secret, period)
        digest = hashlib.blake2b(message, key=key, digest_size=8).digest()
        return int.from_bytes(digest, "big") / SCALE


@lru_cache(maxsize=8)
def _key(secret: str, period: str) -> bytes:
    """The period's own key, from the whole of the secret: a key of BLAKE2b may have 64 bytes."""
    whole = hashlib.blake2b(secret.encode()).digest()
    return hashlib.blake2b(period.encode(), key=whole, salt=b"escape_mw.arm").digest()
