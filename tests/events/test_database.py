"""The events database on SQLite and PostgreSQL: each event once, and its failures stay inside."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import random
import resource
import sqlite3
import stat
import subprocess
import sys
import time
from calendar import timegm
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial

import pytest
import sqlalchemy as sql
from sqlalchemy.exc import DataError, OperationalError, ProgrammingError, StatementError

from escape_mw import Event, Tally
from escape_mw.cli.main import main
from escape_mw.events import connections, rows, sink_queue
from escape_mw.events import database as database_module
from escape_mw.events import recorder as recorder_module
from escape_mw.events.database import HOUR, Database, holds_events, sink
from escape_mw.events.options import EventOptions, seconds
from escape_mw.events.sink_queue import SinkQueue
from escape_mw.events.tables import (
    EVENTS,
    METADATA,
    MIGRATIONS,
    NEWEST,
    SCHEMA,
    TALLIES,
    NewerDatabaseError,
    migrate,
    version,
)

from ..support.agents import TIKTOK_ANDROID
from ..support.commands import run
from ..support.measured import RULES, Measured
from ..support.postgres import new_schema
from ..support.waiting import until

NOW = timegm((2026, 11, 20, 12, 0, 0))
DAY = 86_400
FULL = Event(
    *(
        NOW,
        "A1b2C3d4E5f6",
        "arrived",
        "bio — löng ♫",
        "tiktok",
        "41",
        "ios",
        "spotify",
        "track",
        "app",
    ),
    *("x-safari", "tap", "", "autumn", "escape", "0123abcd"),
    day=NOW // DAY,
)


def step(number=0, name="eligible", time=NOW, **more):
    return Event(time, f"visit {number}", name, day=time // DAY, **more)


@pytest.fixture
def opened(database_url):
    """opened(): another Database on the test's tables, as another process would open it."""
    made = []

    def make(**options):
        made.append(Database(database_url, **options))
        return made[-1]

    make.url = database_url
    yield make
    for database in made:
        database.close()


def read(database, since=0):
    return list(database.read(since))


def of_visits(database):
    return [event for event in read(database) if isinstance(event, Event)]


def counted(database):
    return {one.name: one.number for one in read(database) if isinstance(one, Tally)}


# --- written and read -----------------------------------------------------------------------------


def test_written_once_and_read_back_as_it_was(opened):
    events = [
        FULL,
        step(1),
        step(1, "shown", technique="intent", trigger="tap"),
        step(1, "outcome", outcome="presave", experiment="autumn", arm="holdout"),
    ]
    opened()(events)
    assert sorted(read(opened())) == sorted(events)


def test_a_thousand_at_once(opened):
    events = [step(f"{number:04}") for number in range(1000)]
    opened()(events)
    assert sorted(read(opened())) == events


WORDS = [
    "",
    "NULL",
    "{}",
    '{"a","b"}',
    "a, b",
    '"',
    "\\",
    '\\"',
    "\n\t",
    "\x1f",
    "'; --",
    "löng ♫",
    "%s :x",
]


def test_words_are_read_back_as_they_were(opened):
    """Whatever stands for a list, a quote or nothing in SQL."""
    events = [step(number, rule=word, app=word) for number, word in enumerate(WORDS)]
    opened()(events)
    assert sorted(read(opened())) == sorted(events)


def test_an_empty_database_is_readable(opened):
    assert read(opened()) == []


