"""A rules file that is edited while the site runs: the whole of an edit, or none of it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from ..web.forks import tell_of_forks
from ..web.logs import logger
from . import Rules, RulesError, RulesLike, load, require_secret
from .environment import switches_off

CHECK_INTERVAL = 2.0  # seconds
Signature = tuple[tuple[int, int, int, int] | None, ...]


class RulesSource:
    """Where rules come from: `rules` at the start, and `adopt` is called with those of each edit.

    Every process looks for itself: at most every `CHECK_INTERVAL` seconds, a request pays for one
    stat() of each file, and a changed one is read by a thread that ends with it. A broken edit is
    logged once, with every problem, and the last good rules stay in force. With `needs_secret`,
    rules without one cannot be used. `clock` gives seconds. Raises RulesError where the rules
    cannot be used at the start, unless the environment switches everything off: that must help a
    site whose rules are broken, too.
    """

    def __init__(
        self,
        source: RulesLike,
        adopt: Callable[[Rules], object],
        clock: Callable[[], float] = time.monotonic,
        *,
        needs_secret: bool = False,
    ) -> None:
        self._source = source
        self._adopt = adopt
        self._clock = clock
        self._needs_secret = needs_secret
        self._files: tuple[str, ...] = (
            (os.fspath(source),) if isinstance(source, str | os.PathLike) else ()
        )
        self._signature: Signature = ()
        self._next_check = clock() + CHECK_INTERVAL
        self.after_fork()
        tell_of_forks(self)
        seen = _signature(self._files)  # before they are read, so that no edit is missed
        try:
            self.rules = self._load()
        except RulesError as error:
            if not switches_off():
                raise
            self.rules = load()
            for problem in error.problems:
                logger.error("switched off; the rules cannot be used: %s", problem)
        self._remember(seen, self.rules.files)

    def look_now_and_then(self) -> None:
        """Let a thread read the files, if it is time to look and they have changed."""
        if not self._files or self._clock() < self._next_check:
            return
        self._next_check = self._clock() + CHECK_INTERVAL
        if self._lock.locked() or self._signature == _signature(self._files):
            return
        reader = threading.Thread(target=self.look, name="escape_mw rules", daemon=True)
        try:
            reader.start()
        except RuntimeError:  # no thread to be had
            self.look()

    def look(self) -> None:
        """Read the files if they have changed, in this thread; one reads at a time."""
        with self._lock:
            try:
                self._reload_if_changed()
            except Exception:  # memory is short, say: the next look tries again
                logger.exception("internal error; the rules were not reloaded")

    def _reload_if_changed(self) -> None:
        seen = _signature(self._files)
        if seen == self._signature:
            return
        try:
            rules = self._load()
        except RulesError as error:
            self._remember(seen, error.files)  # told once
            for problem in error.problems:
                logger.error("rules not reloaded: %s", problem)
            return
        self._adopt(rules)
        self._remember(seen, rules.files)
        logger.info("rules reloaded")

    def _load(self) -> Rules:
        rules = load(self._source)
        if self._needs_secret:
            require_secret(rules)
        return rules

    def _remember(self, seen: Signature, files: tuple[str, ...]) -> None:
        """Keep what the files looked like before they were read, so that no edit is missed.

        Only of one that is named for the first time, a template, nobody could know before.
        """
        looks = dict(zip(self._files, seen, strict=True))
        self._files = (*self._files[:1], *files) if self._files else ()
        now = _signature(self._files)
        self._signature = tuple(map(looks.get, self._files, now))

    def after_fork(self) -> None:
        """Forget who held the lock, by which one thread reads at a time."""
        self._lock = threading.Lock()


def _signature(files: tuple[str, ...]) -> Signature:
    """What changes when a file does: its time, size and number; None for one that is gone."""

    def of(name: str) -> tuple[int, int, int, int] | None:
        try:
            found = os.stat(name)  # noqa: PTH116 - no Path to make for each look
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino

    return tuple(map(of, files))
