"""What the lab found out, in a small SQLite file.

It holds the day, the host app and its version, the technique, and how it went.
Nothing else stands there but the hashes of the rows that have been counted, for as long as somebody
could send them again. Each call opens the file anew: processes may fork, and the file may be moved
or removed while the site runs. A file that cannot be used (full disk, locked, gone, broken) is
logged once until it works again, and fails no request.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from ..web.days import date_of
from ..web.forks import tell_of_forks
from ..web.logs import logger
from .marks import LIFE, Trial

MAX_ROWS = 10_000
YEARS = 2
BUSY_TIMEOUT = 1.0  # seconds to wait for another writer
REMEMBER = 2 * LIFE  # a round lasts as long, and the marks of its last page once more
WORKED = "worked"
SIGHTINGS = (
    WORKED,
    "opened",
    "nothing",
    "error",
    "question",
    "page",
)  # "opened" is what a person says, "worked" is proof
SIGHTING_OF = "SELECT mark, outcome FROM marks JOIN results ON results.id = marks.result"
SCHEMA = (
    """CREATE TABLE IF NOT EXISTS results (id INTEGER PRIMARY KEY, day TEXT NOT NULL,
    app TEXT NOT NULL, app_version TEXT NOT NULL,
    platform TEXT NOT NULL, goal TEXT NOT NULL, technique TEXT NOT NULL, outcome TEXT NOT NULL,
    "trigger" TEXT NOT NULL DEFAULT 'tap')""",
    """CREATE TABLE IF NOT EXISTS marks (mark TEXT PRIMARY KEY, expires INTEGER NOT NULL,
    result INTEGER NOT NULL) WITHOUT ROWID""",
)


READ = "SELECT day, app, app_version, platform, goal, technique, outcome FROM results ORDER BY id"
READ_TRIGGERS = READ.replace("outcome", 'outcome, "trigger"')
ADD_TRIGGER = """ALTER TABLE results ADD COLUMN "trigger" TEXT NOT NULL DEFAULT 'tap'"""


class Result(NamedTuple):
    """One try: what was tried how on which day (UTC), and one of `SIGHTINGS`."""

    day: str
    app: str
    app_version: str
    platform: str
    goal: str
    technique: str
    sighting: str
    trigger: str = "tap"


class LabStore:
    """Keeps results in the file at `path`, which is made when the first one comes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._is_unusable = False
        self.after_fork()
        tell_of_forks(self)

    def record(self, trial: Trial, sighting: str, moment: int) -> bool | None:
        """Record how a trial went, once; `moment` is the time in seconds since 1970.

        An arrival outdoes what was said before, and nothing outdoes an arrival.
        Returns whether anything is new, None where the file cannot be used.
        """
        with self._guarded(), self._lock, closing(_open(self.path, "rwc")) as file:
            with suppress(
                sqlite3.OperationalError
            ):  # nobody waits for this one: another process is at it, and the file stays so
                file.execute("PRAGMA journal_mode=WAL")
            file.execute("PRAGMA synchronous=NORMAL")
            file.execute("BEGIN IMMEDIATE")
            for statement in SCHEMA:
                file.execute(statement)
            if not _has_triggers(file):
                file.execute(ADD_TRIGGER)
            new = self._put(file, trial, sighting, moment)
            self._prune(file, moment)
            file.execute("COMMIT")
            return new
        return None

    def sightings(self, trials: Iterable[Trial]) -> dict[str, str]:
        """How the rows of a round went so far, by their keys."""
        keys = [trial.key for trial in trials]
        with self._guarded():
            if self.path.exists():
                with closing(_open(self.path, "rw")) as file:
                    held = ", ".join("?" * len(keys))
                    query = f"{SIGHTING_OF} WHERE mark IN ({held})"
                    return dict(file.execute(query, keys))
        return {}

    def results(self) -> list[Result]:
        """Every result, oldest first; none where the file cannot be used."""
        with self._guarded():
            if self.path.exists():
                return results(self.path)
        return []

    def _put(self, file: sqlite3.Connection, trial: Trial, sighting: str, moment: int) -> bool:
        known = file.execute(
            "SELECT results.id, outcome FROM marks"
            " JOIN results ON results.id = marks.result WHERE mark = ?",
            (trial.key,),
        ).fetchone()
        if known:
            file.execute(
                "UPDATE results SET outcome = ? WHERE id = ? AND outcome <> ?",
                (sighting, known[0], WORKED),
            )
            return bool(known[1] not in (WORKED, sighting))
        row = (
            date_of(moment),
            *trial.session.place,
            trial.goal,
            trial.technique,
            sighting,
            trial.trigger,
        )
        made = file.execute(
            "INSERT INTO results"
            ' (day, app, app_version, platform, goal, technique, outcome, "trigger")'
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )
        file.execute(
            "INSERT OR REPLACE INTO marks VALUES (?, ?, ?)",
            (trial.key, moment + REMEMBER, made.lastrowid),
        )
        return True

    def _prune(self, file: sqlite3.Connection, moment: int) -> None:
        """Forget what is too old or too much, and the hashes that nobody can send again."""
        now = time.gmtime(moment)
        file.execute(
            "DELETE FROM results WHERE day < ?",
            (f"{now.tm_year - YEARS}{time.strftime('-%m-%d', now)}",),
        )
        file.execute(
            "DELETE FROM results"
            " WHERE id <= (SELECT id FROM results ORDER BY id DESC LIMIT 1 OFFSET ?)",
            (MAX_ROWS,),
        )
        file.execute(
            "DELETE FROM marks WHERE expires < ? OR result < (SELECT MIN(id) FROM results)",
            (moment,),
        )

    def after_fork(self) -> None:
        """Forget who held the lock, by which one thread of a process writes at a time."""
        self._lock = threading.Lock()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            if not self._is_unusable:
                logger.error(
                    "lab file %r is unusable, results are not stored: %.200r",
                    str(self.path),
                    str(error),
                )
            self._is_unusable = True
        else:
            self._is_unusable = False


def results(path: Path) -> list[Result]:
    """Every result in a file, oldest first. Raises sqlite3.Error if it is not a lab file."""
    with closing(_open(path, "rw")) as file:
        rows = file.execute(READ_TRIGGERS if _has_triggers(file) else READ)
        return [Result(*map(str, row)) for row in rows]


def _has_triggers(file: sqlite3.Connection) -> bool:
    """Whether a file says how techniques were fired; before version 0.2 all were taps."""
    return any(row[1] == "trigger" for row in file.execute("PRAGMA table_info(results)"))


def _open(path: Path, mode: str) -> sqlite3.Connection:
    """The file, made if need be (`rwc`), for its owner alone to read, or not (`rw`)."""
    if mode == "rwc":
        with suppress(OSError):  # what stands in the way is SQLite's to report
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        timeout=BUSY_TIMEOUT,
        isolation_level=None,
        uri=True,
    )