def test_the_oldest_come_first_and_what_was_counted_last(opened):
    database = opened()
    database(
        [
            step(1, time=NOW + 5),
            Tally("forged", time=NOW, number=2),
            step(2),
            step(3, time=NOW - DAY),
        ]
    )
    assert [(getattr(one, "visit", ""), one.name, one.time) for one in read(database)] == [
        ("visit 3", "eligible", NOW - DAY),
        ("visit 2", "eligible", NOW),
        ("visit 1", "eligible", NOW + 5),
        ("", "forged", NOW - DAY // 2),
    ]
    assert [one.name for one in read(database, NOW + 1)] == ["eligible", "eligible", "forged"]
    assert read(database, NOW + DAY) == []


def test_the_day_of_a_visit_is_that_of_its_first_event_where_none_is_given(opened):
    opened()([step(1)._replace(day=0), step(2, time=NOW + DAY)._replace(day=NOW // DAY)])
    assert [event.day for event in read(opened())] == [NOW // DAY] * 2


TWICE = [
    pytest.param([[step(), step()]], 1, id="in one batch"),
    pytest.param([[step()], [step()]], 1, id="in two"),
    pytest.param([[step(), step(1)], [step(2), step(), step(1)], [step()]], 3, id="among others"),
    pytest.param(
        [[step(name="tapped", technique="intent")] * 2, [step(name="tapped", technique="menu")]],
        1,
        id="a tap of one step, and another's",
    ),
    pytest.param(
        [[step(name="outcome", outcome="presave")] * 2, [step(name="outcome", outcome="follow")]],
        1,
        id="an outcome, and another",
    ),
    pytest.param(
        [[step(name="arrived", technique="intent")], [step(name="arrived", technique="menu")]],
        1,
        id="two arrivals, however they came",
    ),
    pytest.param([[step()], [step(1)], [step(2)]], 0, id="no repeat at all"),
]


@pytest.mark.parametrize(("batches", "repeats"), TWICE)
def test_a_second_time_is_refused_and_counted(opened, batches, repeats):
    for batch in batches:
        opened()(batch)
    total = sum(map(len, batches))
    assert len(of_visits(opened())) == total - repeats
    assert counted(opened()) == ({"repeat": repeats} if repeats else {})


def test_the_first_of_two_stays(opened):
    opened()([step(name="arrived", technique="intent")])
    opened()([step(name="arrived", technique="menu", time=NOW + 9)])
    assert of_visits(opened()) == [step(name="arrived", technique="intent")]


def test_what_is_only_counted_is_added_up_by_the_day(opened):
    tallies = [
        *([Tally("forged", time=NOW)] * 3),
        Tally("forged", time=NOW + 60, number=4),
        Tally("forged", time=NOW + DAY),
        Tally("eligible", "bio", "tiktok", platform="ios", number=2, time=NOW),
        Tally("eligible", "bio", "tiktok", platform="android", time=NOW),
    ]
    opened()(tallies[:3])
    opened()(tallies[3:])
    opened()([Tally("dropped", time=NOW, number=0)])
    stored = [(tally.time % DAY, *tally[:4], tally.number) for tally in read(opened())]
    assert sorted(stored) == [
        (0, "eligible", "bio", "tiktok", "android", 1),
        (0, "eligible", "bio", "tiktok", "ios", 2),
        (0, "forged", "", "", "", 1),
        (0, "forged", "", "", "", 7),
    ]


def test_an_empty_batch_makes_the_tables_and_no_row(opened):
    opened()([])
    assert read(opened()) == []


POISON = [
    pytest.param(step(1, "outcome", outcome=None), id="an outcome that is None"),
    pytest.param(step(1, "outcome", outcome=b"presave"), id="an outcome of bytes"),
    pytest.param(step(1, app_version=33), id="a number for a word"),
    pytest.param(Event("today", "visit 1", "eligible"), id="a word for a moment"),
    pytest.param(Event(NOW, None, "eligible"), id="a visit that is None"),
    pytest.param(Event(2**70, "visit 1", "eligible"), id="a moment beyond 64 bits"),
    pytest.param(Tally("forged", time=NOW, number=2**70), id="a number beyond 64 bits"),
    pytest.param(Tally("forged", time=NOW, app=["tiktok"]), id="a list for a word"),
    pytest.param(step(1, "appeared"), id="a stage that nobody knows"),
    pytest.param(step(1, "forged"), id="a stage that is only counted"),
    pytest.param(Tally("shown", time=NOW), id="a count of what is no count"),
    pytest.param(step(1, app="a\ud800b"), id="half a surrogate in an app"),
]


@pytest.mark.parametrize("event", POISON)
def test_an_event_that_cannot_be_stored_costs_itself_only(opened, event):
    """The error is one for which the recorder gives up the event, not the database."""
    database = opened()
    queue = SinkQueue(database)
    queue.enqueue([step(0), event, step(2)])
    queue.drain(NOW)
    assert not queue.pending
    assert {one.visit for one in of_visits(database)} == {"visit 0", "visit 2"}
    assert counted(database) == {"dropped": 1}


WHY = [
    pytest.param(
        step(1, app_version=33),
        "app_version of an event must be str, not <class 'int'>",
        id="a type",
    ),
    pytest.param(step(1, time=2**63), "a number of an event is out of range", id="too large"),
    pytest.param(step(1, time=-1), "a number of an event is out of range", id="below 0"),
    pytest.param(step(1, "appeared"), "an event has no name 'appeared'", id="a name"),
]


@pytest.mark.parametrize(("event", "message"), WHY)
def test_why_an_event_cannot_be_stored(event, message):
    rows.require_storable(step(1, time=2**63 - 1))
    with pytest.raises((TypeError, ValueError), match=f"^{message}"):
        rows.require_storable(event)


def test_words_as_postgresql_reads_an_array():
    """Its manual, 8.15.6: quoted, with a backslash before a quote and before another."""
    assert rows._array(["a", '"', "\\", ""]) == r'{"a","\"","\\",""}'
    with pytest.raises(ValueError, match=r"^a word of an event holds a NUL$"):
        rows._array(["a\0b", ""])


def test_a_value_that_the_server_refuses_costs_itself_only(opened):
    if opened.url.startswith("sqlite"):
        pytest.skip("SQLite takes words of any length")
    with pytest.raises(ValueError, match="too long"):
        opened()([Event(NOW, "v" * 33, "eligible")])
    with pytest.raises(ValueError, match="NUL"):
        opened()([step(1, app="a\0b"), step(2)])


REFUSALS = [
    pytest.param(
        *(StatementError("m", "s", {}, TypeError("bind")), ValueError, "^bind$"), id="a bad value"
    ),
    pytest.param(
        *(DataError("s", {}, Exception("range")), ValueError, "^range$"), id="a value out of range"
    ),
    pytest.param(
        *(OperationalError("s", {}, Exception("gone")), OperationalError, "gone"),
        id="a server that is gone",
    ),
    pytest.param(
        *(ProgrammingError("s", {}, Exception("no table")), ProgrammingError, "no table"),
        id="a missing table",
    ),
]


@pytest.mark.parametrize(("raised", "expected", "message"), REFUSALS)
def test_errors_of_an_event_are_told_from_errors_of_the_database(
    opened, monkeypatch, raised, expected, message
):
    def fail(*_):
        raise raised

    monkeypatch.setattr("escape_mw.events.database.write", fail)
    with pytest.raises(expected, match=message):
        opened()([step()])


def lock_waits(database):
    """How many connections to the server wait for a lock."""
    with database.engine.begin() as connection:
        return connection.execute(
            sql.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        ).scalar()


# --- several processes ----------------------------------------------------------------------------

WRITER = """
import random, sys
from escape_mw import Event, Tally
from escape_mw.events.database import Database
url, name, batches = sys.argv[1:]
database = Database(url)
sys.stdin.read(1)
shared = [Event(1, f"shared {number}", "eligible") for number in range(300)]
random.Random(name).shuffle(shared)
for number in range(int(batches)):
    own = [Event(1, f"{name} {number} {at}", "eligible") for at in range(20)]
    database([*own, *shared[number::int(batches)], Tally("forged", time=1)])
"""


@contextmanager
def writers(url, number, batches):
    """Processes that start writing together; the shared events are in a different order in each."""
    command = [sys.executable, "-c", WRITER, url]
    running = [
        subprocess.Popen(
            [*command, f"writer {which}", str(batches)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for which in range(number)
    ]
    try:
        for process in running:
            process.stdin.write("x")
            process.stdin.flush()
        yield running
        assert [process.communicate(timeout=60)[1] for process in running] == [""] * number
        assert [process.returncode for process in running] == [0] * number
    finally:
        for process in running:
            process.kill()
            process.communicate()


def test_two_writers_and_a_reader_at_once(opened):
    reader, seen = opened(), []
    with writers(opened.url, 2, 10) as running:
        while any(process.poll() is None for process in running):
            seen.append(len(of_visits(reader)))
    assert seen == sorted(seen)
    assert len(of_visits(reader)) == 2 * 10 * 20 + 300
    assert counted(reader) == {"forged": 20, "repeat": 300}


def test_two_processes_make_the_tables_at_the_same_moment(opened):
    with writers(opened.url, 2, 1):
        pass
    assert len(of_visits(opened())) == 2 * 20 + 300
    assert counted(opened()) == {"forged": 2, "repeat": 300}


TOGETHER = """
import os, sys, time
from escape_mw import Event, Tally
from escape_mw.events.database import Database
for attempt in range(25):
    database = Database(sys.argv[1] + str(attempt))
    read, write = os.pipe()
    children = []
    for who in range(4):
        children.append(os.fork())
        if not children[-1]:
            os.close(write)
            os.read(read, 1)
            for number in range(3):
                database([Event(1, f"{who} {number}", "eligible"), Event(1, "shared", "eligible")])
            os._exit(0)
    os.close(read)
    time.sleep(0.005)
    os.close(write)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    assert sum(isinstance(one, Event) for one in database.read()) == 13
"""
CHILD = """
import os, sys
import sqlalchemy as sql
from escape_mw import Event, Tally
from escape_mw.events.database import Database
from escape_mw.events.tables import EVENTS
database = Database(sys.argv[1])
database([Event(1, "before", "eligible")])
with database.reading() as connection:
    assert len(connection.execute(sql.select(EVENTS)).all()) == 1
    child = os.fork()
    if not child:
        try:
            database([Event(1, "child", "eligible")])
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert len(connection.execute(sql.select(EVENTS)).all()) in (1, 2)
database([Event(1, "after", "eligible")])
"""
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def ran(program, *words):
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.slow
@needs_fork
def test_a_new_file_is_made_by_four_at_once_time_and_again(tmp_path):
    """SQLite does not wait when switching to WAL; a process that fails to switch goes on."""
    assert ran(TOGETHER, f"sqlite:///{tmp_path / 'events'}") == (0, "")


@needs_fork
def test_a_child_has_connections_of_its_own(opened):
    """A forked child neither uses nor closes the parent's connections."""
    assert ran(CHILD, opened.url) == (0, "")
    assert sorted(event.visit for event in of_visits(opened())) == ["after", "before", "child"]


def test_the_same_row_and_count_in_two_open_transactions(postgres, monkeypatch):
    """The second waits for the first, and then skips the row."""
    tries, write = [], database_module.write
    events = [step(), step(1), Tally("forged", time=NOW)]

    def tried(connection, events, room):
        tries.append(len(events))
        return write(connection, events, room)

    with new_schema(postgres) as url, ThreadPoolExecutor(1) as pool:
        first, second, looker = Database(url), Database(url), Database(url)
        looker([step(9)])
        with first.engine.begin() as connection:
            write(connection, events)
            monkeypatch.setattr(database_module, "write", tried)
            found = pool.submit(second, events)
            until(lambda: lock_waits(looker) or found.done())
            assert not found.done()
        found.result()
        assert tries == [3]
        assert len(of_visits(looker)) == 3
        assert counted(looker) == {"forged": 2, "repeat": 2}


def test_writers_of_the_same_rows_in_opposite_orders_do_not_block_each_other(opened, monkeypatch):
    """PostgreSQL ends one of two deadlocked transactions; in one order there is no deadlock."""
    taken = []
    monkeypatch.setattr(rows, "_insert", lambda _, new: taken.extend(new) or len(new))
    events = [step(number) for number in range(50)]
    random.Random(1).shuffle(events)
    opened()(events)
    keys = list(map(rows.KEY, taken))
    assert keys == sorted(keys)
    assert len(keys) == 50


# --- retention ------------------------------------------------------------------------------------


def test_prune_takes_events_and_counts_before_a_moment(opened):
    database = opened()
    for days in (400, 100, 1, 0):
        database([step(days, time=NOW - days * DAY), Tally("forged", time=NOW - days * DAY)])
    assert database.prune(NOW - 100 * DAY) == 1
    assert [event.visit for event in of_visits(database)] == ["visit 100", "visit 1", "visit 0"]
    assert sum(one.number for one in read(database) if isinstance(one, Tally)) == 3
    assert database.prune(NOW + 1) == 2
    assert [one.name for one in read(database)] == ["eligible", "forged"], (
        "today's stay until the day is over"
    )


def test_prune_lets_the_site_write_between_two_days(opened):
    """A long deletion would keep a SQLite file locked, and the site's queue would run full."""
    database, other = opened(), opened()
    days = (4, 3, 3, 1)
    database([step(n, time=NOW - day * DAY + n) for n, day in enumerate(days)])
    assert [database.count(before=NOW - ago * DAY) for ago in (2, 1, 0)] == [3, 3, 4]
    gone = []
    for number in database.prune_by_day(NOW - 2 * DAY):
        gone.append(number)
        other([step(len(gone) + 10)])
    assert gone == [1, 2]
    assert (database.count(), database.count(NOW - DAY)) == (3, 3)


def test_a_database_that_is_not_there_yet_has_nothing_to_prune(opened):
    assert opened().prune(NOW) == 0


def test_keep_prunes_once_an_hour_by_itself(opened, monkeypatch):
    now = [float(NOW)]
    monkeypatch.setattr(database_module.time, "time", lambda: now[0])
    database, kept = opened(keep="90d"), lambda: [event.visit for event in of_visits(opened())]
    database([step("old", time=NOW - 91 * DAY), step("young", time=NOW - 89 * DAY)])
    assert kept() == ["visit old", "visit young"], "the next look is an hour later"
    now[0] += HOUR - 1
    database([step(1)])
    assert kept() == ["visit old", "visit young", "visit 1"]
    now[0] += 1
    database([step(2)])
    assert kept() == ["visit young", "visit 1", "visit 2"]


def test_the_rules_keep_thirteen_months_unless_they_say_otherwise(opened):
    database = sink(EventOptions(database=opened.url))
    now = int(time.time())
    old, young = (now - int(months * 30.4375 * DAY) for months in (13.1, 12.9))
    opened()([step(2, time=old), step(3, time=young)])
    database([step(4, time=now)])
    database.close()
    assert {event.visit for event in of_visits(opened())} == {"visit 3", "visit 4"}


def test_a_new_file_is_its_owners_alone(tmp_path):
    """One that is there already keeps what its owner has made of it."""
    path, before = tmp_path / "events", os.umask(0)
    try:
        Database(f"sqlite:///{path}")([])
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.chmod(0o640)
        Database(f"sqlite:///{path}")([])
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
    finally:
        os.umask(before)


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?uri=true", "postgresql://h/x"]
)
def test_no_file_is_made_for_any_other_database(tmp_path, monkeypatch, url):
    monkeypatch.chdir(tmp_path)
    connections.create_private(sql.make_url(url))
    assert list(tmp_path.iterdir()) == []


def test_a_sqlite_file_is_set_up_for_several_processes(tmp_path):
    """A write-ahead log, synced at its checkpoints, and free pages that can be given back."""
    database = Database(f"sqlite:///{tmp_path / 'events'}")
    database([step(1)])
    with database.reading() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "auto_vacuum")
        ]
    assert found == ["wal", 1, 2]
    database.close()


def test_who_reads_sees_one_moment_and_keeps_nobody_from_writing(opened, monkeypatch):
    monkeypatch.setattr(connections, "BUSY_TIMEOUT", 0.05)
    opened()([step(1)])
    visits = sql.select(EVENTS.c.visit)
    with opened().reading() as connection:
        assert connection.execute(visits).scalars().all() == ["visit 1"]
        opened()([step(2)])
        assert connection.execute(visits).scalars().all() == ["visit 1"]
    assert len(of_visits(opened())) == 2


def test_the_rules_say_how_much_is_kept(database_url):
    found = sink(EventOptions(database=database_url, max_rows=1))
    found([step(1), step(2)])
    assert read(found)[1:] == [Tally("dropped", time=NOW // DAY * DAY, number=1)]
    found.close()


def test_what_comes_beyond_max_rows_is_counted(opened):
    database = opened(max_rows=3)
    for batch in ([1, 2], [2, 3, 4], [5]):
        database([step(number) for number in batch])
    assert len(of_visits(opened())) == 3
    assert counted(opened()) == {"repeat": 1, "dropped": 2}
    opened(max_rows=3)([step(6)])
    assert counted(opened()) == {"repeat": 1, "dropped": 3}, "another process counts them first"


def test_what_was_not_committed_takes_no_room(opened):
    def fail(connection):  # noqa: ARG001
        raise OperationalError("commit", {}, Exception("gone"))

    database = opened(max_rows=2)
    database([step(1)])
    sql.event.listen(database.engine, "commit", fail)
    with pytest.raises(OperationalError):
        database([step(2)])
    sql.event.remove(database.engine, "commit", fail)
    database([step(2)])
    assert (len(of_visits(database)), counted(database)) == (2, {})


def test_a_file_shrinks_when_events_are_deleted(tmp_path):
    path = tmp_path / "events.sqlite3"
    database = Database(f"sqlite:///{path}")
    database([step(number, time=NOW - DAY * (number % 9)) for number in range(9000)])
    large = size_of(path)
    assert database.prune(NOW - 2 * DAY) > 5000
    assert size_of(path) < large / 2


def size_of(path):
    """A file's size, its write-ahead log merged."""
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.stat().st_size


@pytest.mark.parametrize(
    ("period", "days"),
    [("1d", 1), ("90d", 90), ("12mo", 365.25), ("13mo", 395.6875), ("2y", 730.5)],
)
def test_periods(period, days):
    assert seconds(period) == days * DAY


# --- the command line -----------------------------------------------------------------------------


@pytest.fixture
def command(capsys):
    """command(words): its exit code, standard output and standard error."""

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main.main([str(word) for word in words], prog_name="escape-mw")
        return ended.value.code, *capsys.readouterr()

    return run


@pytest.fixture
def stored(opened):
    """The events in the database that the commands are run on."""
    events = [
        FULL._replace(time=NOW - 30 * DAY, day=NOW // DAY - 30),
        step(1, rule='a, "quoted"\nrule'),
        Tally("forged", time=NOW, number=3),
    ]
    opened()(events)
    return events


def test_export_as_json_lines(opened, stored):
    """In a process of its own; the other tests run the command in this one."""
    done = run("events", "export", "--db", opened.url)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines == [event.as_dict() for event in read(opened())]
    assert lines[0] == {**stored[0].as_dict(), "rule": "bio — löng ♫"}
    assert lines[-1] == {"time": NOW - DAY // 2, "name": "forged", "number": 3}


def test_export_as_csv(opened, stored, command):
    rows = list(
        csv.DictReader(
            io.StringIO(command("events", "export", "--db", opened.url, "--format", "csv")[1])
        )
    )
    assert list(rows[0]) == [*Event._fields, "number"]
    assert [row["rule"] for row in rows] == [stored[0].rule, stored[1].rule, ""]
    assert [row["number"] for row in rows] == ["1", "1", "3"]


@pytest.mark.usefixtures("stored")
def test_export_since_a_day(opened, command):
    _, printed, _ = command("events", "export", "--db", opened.url, "--since", "2026-11-20")
    assert [json.loads(line)["name"] for line in printed.splitlines()] == ["eligible", "forged"]


@pytest.mark.usefixtures("stored")
def test_prune_from_the_command_line(opened, command):
    old = int(time.time()) - 100 * DAY
    opened()([step(2, time=old), step(3, time=old), Tally("forged", time=old)])
    before = len(of_visits(opened()))
    done = command("events", "prune", "--db", opened.url, "--older-than", "99d")
    gone = before - len(of_visits(opened()))
    assert done == (0, f"{gone} event{'s' * (gone != 1)} deleted\n", "")
    assert gone >= 2
    assert all(event.time > old for event in read(opened()))


@pytest.fixture
def rules_file(tmp_path):
    (tmp_path / "site").mkdir()
    path = tmp_path / "site" / "escape.yaml"
    path.write_text(
        "version: 1\nsecret: sixteen characters\n"
        "events: {database: sqlite:///kept.sqlite3, keep: 13mo}\n"
    )
    return path


def test_a_relative_file_lies_beside_the_rules(rules_file, monkeypatch, tmp_path, command):
    monkeypatch.chdir(tmp_path)
    site = Measured("site/escape.yaml")
    assert not list(tmp_path.glob("**/*.sqlite3")), "no file is made before the first event"
    site.ask("/listen", TIKTOK_ANDROID)
    assert len(site.events) == 2
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("**/*.sqlite3")] == [
        "site/kept.sqlite3"
    ]
    _, printed, _ = command("events", "export", "--rules", rules_file)
    assert [json.loads(line)["name"] for line in printed.splitlines()] == ["eligible", "shown"]


def test_events_true_is_a_file_beside_the_rules(rules_file):
    rules_file.write_text("version: 1\nsecret: sixteen characters\nevents: true\n")
    site = Measured(rules_file)
    site.ask("/listen", TIKTOK_ANDROID)
    assert site.events
    assert (rules_file.parent / "escape_events.sqlite3").exists()


REFUSED = [
    pytest.param(["export"], "give --db, or --rules with an events database", id="neither option"),
    pytest.param(
        ["export", "--db", "sqlite:///{F}/none.sqlite3"],
        "none.sqlite3: this file does not exist; the site creates it",
        id="a file that is not there",
    ),
    pytest.param(
        ["prune", "--older-than", "1d", "--db", "sqlite:///{F}/none.sqlite3"],
        "this file does not exist",
        id="nothing to prune",
    ),
    pytest.param(
        ["export", "--db", "sqlite:///{F}/text"],
        "text: cannot be used: file is not a database",
        id="a file that is not a database",
    ),
    pytest.param(
        ["export", "--db", "sqlite:///{F}/newer"],
        "newer: the events database has form 99, this release knows",
        id="a newer release's database",
    ),
    pytest.param(
        ["export", "--db", "postgres:/label:hush@host/db"],
        "that is not a database URL",
        id="not a URL",
    ),
    pytest.param(
        ["export", "--rules", "{F}/rules.yaml"],
        "rules.yaml: it names no database; add 'events: {database: ...}'",
        id="rules without a database",
    ),
    pytest.param(["export", "--rules", "{F}/none.yaml"], "cannot be read", id="no rules"),
    pytest.param(
        ["prune", "--db", "sqlite:///{F}/newer", "--older-than", "soon"],
        "is not a period such as 90d, 13mo or 2y",
        id="not a period",
    ),
    pytest.param(
        ["prune", "--db", "sqlite:///{F}/newer", "--older-than", "0d"],
        "is not a period such as 90d, 13mo or 2y",
        id="a period of nothing",
    ),
]


@pytest.mark.parametrize(("words", "message"), REFUSED)
def test_commands_say_what_is_wrong_and_make_no_file(tmp_path, command, words, message):
    (tmp_path / "text").write_text("not a database at all" * 100)
    (tmp_path / "rules.yaml").write_text("version: 1\n")
    with closing(sqlite3.connect(tmp_path / "newer")) as file, file:
        file.execute("CREATE TABLE escape_mw_schema (version INTEGER PRIMARY KEY)")
        file.execute("INSERT INTO escape_mw_schema VALUES (99)")
    before = sorted(tmp_path.iterdir())
    code, printed, complained = command(
        "events", *(word.replace("{F}", str(tmp_path)) for word in words)
    )
    assert code in (1, 2)
    assert printed == ""
    assert message in complained
    assert "hush" not in complained
    assert (
        sorted(
            path
            for path in tmp_path.iterdir()
            if path.suffix not in (".sqlite3-wal", ".sqlite3-shm")
        )
        == before
    )


# --- older and newer forms ------------------------------------------------------------------------

# The first schema as it was released. Frozen: this SQL never changes, only its line breaks may.
FORM_1 = """
CREATE TABLE escape_mw_events (
    visit VARCHAR(32) NOT NULL, once VARCHAR(96) NOT NULL, time BIGINT NOT NULL,
    name VARCHAR(64) NOT NULL, rule VARCHAR(64) NOT NULL, app VARCHAR(64) NOT NULL,
    app_version VARCHAR(64) NOT NULL, platform VARCHAR(64) NOT NULL,
    service VARCHAR(64) NOT NULL, kind VARCHAR(64) NOT NULL, goal VARCHAR(64) NOT NULL,
    technique VARCHAR(64) NOT NULL, "trigger" VARCHAR(64) NOT NULL,
    outcome VARCHAR(64) NOT NULL, experiment VARCHAR(64) NOT NULL, arm VARCHAR(64) NOT NULL,
    rules VARCHAR(64) NOT NULL,
    PRIMARY KEY (visit, once)
);
CREATE INDEX escape_mw_events_time ON escape_mw_events (time);
CREATE INDEX escape_mw_events_experiment ON escape_mw_events (experiment, name);
CREATE TABLE escape_mw_tallies (
    day VARCHAR(64) NOT NULL, name VARCHAR(64) NOT NULL, rule VARCHAR(64) NOT NULL,
    app VARCHAR(64) NOT NULL, platform VARCHAR(64) NOT NULL,
    count BIGINT NOT NULL, PRIMARY KEY (day, name, rule, app, platform)
);
CREATE TABLE escape_mw_schema (version INTEGER NOT NULL PRIMARY KEY);
INSERT INTO escape_mw_schema VALUES (1);
INSERT INTO escape_mw_events VALUES
    ('A1b2C3d4E5f6', 'arrived', 1795176000, 'arrived', 'bio — löng ♫', 'tiktok', '41', 'ios',
     'spotify', 'track', 'app', 'x-safari', 'tap', '', 'autumn', 'escape', '0123abcd');
INSERT INTO escape_mw_tallies VALUES ('2026-11-20', 'forged', '', '', '', 2);
"""


def make_form_1(database):
    with database.engine.begin() as connection:
        for statement in FORM_1.split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)


def columns(database):
    with database.engine.begin() as connection:
        looked = sql.inspect(connection)
        return {
            table.name: {column["name"] for column in looked.get_columns(table.name)}
            for table in METADATA.sorted_tables
        }


def form(database):
    with database.engine.begin() as connection:
        return version(connection)


def test_a_database_of_the_first_form_opens_and_works(opened):
    make_form_1(opened())
    assert read(opened()) == [FULL, Tally("forged", time=NOW - DAY // 2, number=2)]
    opened()([FULL, step(1), Tally("forged", time=NOW)])
    assert of_visits(opened()) == [FULL, step(1)] or of_visits(opened()) == [step(1), FULL]
    assert counted(opened()) == {"forged": 3, "repeat": 1}
    assert form(opened()) == NEWEST


def indexes(database):
    with database.engine.begin() as connection:
        found = sql.inspect(connection).get_indexes(EVENTS.name)
    return {
        index["name"]: (index["column_names"], [*map(str, index["dialect_options"].values())])
        for index in found
    }


def test_whether_a_database_holds_events(opened):
    assert not holds_events(opened.url)
    make_form_1(opened())
    assert holds_events(opened.url)
    assert form(opened()) == 1, "looking changes nothing"


def test_old_and_new_databases_have_the_same_columns(opened):
    make_form_1(opened())
    read(opened())
    old, old_indexes = columns(opened()), indexes(opened())
    assert old == {
        table.name: {column.name for column in table.columns} for table in METADATA.sorted_tables
    }
    with opened().engine.begin() as connection:
        METADATA.drop_all(connection)
    read(opened())
    assert (columns(opened()), indexes(opened())) == (old, old_indexes)
    assert {*old_indexes} == {index.name for index in EVENTS.indexes}
    assert all("'eligible'" in str(index) for index in old_indexes.values())
    with opened().engine.begin() as connection:
        primary = {
            table.name: set(
                sql.inspect(connection).get_pk_constraint(table.name)["constrained_columns"]
            )
            for table in METADATA.sorted_tables
        }
    assert primary == {
        EVENTS.name: {"day", "visit", "once"},
        TALLIES.name: {"day", "name", "rule", "app", "platform"},
        SCHEMA.name: {"version"},
    }


OVER_MIDNIGHT = """
INSERT INTO escape_mw_events SELECT
    visit, 'eligible', time - 86400, 'eligible', rule, app, app_version, platform, service, kind,
    goal, '', '', '', experiment, arm, rules FROM escape_mw_events
"""


def test_a_visit_over_midnight_belongs_to_its_first_day(opened):
    """So it is after the migration too, which leaves nothing of the old table."""
    make_form_1(opened())
    with opened().engine.begin() as connection:
        connection.exec_driver_sql(OVER_MIDNIGHT)
    read(opened())
    with opened().engine.begin() as connection:
        found = sql.select(EVENTS.c.once, EVENTS.c.time, EVENTS.c.day).order_by(EVENTS.c.time)
        (_, begun, day), (once, time, same_day) = connection.execute(found)
        assert (once, time - begun) == ("arrived", DAY)
        assert (day, same_day) == (begun // DAY, begun // DAY)
        assert set(sql.inspect(connection).get_table_names()) >= set(METADATA.tables)
        assert "escape_mw_events_2" not in sql.inspect(connection).get_table_names()


def test_a_sqlite_table_is_its_primary_key(opened):
    """Events have no row numbers beside: old and new, the table is sorted by day and visit."""
    if not opened.url.startswith("sqlite"):
        pytest.skip("PostgreSQL has no such tables")
    for begin in (lambda _: None, make_form_1):
        begin(opened())
        read(opened())
        with opened().engine.begin() as connection:
            with pytest.raises(sql.exc.OperationalError, match="rowid"):
                connection.exec_driver_sql(f"SELECT rowid FROM {EVENTS.name}")
            METADATA.drop_all(connection)


@pytest.mark.parametrize(
    "begin",
    [
        pytest.param(lambda _: None, id="from nothing"),
        pytest.param(make_form_1, id="from the first form"),
    ],
)
def test_a_second_form_is_reached_once_and_forward_only(opened, monkeypatch, begin):
    ran = []

    def second(connection):
        ran.append(version(connection))
        connection.exec_driver_sql(
            "ALTER TABLE escape_mw_tallies ADD COLUMN planted VARCHAR(8) DEFAULT 'x' NOT NULL"
        )

    begin(opened())
    before = opened()
    before([step(7)])
    later = (*MIGRATIONS, second)
    monkeypatch.setattr(database_module, "migrate", partial(migrate, migrations=later))
    for number in range(2):
        opened()([step(number), Tally("forged", time=NOW)])
    assert len(ran) == 1
    assert form(opened()) == NEWEST + 1
    assert "planted" in columns(opened())["escape_mw_tallies"]
    assert {"visit 0", "visit 1", "visit 7"} <= {event.visit for event in of_visits(opened())}
    monkeypatch.undo()
    before([step(8)])
    with pytest.raises(
        NewerDatabaseError, match=f"has form {NEWEST + 1}, this release knows {NEWEST}"
    ):
        opened()([step(9)])
    assert form(opened()) == NEWEST + 1


def test_a_form_that_fails_leaves_the_one_before(opened, monkeypatch):
    def second(connection):
        connection.exec_driver_sql("ALTER TABLE escape_mw_tallies ADD COLUMN planted VARCHAR(8)")
        raise ValueError("planted")

    make_form_1(opened())
    monkeypatch.setattr(
        database_module, "migrate", partial(migrate, migrations=(*MIGRATIONS, second))
    )
    with pytest.raises(ValueError, match="planted"):
        opened()([step()])
    assert form(opened()) == 1
    assert "planted" not in columns(opened())["escape_mw_tallies"]
    monkeypatch.undo()
    assert read(opened())[0] == FULL


def test_two_that_bring_postgresqls_tables_up_to_date_wait_for_each_other(postgres):
    """The second begins before the first is done, waits, and finds the tables migrated."""
    with new_schema(postgres) as url, ThreadPoolExecutor(1) as pool:
        first, second, looker = Database(url), Database(url), Database(url)

        def bring_up_to_date():
            with second.engine.begin() as connection:
                return migrate(connection)

        with first.engine.begin() as connection:
            assert migrate(connection) == 0
            found = pool.submit(bring_up_to_date)
            until(lambda: lock_waits(looker) or found.done())
        assert found.result() == NEWEST


def test_a_newer_database_fails_no_request_and_is_left_alone(opened, caplog):
    make_form_1(opened())
    with opened().engine.begin() as connection:
        connection.execute(SCHEMA.update().values(version=99))
    site = Measured(RULES | {"events": {"database": opened.url}})
    assert site.ask("/presave/x", TIKTOK_ANDROID).status_int == 200
    assert len(site.events) == 2
    assert faults(caplog) == [
        "event sink failed, will retry: NewerDatabaseError: "
        "'the events database has form 99, this release knows 3 and older ones'"
    ]
    with opened().engine.begin() as connection:
        assert connection.execute(sql.select(sql.func.count()).select_from(EVENTS)).scalar() == 1
    for make in (lambda: read(opened()), lambda: opened().prune(NOW)):
        with pytest.raises(NewerDatabaseError):
            make()


# --- faults ---------------------------------------------------------------------------------------


def faults(caplog):
    return [record.message for record in caplog.records if record.levelno >= logging.ERROR]


@contextmanager
def locked(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def full(_):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@contextmanager
def corrupt(path, content=b"not a database at all" * 500):
    kept = {file: file.read_bytes() for file in path.parent.glob(f"{path.name}*")}
    for file in kept:
        file.unlink()
    path.write_bytes(content)
    yield
    assert path.read_bytes() == content, "a file that is not a database is not overwritten"
    path.unlink()
    for file, before in kept.items():
        file.write_bytes(before)


@contextmanager
def unreachable(path):
    path.parent.rename(path.parent.with_name("elsewhere"))
    yield
    path.parent.with_name("elsewhere").rename(path.parent)


FAULTS = [
    pytest.param(locked, "database is locked", id="locked"),
    pytest.param(full, "", id="a full disk"),
    pytest.param(corrupt, "file is not a database", id="not a database"),
    pytest.param(
        partial(corrupt, content=b"SQLite format 3\x00" + b"\xff" * 5000), "", id="a broken header"
    ),
    pytest.param(unreachable, "unable to open database file", id="its folder is gone"),
]


@pytest.fixture
def kept_at(tmp_path, monkeypatch):
    """A site whose events go to a SQLite file that already has some, and that file."""
    monkeypatch.setattr(connections, "BUSY_TIMEOUT", 0.05)
    monkeypatch.setattr(recorder_module, "INTERVAL", 3600)
    path = tmp_path / "data" / "events.sqlite3"
    path.parent.mkdir()
    site = Measured(RULES | {"events": {"database": f"sqlite:///{path}"}})
    site.ask("/presave/x", TIKTOK_ANDROID)
    assert len(site.events) == 2
    return site, path


def held(path):
    with closing(sqlite3.connect(path)) as file:
        return file.execute("SELECT count(*) FROM escape_mw_events").fetchone()[0], dict(
            file.execute("SELECT name, count FROM escape_mw_tallies")
        )


@pytest.mark.parametrize(("fault", "message"), FAULTS)
def test_a_fault_of_the_file_fails_no_request_and_events_are_kept(kept_at, caplog, fault, message):
    site, path = kept_at
    with fault(path):
        for number in range(1, 4):
            assert site.ask("/presave/x", TIKTOK_ANDROID).status_int == 200
            assert len(site.events) == 2 + 2 * number, "the other sink gets them"
    assert len(faults(caplog)) == 1
    assert message in faults(caplog)[0]
    assert len(site.events) == 8
    assert held(path) == (8, {})


def test_events_beyond_the_queue_size_are_counted_as_dropped(kept_at, monkeypatch):
    site, path = kept_at
    monkeypatch.setattr(sink_queue, "QUEUE_SIZE", 6)
    with locked(path):
        for _ in range(5):
            site.ask("/presave/x", TIKTOK_ANDROID)
            assert site.events
    assert len(site.events) == 12
    assert held(path) == (8, {"dropped": 4})


def test_a_database_that_may_only_be_read_fails_no_request(tmp_path, caplog):
    path = tmp_path / "events.sqlite3"
    with closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE somebody_elses (x)")
    site = Measured(RULES | {"events": {"database": f"sqlite:///file:{path}?mode=ro&uri=true"}})
    assert site.ask("/presave/x", TIKTOK_ANDROID).status_int == 200
    assert len(site.events) == 2
    assert len(faults(caplog)) == 1
    assert "readonly" in faults(caplog)[0]


def test_a_file_that_goes_while_the_site_runs_is_made_anew(kept_at):
    site, path = kept_at
    for file in path.parent.iterdir():
        file.unlink()
    site.ask("/presave/x", TIKTOK_ANDROID)
    for _ in range(2):
        assert len(site.events) == 4
    assert held(path) == (2, {})


def test_tables_that_go_while_the_site_runs_are_made_anew(opened):
    database = opened()
    database([step(1)])
    with database.engine.begin() as connection:
        METADATA.drop_all(connection)
    with pytest.raises(sql.exc.SQLAlchemyError):
        database([step(2)])
    database([step(2)])
    assert of_visits(opened()) == [step(2)]


def test_a_server_that_does_not_answer_fails_no_request_and_no_password_is_logged(tmp_path, caplog):
    site = Measured(
        RULES
        | {
            "events": {
                "database": f"postgresql+psycopg://escape:very-secret@/escape?host={tmp_path}"
            }
        }
    )
    for _ in range(2):
        assert site.ask("/presave/x", TIKTOK_ANDROID).status_int == 200
        assert site.events
    assert len(faults(caplog)) == 1
    assert "OperationalError" in faults(caplog)[0]
    assert "very-secret" not in caplog.text
