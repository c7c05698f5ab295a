"""A limit for requests that anybody may send."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ..web.forks import tell_of_forks

RATE, BURST = 500, 2_000  # requests a second in one process, and how many at once


class RateLimiter:
    """Allows `RATE` requests a second, and `BURST` at once (a token bucket).

    `clock` gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.after_fork()
        tell_of_forks(self)
        self._left, self._last = float(BURST), clock()

    def after_fork(self) -> None:
        """Forget who held the lock."""
        self._lock = threading.Lock()

    def allow(self) -> bool:
        """Whether one more is allowed now."""
        with self._lock:
            now = self._clock()
            self._left = min(BURST, self._left + (now - self._last) * RATE)
            self._last = now
            if self._left < 1:
                return False
            self._left -= 1
            return True
