"""The lab's file: what stands in it, for how long, and that nothing about it can fail a request."""

from __future__ import annotations

import logging
import resource
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import pytest

from escape_mw.lab import store as lab_store
from escape_mw.lab.marks import Session, Trial
from escape_mw.lab.store import MAX_ROWS, REMEMBER, SCHEMA, LabStore, results

from ..support.examples import NOW
from ..support.zones import in_zone


def mark(number=0, technique="intent", app="tiktok"):
    return Trial(Session(app, "41.9", "android", f"round {number}"), "browser", technique)


def held(path, table="results"):
    with closing(sqlite3.connect(path)) as file:
        return file.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]


def test_a_result(tmp_path):
    store = LabStore(tmp_path / "lab")
    assert store.record(mark(), "worked", NOW) is True
    assert store.results() == [
        ("2027-01-15", "tiktok", "41.9", "android", "browser", "intent", "worked", "tap")
    ]
    assert store.sightings([mark(), mark(1)]) == {mark().key: "worked"}
    with closing(sqlite3.connect(store.path)) as file:
        assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_file_of_version_0_1_goes_on(tmp_path):
    """All that it holds were taps."""
    path = tmp_path / "lab"
    with closing(sqlite3.connect(path)) as file:
        file.execute(
            SCHEMA[0].replace(
                """,
    "trigger" TEXT NOT NULL DEFAULT 'tap')""",
                ")",
            )
        )
        file.execute(SCHEMA[1])
        old = ("2026-11-07", "tiktok", "41.9", "ios", "app", "app-scheme", "opened")
        names = "day, app, app_version, platform, goal, technique, outcome"
        file.execute(f"INSERT INTO results ({names}) VALUES (?, ?, ?, ?, ?, ?, ?)", old)
        file.commit()
    store = LabStore(path)
    assert store.results() == [(*old, "tap")]
    assert store.record(mark()._replace(trigger="auto"), "worked", NOW)
    assert [result.trigger for result in store.results()] == ["tap", "auto"]


SENT_AGAIN = [
    pytest.param(0, False, 1, id="at once"),
    pytest.param(REMEMBER, False, 1, id="as long as any page of the round can bring it"),
    pytest.param(REMEMBER + 1, True, 2, id="when no mark of it is good any more"),
]


@pytest.mark.parametrize(("later", "new", "count"), SENT_AGAIN)
def test_a_mark_counts_once(tmp_path, later, new, count):
    store = LabStore(tmp_path / "lab")
    store.record(mark(), "worked", NOW)
    store.record(mark(1), "nothing", NOW + later)
    assert store.record(mark(), "worked", NOW + later) is new
    assert held(store.path) == count + 1


def test_two_years_are_kept(tmp_path):
    store = LabStore(tmp_path / "lab")
    for days in (0, 1, 365, 731):  # 2027-01-15 .. 2029-01-15
        store.record(mark(days), "worked", NOW + days * 86_400)
    assert [result.day for result in store.results()] == [
        "2027-01-15",
        "2027-01-16",
        "2028-01-15",
        "2029-01-15",
    ]
    store.record(mark(732), "worked", NOW + 732 * 86_400)
    assert store.results()[0].day == "2027-01-16"


def test_two_years_are_those_of_utc(tmp_path):
    store = LabStore(tmp_path / "lab")
    store.record(mark(), "worked", NOW)
    with in_zone("Pacific/Kiritimati"):  # where the next day has begun
        store.record(mark(731), "worked", NOW + 731 * 86_400 + 12 * 3600)
    assert [result.day for result in store.results()] == ["2027-01-15", "2029-01-15"]


def test_ten_thousand_rows_are_kept(tmp_path):
    store = LabStore(tmp_path / "lab")
    store.record(mark(), "worked", NOW)
    with closing(sqlite3.connect(store.path)) as file, file:
        row = ("2027-01-15", "tiktok", "", "ios", "app", "app-scheme", "nothing")
        file.executemany(
            (
                "INSERT INTO results (day, app, app_version, platform, goal, technique, outcome) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)"
            ),
            [row] * (MAX_ROWS + 5),
        )
    store.record(mark(1), "error", NOW)
    kept = store.results()
    assert (len(kept), kept[0].sighting, kept[-1].sighting) == (10_000, "nothing", "error")
    assert held(store.path, "marks") == 1, "a hash goes with its result"


def test_the_cap_holds_against_a_flood(tmp_path, monkeypatch):
    monkeypatch.setattr(lab_store, "MAX_ROWS", 20)
    store = LabStore(tmp_path / "lab")
    for number in range(50):
        store.record(mark(number), "worked", NOW)
    assert (held(store.path), held(store.path, "marks")) == (20, 20)


