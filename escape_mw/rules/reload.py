"""A rules file that is edited while the site runs: the whole of an edit, or none of it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from ..web.logs import logger
from . import Rules, RulesError, RulesLike, load, require_secret

CHECK_INTERVAL = 2.0  # seconds
Signature = tuple[tuple[int, int, int, int] | None, ...]


class RulesSource:
    """The rules in force, and the files they come from.

    Every process looks for itself, with no thread of its own: at most every `CHECK_INTERVAL`
    seconds, a request pays for one stat() of each file. A broken edit is logged once, with every
    problem, and the last good rules stay in force. With `needs_secret`, rules without one cannot be
    used. Raises RulesError where the rules cannot be used at the start.
    """

    def __init__(
        self,
        source: RulesLike = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        needs_secret: bool = False,
    ) -> None:
        self._source = source
        self._needs_secret = needs_secret
        self._clock = clock
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._files: tuple[str, ...] = (
            (os.fspath(source),) if isinstance(source, str | os.PathLike) else ()
        )
        self._signature = _signature(self._files)
        self._next_check = clock() + CHECK_INTERVAL
        self._adopt(self._load())

    def current(self) -> Rules:
        """The rules for this moment."""
        if self._files and self._clock() >= self._next_check:
            if self._process != os.getpid():  # forked, perhaps while another thread held the lock
                self._process, self._lock = os.getpid(), threading.Lock()
            lock = self._lock
            if lock.acquire(blocking=False):
                try:
                    self._next_check = self._clock() + CHECK_INTERVAL
                    self._reload_if_changed()
                finally:
                    lock.release()
        return self.rules

    def _reload_if_changed(self) -> None:
        signature = _signature(self._files)  # before the file is read, so that no edit is missed
        if signature == self._signature:
            return
        known, self._signature = self._signature, signature
        try:
            self._adopt(self._load())
        except RulesError as error:
            for problem in error.problems:
                logger.error("rules not reloaded: %s", problem)
        except BaseException:  # this thread dies, or memory is short: the next look reads again
            self._signature = known
            raise
        else:
            logger.info("rules reloaded")

    def _load(self) -> Rules:
        rules = load(self._source)
        if self._needs_secret:
            require_secret(rules)
        return rules

    def _adopt(self, rules: Rules) -> None:
        self.rules = rules
        if self._files:  # the page's template may be another one now
            self._signature = self._signature[:1] + _signature(rules.files)
            self._files = (*self._files[:1], *rules.files)


def _signature(files: tuple[str, ...]) -> Signature:
    """What changes when a file does: its time, size and number; None for one that is gone."""

    def of(name: str) -> tuple[int, int, int, int] | None:
        try:
            found = os.stat(name)  # noqa: PTH116 - no Path to make for each look
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino

    return tuple(map(of, files))