def test_threads_lose_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(lab_store, "BUSY_TIMEOUT", 30)  # however busy this machine is
    stores = [LabStore(tmp_path / "lab") for _ in range(2)]

    def write(base):
        for number in range(10):
            stores[base % 2].record(mark(base * 100 + number), "worked", NOW)

    threads = [threading.Thread(target=write, args=[base]) for base in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert held(tmp_path / "lab") == 80


WRITER = """
import sys, pathlib
from escape_mw.lab import store as lab_store
from escape_mw.lab.store import LabStore
from escape_mw.lab.marks import Trial, Session
lab_store.BUSY_TIMEOUT = 30
store = LabStore(pathlib.Path(sys.argv[1]))
sys.stdin.read(1)
made = []
for number in range(20):
    session = Session("tiktok", "1", "ios", sys.argv[2 if number % 2 else 3] + str(number))
    made.append(store.record(Trial(session, "app", "menu"), "worked", 1_800_000_000))
print(made.count(True), made.count(None))
"""


def test_processes_lose_nothing_and_count_a_mark_once(tmp_path):
    """Four processes begin at once, on a file that is not there yet.

    Every other mark is the same for all.
    """
    command = [sys.executable, "-c", WRITER, str(tmp_path / "lab")]
    running = [
        subprocess.Popen(
            [*command, f"own {number} ", "shared "],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    told = [process.communicate("x")[0].split() for process in running]
    assert [lost for _, lost in told] == ["0"] * 4
    assert sum(int(made) for made, _ in told) == held(tmp_path / "lab") == 4 * 10 + 10


def faults(caplog):
    return [record.message for record in caplog.records if record.levelno >= logging.ERROR]


def test_a_locked_file_is_waited_for_a_little(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(lab_store, "BUSY_TIMEOUT", 0.05)
    store = LabStore(tmp_path / "lab")
    store.record(mark(), "worked", NOW)
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert [store.record(mark(number), "worked", NOW) for number in (1, 2)] == [None, None]
        assert faults(caplog) == [
            (
                f"lab file {str(store.path)!r} is unusable, results are not stored: "
                "'database is locked'"
            )
        ]
        other.execute("ROLLBACK")
    assert store.record(mark(3), "worked", NOW) is True


def test_a_full_disk(tmp_path, caplog):
    store = LabStore(tmp_path / "lab")
    store.record(mark(), "worked", NOW)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, limits[1]))
    try:
        told = [store.record(mark(number), "worked", NOW) for number in (1, 2)]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert told == [None, None]
    assert len(faults(caplog)) == 1
    assert store.record(mark(3), "worked", NOW) is True
    assert held(store.path) == 2


@pytest.mark.parametrize(
    "content",
    [b"not a database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 5000],
    ids=["text", "a broken header"],
)
def test_a_file_that_is_no_database(tmp_path, caplog, content):
    (tmp_path / "lab").write_bytes(content)
    store = LabStore(tmp_path / "lab")
    assert (store.record(mark(), "worked", NOW), store.sightings([mark()]), store.results()) == (
        None,
        {},
        [],
    )
    assert len(faults(caplog)) == 1
    assert (tmp_path / "lab").read_bytes() == content


def test_somebody_elses_database(tmp_path):
    with closing(sqlite3.connect(tmp_path / "lab")) as file:
        file.execute("CREATE TABLE results (id INTEGER PRIMARY KEY, score REAL)")
    store = LabStore(tmp_path / "lab")
    assert (store.record(mark(), "worked", NOW), store.results()) == (None, [])
    assert held(tmp_path / "lab") == 0


def test_a_file_that_goes_while_the_site_runs_is_made_anew(tmp_path):
    store = LabStore(tmp_path / "lab")
    store.record(mark(), "worked", NOW)
    for path in tmp_path.iterdir():
        path.unlink()
    assert (store.results(), store.sightings([mark()])) == ([], {})
    assert store.record(mark(), "worked", NOW) is True


def test_a_fault_is_logged_again_once_it_had_worked_in_between(tmp_path, caplog):
    store = LabStore(tmp_path / "sub" / "lab")
    assert [store.record(mark(), "worked", NOW) for _ in range(3)] == [None] * 3
    (tmp_path / "sub").mkdir()
    assert store.record(mark(), "worked", NOW) is True
    (tmp_path / "sub").rename(tmp_path / "gone")
    assert store.record(mark(1), "worked", NOW) is None
    assert len(faults(caplog)) == 2


def test_hostile_text_is_only_text(tmp_path):
    store = LabStore(tmp_path / "lab'); DROP TABLE results;-- ?mode=memory#%00")
    assert (
        store.record(mark(app="'); DROP TABLE results;--", technique="\x00"), "worked", NOW) is True
    )
    assert results(store.path)[0].app == "'); DROP TABLE results;--"
    assert store.path.exists()
