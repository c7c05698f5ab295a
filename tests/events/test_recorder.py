"""The recorder: no request waits for it, no event is delivered twice, lost events are counted."""

from __future__ import annotations

import gc
import io
import json
import logging
import os
import signal
import subprocess
import threading
import weakref
from collections import Counter

import pytest

from escape_mw import EscapeMiddleware, Event, Tally
from escape_mw.events import recorder as recorder_module
from escape_mw.events import sink_queue
from escape_mw.events.database import Database
from escape_mw.events.measurement import Measurement
from escape_mw.events.options import EventOptions
from escape_mw.events.recorder import Recorder
from escape_mw.events.sink_queue import BATCH_SIZE, GIVE_UP_AFTER

from ..support.agents import TIKTOK_ANDROID
from ..support.commands import PYTHON
from ..support.examples import NOW
from ..support.files import write
from ..support.measured import RULES, Measured, of_visits, times, word
from ..support.sites import ask_wsgi, plain
from ..support.waiting import until

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def step(number=0, name="eligible", **more):
    return Event(NOW, f"visit {number}", name, **more)


class Gated:
    """A sink as slow as the test wants: it sets `entered`, then waits for `gate`."""

    def __init__(self):
        self.gate, self.entered = threading.Event(), threading.Event()
        self.received = []

    def __call__(self, events):
        self.entered.set()
        assert self.gate.wait(30)
        self.received += events


class Failing:
    """A sink that raises while it is broken."""

    def __init__(self, kind=OSError, *said):
        self.kind, self.said = kind, said or ("no disk",)
        self.broken = True
        self.batches = []

    def __call__(self, events):
        self.batches.append(list(events))
        if self.broken:
            raise self.kind(*self.said)


@pytest.fixture
def recording(monkeypatch):
    """recording(sinks): a recorder that delivers on flush() and close() only, not by its writer."""
    monkeypatch.setattr(recorder_module, "INTERVAL", 3600)
    made = []

    def make(sinks, *more, **options):
        made.append(Recorder(sinks, *more, **options))
        return made[-1]

    yield make
    for recorder in made:
        recorder.close()


@pytest.fixture
def _soon(monkeypatch):
    monkeypatch.setattr(recorder_module, "INTERVAL", 0.01)


def words(events):
    return [word(event) for event in events]


def test_events_come_in_order_and_whole(recording):
    received = []
    recorder = recording([received.append])
    events = [
        step(number, rule="bio", app="tiktok", technique="intent")
        for number in range(BATCH_SIZE * 2 + 5)
    ]
    for event in events:
        recorder.record(event)
    assert received == []
    recorder.flush()
    assert [event for batch in received for event in batch] == events
    assert [len(batch) for batch in received] == [BATCH_SIZE, BATCH_SIZE, 5]
    recorder.flush()
    assert len(received) == 3, "no event is delivered twice"


@pytest.mark.usefixtures("_soon")
def test_a_system_without_forks_records(monkeypatch):
    monkeypatch.delattr(os, "register_at_fork")  # as on Windows
    kept = []
    recorder = Recorder([kept.extend])
    recorder.record(Event(0, "a", "shown"))
    recorder.close()
    assert [event.name for event in kept] == ["shown"]


def test_the_writer_delivers_by_itself():
    received = []
    recorder = Recorder([received.extend])
    recorder.record(step())
    until(lambda: received)
    recorder.count(Tally("forged"))
    until(lambda: len(received) == 2)
    assert words(received) == ["eligible", "forged x1"]


def test_a_second_time_is_a_repeat_and_so_is_a_third(recording):
    received = []
    recorder = recording([received.extend], clock=lambda: NOW + 0.5)
    for name in ("eligible", "tapped", "eligible", "eligible", "tapped"):
        recorder.record(
            step(
                name=name,
                rule="bio",
                app="tiktok",
                platform="ios",
                technique="intent",
                experiment="autumn",
                arm="escape",
            )
        )
    recorder.record(step(name="tapped", technique="menu"))
    recorder.record(step(1))
    recorder.flush()
    assert words(received) == [
        "eligible intent escape",
        "tapped intent escape",
        "tapped menu",
        "eligible",
        "repeat x3",
    ]
    assert received[-1] == Tally("repeat", "bio", "tiktok", platform="ios", number=3, time=NOW), (
        "a tally holds nothing of a visit"
    )


def test_the_deduplication_window_is_bounded(recording, monkeypatch):
    monkeypatch.setattr(recorder_module, "DEDUPLICATION_WINDOW", 10)
    received = []
    recorder = recording([received.extend])
    for number in [*range(11), 10, 10, 1, 0]:
        recorder.record(step(number))
    assert len(recorder._remembered) == 10
    recorder.flush()
    assert words(received) == ["eligible"] * 12 + ["repeat x3"], "the oldest is forgotten"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_writer_that_ends_is_followed_by_another(recording, monkeypatch):
    """Whatever ended it, even an exit: the next event starts one, which delivers both."""
    monkeypatch.setattr(recorder_module, "INTERVAL", 0.01)
    received, writers = [], []

    def leave_once(events):
        writers.append(threading.current_thread())
        if len(writers) == 1:
            raise SystemExit
        received.extend(events)

    recorder = recording([leave_once])
    recorder.record(step(1))
    until(lambda: writers and not writers[0].is_alive())
    recorder.record(step(2))
    until(lambda: len(received) == 2)
    assert len({*writers}) == 2
    assert {(writer.name, writer.daemon) for writer in writers} == {("escape_mw events", True)}


# --- full, broken, slow ---------------------------------------------------------------------------


def test_events_beyond_the_queue_size_are_dropped_and_counted(recording, monkeypatch):
    monkeypatch.setattr(recorder_module, "QUEUE_SIZE", 10)
    received = []
    recorder = recording([received.extend])
    for number in range(14):
        recorder.record(step(number, rule="bio", app="tiktok", platform="ios"))
    assert len(recorder._queue) == 10
    recorder.flush()
    assert received[:10] == [
        step(number, rule="bio", app="tiktok", platform="ios") for number in range(10)
    ]
    assert words(received[10:]) == ["dropped x4"]
    recorder.record(step(12))
    recorder.flush()
    assert words(received[11:]) == ["eligible"], "a dropped event may be recorded later"


def test_what_is_counted_has_the_time_of_the_middlewares_clock():
    received = []
    recorder = Measurement(EventOptions(), [received.extend], lambda: NOW).recorder
    recorder.count(Tally("forged"))
    recorder.close()
    assert received == [Tally("forged", time=NOW, number=1)]


def test_a_tally_that_is_dropped_counts_for_all_that_it_counted(recording, monkeypatch):
    monkeypatch.setattr(sink_queue, "QUEUE_SIZE", 1)
    received = []
    recorder = recording([received.extend])
    recorder.record(step(1))
    for _ in range(3):
        recorder.count(Tally("forged"))
    recorder.flush()
    assert words(received) == ["eligible", "dropped x3"]


def test_a_failed_batch_is_delivered_again(recording, caplog):
    sink = Failing()
    recorder = recording([sink])
    recorder.record(step(1))
    recorder.flush()
    recorder.record(step(2))
    recorder.flush()
    sink.broken = False
    recorder.flush()
    recorder.flush()
    assert [[event.visit for event in batch] for batch in sink.batches] == [
        ["visit 1"],
        ["visit 1", "visit 2"],
        ["visit 1", "visit 2"],
    ]
    assert [(record.levelno, record.message) for record in caplog.records] == [
        (logging.ERROR, "event sink failed, will retry: OSError: 'no disk'")
    ]


def test_a_sink_that_fails_again_later_is_logged_again(recording, caplog):
    sink = Failing()
    recorder = recording([sink])
    for number, broken in enumerate([True, True, False, True, True, False]):
        sink.broken = broken
        recorder.record(step(number))
        recorder.flush()
    assert len(caplog.records) == 2
    assert [event.visit for event in sink.batches[-1]] == ["visit 3", "visit 4", "visit 5"]


def test_a_batch_that_was_delivered_before_a_failure_is_not_repeated(recording):
    taken = []

    def sink(events):
        if len(taken) == 2 and "now" not in taken:
            raise OSError
        taken.append(len(events))

    recorder = recording([sink])
    for number in range(BATCH_SIZE * 3):
        recorder.record(step(number))
    recorder.flush()
    assert taken == [BATCH_SIZE, BATCH_SIZE]
    taken.append("now")
    recorder.flush()
    assert taken == [BATCH_SIZE, BATCH_SIZE, "now", BATCH_SIZE]


def test_a_broken_sink_does_not_affect_the_others(recording, monkeypatch):
    """Only the sink that dropped events gets the `dropped` event, once."""
    monkeypatch.setattr(sink_queue, "QUEUE_SIZE", 5)
    broken, good = Failing(), []
    recorder = recording([broken, good.extend], clock=lambda: NOW)
    for number in range(8):
        recorder.record(step(number))
        recorder.flush()
    assert good == [step(number) for number in range(8)]
    for _ in range(3):
        recorder.flush()
    assert words(good) == ["eligible"] * 8
    assert max(map(len, broken.batches)) == 5
    broken.broken = False
    recorder.flush()
    assert [event for batch in broken.batches[-2:] for event in batch] == [
        *map(step, range(5)),
        Tally("dropped", time=NOW, number=3),
    ]
    recorder.record(step(9))
    recorder.flush()
    assert broken.batches[-1] == good[-1:] == [step(9)]


REFUSED = [TypeError, ValueError, KeyError, AttributeError, OverflowError, AssertionError]
RETRIED = [OSError, TimeoutError, io.UnsupportedOperation, RuntimeError]


class Refusing:
    """A sink that raises for some events; what it took counts only if all of a call was good."""

    def __init__(self, error, *poison):
        self.error, self.poison = error, poison
        self.received, self.calls = [], 0

    def __call__(self, events):
        self.calls += 1
        if any(event.name in self.poison for event in events):
            raise self.error("cannot be stored")
        self.received += events


@pytest.mark.parametrize("error", REFUSED)
def test_an_event_that_a_sink_refuses_is_dropped_alone_and_counted(recording, caplog, error):
    sink, good = Refusing(error, "tapped"), []
    recorder = recording([sink, good.extend], clock=lambda: NOW)
    for number in range(BATCH_SIZE + 500):
        recorder.record(step(number, "tapped" if number in (0, 501, 502) else "eligible"))
    recorder.flush()
    recorder.record(step(9_999))
    recorder.flush()
    names = Counter(event.name for event in sink.received)
    assert (names["eligible"], names["tapped"]) == (BATCH_SIZE + 498, 0)
    assert sum(times(event) for event in sink.received if event.name == "dropped") == 3
    assert Counter(event.name for event in good) == {"eligible": BATCH_SIZE + 498, "tapped": 3}
    assert sink.calls < 100
    said = str(error("cannot be stored"))
    assert [(record.levelno, record.message) for record in caplog.records] == [
        (logging.ERROR, f"event sink refused an event, dropped: {error.__name__}: {said!r}")
    ]


def test_a_refused_count_of_what_was_dropped_is_kept(recording):
    sink = Refusing(ValueError, "tapped", "dropped")
    recorder = recording([sink])
    for number in range(3):
        recorder.record(step(number, "tapped"))
    for number in (4, 5):
        recorder.record(step(number))
        recorder.flush()
    assert words(sink.received) == ["eligible"] * 2
    sink.poison = ()
    recorder.flush()
    assert words(sink.received) == ["eligible", "eligible", "dropped x3"]


@pytest.mark.parametrize("error", RETRIED)
def test_any_other_error_of_a_sink_keeps_the_batch(recording, error):
    sink = Refusing(error, "tapped")
    recorder = recording([sink])
    for number in range(3):
        recorder.record(step(number, "tapped" if number == 1 else "eligible"))
    recorder.flush()
    assert (sink.received, sink.calls) == ([], 1)
    sink.poison = ()
    recorder.flush()
    assert words(sink.received) == ["eligible", "tapped", "eligible"]


OUTAGES = [
    pytest.param([json.JSONDecodeError, "Expecting value", "", 0], id="a proxy's page, no JSON"),
    pytest.param([ValueError, "I/O operation on closed file"], id="a closed file"),
    pytest.param([KeyError, "LAKE_TOKEN"], id="a setting that is missing"),
    pytest.param([AttributeError, "'NoneType' has no attribute 'settimeout'"], id="a lost socket"),
]


@pytest.mark.parametrize("error", OUTAGES)
@pytest.mark.parametrize("number", [1, 2, 400, 2 * BATCH_SIZE + 1])
def test_an_outage_that_looks_like_a_bad_value_loses_nothing(recording, caplog, error, number):
    sink = Failing(*error)
    recorder = recording([sink])
    for at in range(number):
        recorder.record(step(at))
    for _ in range(3):
        recorder.flush()
    assert len(sink.batches) <= 3 * 2
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "event sink failed, will retry"
    ]
    sink.broken, sink.batches = False, []
    recorder.flush()
    assert [event.visit for batch in sink.batches for event in batch] == [
        f"visit {at}" for at in range(number)
    ]
    sink.broken = True
    recorder.record(step(9_999))
    recorder.flush()
    assert len(caplog.records) == 2, "the log speaks again"


def test_a_refusal_is_logged_again_after_a_success(recording, caplog):
    sink = Refusing(TypeError, "tapped")
    recorder = recording([sink])
    for number, name in enumerate(["tapped", "eligible", "tapped", "eligible"]):
        recorder.record(step(number, name))
    recorder.flush()
    assert len(caplog.records) == 1
    recorder.record(step(4))
    recorder.flush()
    recorder.record(step(5, "tapped"))
    recorder.record(step(6))
    recorder.flush()
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "event sink refused an event, dropped"
    ] * 2


def test_a_sink_that_refuses_an_event_each_time_is_told_of_once(recording, caplog):
    sink = Refusing(TypeError, "tapped")
    recorder = recording([sink])
    for number in range(4):
        recorder.record(step(2 * number, "tapped"))
        recorder.record(step(2 * number + 1))
        recorder.flush()
    assert len(caplog.records) == 1


@pytest.mark.parametrize("number", [1, 2, 5])
def test_events_that_nothing_else_follows_are_given_up_after_minutes(recording, number):
    sink, clock = Refusing(TypeError, "tapped"), [NOW]
    recorder = recording([sink], clock=lambda: clock[0])
    for at in range(number):
        recorder.record(step(at, "tapped"))
    for seconds in (0, GIVE_UP_AFTER - 1):
        clock[0] = NOW + seconds
        recorder.flush()
        assert sink.received == []
    clock[0] = NOW + GIVE_UP_AFTER
    recorder.flush()
    assert words(sink.received) == [f"dropped x{number}"]


def test_a_sink_that_refuses_nearly_everything_ends(recording, caplog):
    sink = Refusing(TypeError, "tapped", "dropped")
    recorder = recording([sink])
    for number in range(BATCH_SIZE):
        recorder.record(step(number, "tapped"))
    recorder.flush()
    assert sink.calls == 2
    recorder.record(step(BATCH_SIZE))
    recorder.flush()
    assert words(sink.received) == ["eligible"]
    assert sink.calls < 3 * BATCH_SIZE
    assert len(caplog.records) == 2


@pytest.mark.usefixtures("_soon")
def test_a_slow_sink_does_not_block_recording():
    """All of this happens before the sink returns from its first batch."""
    slow = Gated()
    recorder = Recorder([slow])
    recorder.record(step(0))
    assert slow.entered.wait(30)
    for number in range(1, 500):
        recorder.record(step(number))
    recorder.count(Tally("forged"))
    assert slow.received == []
    slow.gate.set()
    recorder.close()
    assert words(slow.received) == ["eligible"] * 500 + ["forged x1"]


@pytest.mark.usefixtures("_soon")
def test_a_page_is_shown_while_a_sink_hangs():
    slow = Gated()
    site = EscapeMiddleware(plain, RULES, sinks=[slow])
    assert ask_wsgi(site, "/presave/x", TIKTOK_ANDROID)[0] == 200
    assert slow.entered.wait(30)
    assert ask_wsgi(site, "/presave/x", TIKTOK_ANDROID)[0] == 200
    slow.gate.set()
    site.engine.state.measurement.recorder.close()
    assert words(slow.received) == ["eligible", "shown intent tap"] * 2


@pytest.mark.usefixtures("_soon")
def test_without_a_thread_the_page_is_shown_and_events_are_kept(caplog):
    def refuse(_):
        raise RuntimeError("can't start new thread")

    site = Measured()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert 'data-beacon="' in site.ask("/presave/x", TIKTOK_ANDROID)
        assert caplog.records == []
    assert site.told == []
    site.ask("/presave/x", TIKTOK_ANDROID)
    until(lambda: len(site.told) == 4)


# --- threads --------------------------------------------------------------------------------------


def together(number, work):
    """Run work(0), work(1), ... in threads that start together."""
    barrier = threading.Barrier(number)

    def run(which):
        barrier.wait(30)
        work(which)

    threads = [threading.Thread(target=run, args=[which]) for which in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def test_many_threads_lose_nothing_and_start_one_writer():
    before = set(threading.enumerate())
    writers, received = set(), []
    recorder = Recorder([received.extend])

    def work(which):
        for number in range(400):
            recorder.record(step(f"{which} {number}"))
            recorder.record(step("shared", f"{number}"))
            recorder.count(Tally("forged"))
        writers.update(
            thread for thread in threading.enumerate() if thread.name == "escape_mw events"
        )

    together(8, work)
    assert len(writers - before) == 1
    recorder.close()
    own = [event.visit for event in of_visits(received) if event.visit != "visit shared"]
    assert len(own) == len(set(own)) == 3200
    for which in range(8):
        mine = [visit for visit in own if visit.startswith(f"visit {which} ")]
        assert mine == [f"visit {which} {number}" for number in range(400)]
    assert sum(event.visit == "visit shared" for event in of_visits(received)) == 400
    counted = {
        name: sum(times(event) for event in received if event.name == name)
        for name in ("forged", "repeat")
    }
    assert counted == {"forged": 3200, "repeat": 7 * 400}


def test_nothing_starts_before_the_first_event():
    before = set(threading.enumerate())
    recorder = Recorder([[].extend])
    recorder.flush()
    assert set(threading.enumerate()) <= before


@pytest.mark.usefixtures("_soon")
def test_a_collected_recorder_ends_its_thread():
    received = []
    recorder = Recorder([received.extend])
    recorder.record(step())
    writer, gone = recorder._writer, weakref.ref(recorder)
    until(lambda: received)
    del recorder
    gc.collect()
    until(lambda: gone() is None and not writer.is_alive())


@pytest.mark.usefixtures("_soon")
def test_a_recorder_lives_until_its_events_are_delivered():
    """Neither the site nor the test holds a reference to the recorder."""
    sink = Failing()
    recorder = Recorder([sink])
    recorder.record(step())
    recorder.count(Tally("forged"))
    gone = weakref.ref(recorder)
    del recorder
    gc.collect()
    until(lambda: len(sink.batches) > 2)
    assert gone() is not None
    sink.broken = False
    until(lambda: gone() is None)
    assert words(sink.batches[-1]) == ["eligible", "forged x1"]


def test_close_ends_the_writer_and_loses_nothing(recording):
    received = []
    recorder = recording([received.extend])
    recorder.record(step(1))
    writer = recorder._writer
    recorder.close()
    assert words(received) == ["eligible"]
    until(lambda: not writer.is_alive())
    recorder.record(step(2))
    recorder.count(Tally("forged"))
    until(lambda: len(received) == 3)


def test_what_a_sink_records_waits_for_the_next_flush(recording):
    received = []

    def sink(events):
        received.extend(events)
        if len(received) < 3:
            recorder.count(Tally("forged"))
            recorder.flush()

    recorder = recording([sink])
    recorder.close()  # from here on, no other thread delivers
    caller = threading.Thread(target=recorder.record, args=[step(1)], daemon=True)
    caller.start()
    caller.join(30)
    assert not caller.is_alive()
    assert words(received) == ["eligible"]
    recorder.flush()
    assert words(received) == ["eligible", "forged x1"]


@pytest.mark.usefixtures("_soon")
def test_a_retired_recorder_delivers_in_its_own_thread_and_ends():
    sink = Gated()
    recorder = Recorder([sink])
    recorder.record(step(1))
    writer = recorder._writer
    assert sink.entered.wait(30)
    recorder.record(step(2))
    recorder.retire()  # returns although the sink is at work
    assert sink.received == []
    sink.gate.set()
    until(lambda: len(sink.received) == 2 and not writer.is_alive())


def test_a_retired_recorder_ends_before_its_interval_is_over(monkeypatch):
    monkeypatch.setattr(recorder_module, "INTERVAL", 3600)
    received = []
    recorder = Recorder([received.extend])
    recorder.record(step())
    writer = recorder._writer
    recorder.retire()
    until(lambda: received and not writer.is_alive())


@pytest.mark.usefixtures("_soon")
def test_an_event_after_retirement_is_delivered_too():
    received = []
    recorder = Recorder([received.extend])
    recorder.retire()
    recorder.record(step())
    until(lambda: received and recorder._writer is None)


@pytest.mark.usefixtures("_soon")
def test_a_retired_recorder_keeps_trying_a_sink_that_is_down():
    sink = Failing()
    recorder = Recorder([sink])
    recorder.record(step())
    recorder.retire()
    until(lambda: len(sink.batches) > 2)
    writer, sink.broken = recorder._writer, False
    until(lambda: not writer.is_alive())
    assert recorder._writer is None


def test_inline_sinks_are_called_in_the_requests_own_thread(recording):
    received = []
    recorder = recording([], [lambda event: received.append((event, threading.current_thread()))])
    recorder.record(step())
    assert received == [(step(), threading.current_thread())]


# --- an edit of the rules -------------------------------------------------------------------------


def edition(path, database=None, rule="one", to="page"):
    events = json.dumps({"database": database}) if database else "false"
    write(
        path,
        f"version: 1\nsecret: sixteen characters\nevents: {events}\n"
        f"rules: [{{name: {rule}, path: /**, to: {to}}}]\n",
    )


@pytest.fixture
def edited(tmp_path):
    """A site with a rules file, and that file."""
    file = tmp_path / "escape.yaml"
    edition(file, "sqlite:///first.sqlite3")
    return EscapeMiddleware(plain, file), file


def kept(path):
    if not path.exists():
        return []
    database = Database(f"sqlite:///{path}")
    try:
        return list(database.read())
    finally:
        database.close()


def test_another_database_gets_what_comes_after_the_edit_and_the_first_loses_nothing(
    edited, tmp_path
):
    site, file = edited
    ask_wsgi(site, "/x", TIKTOK_ANDROID)
    first = site.engine.state.measurement.recorder
    edition(file, "sqlite:///second.sqlite3")
    site.engine.source.look()
    ask_wsgi(site, "/x", TIKTOK_ANDROID)
    until(lambda: len(kept(tmp_path / "first.sqlite3")) == 2)
    site.engine.state.measurement.recorder.close()
    assert len(kept(tmp_path / "second.sqlite3")) == 2
    until(lambda: first._writer is None)


def test_an_edit_of_anything_else_keeps_the_recorder(edited):
    site, file = edited
    ask_wsgi(site, "/x", TIKTOK_ANDROID)
    first = site.engine.state.measurement
    edition(file, "sqlite:///first.sqlite3", rule="two")
    site.engine.source.look()
    ask_wsgi(site, "/x", TIKTOK_ANDROID)
    assert site.engine.state.measurement is first
    assert site.engine.state.rules.policy.rules[0].name == "two"


def test_events_can_be_switched_off_and_on(edited, tmp_path):
    site, file = edited
    ask_wsgi(site, "/x", TIKTOK_ANDROID)
    edition(file)
    site.engine.source.look()
    assert b'data-beacon="' not in ask_wsgi(site, "/x", TIKTOK_ANDROID)[2]
    assert ask_wsgi(site, "/_escape/e", TIKTOK_ANDROID, method="POST")[0] == 200, (
        "the site's own answer"
    )
    until(lambda: len(kept(tmp_path / "first.sqlite3")) == 2)
    edition(file, "sqlite:///first.sqlite3")
    site.engine.source.look()
    assert b'data-beacon="' in ask_wsgi(site, "/x", TIKTOK_ANDROID)[2]
    site.engine.state.measurement.recorder.close()
    assert len(kept(tmp_path / "first.sqlite3")) == 4


def test_an_edit_keeps_no_request_waiting_and_builds_one_recorder(tmp_path, monkeypatch):
    """Three slow redirects began before it, and a sink is at work: each keeps what it had."""
    file, sink = tmp_path / "escape.yaml", Gated()
    edition(file, "sqlite:///first.sqlite3", to="redirect")
    begun, go_on = threading.Barrier(4), threading.Event()

    def slow(environ, start_response):
        if environ["PATH_INFO"] == "/smart":
            begun.wait(30)
            assert go_on.wait(30)
        return plain(environ, start_response)

    site = EscapeMiddleware(slow, file, sinks=[sink])
    built = []
    monkeypatch.setattr(
        "escape_mw.engine.state.Measurement",
        lambda *of: built.append(Measurement(*of)) or built[-1],
    )
    first = site.engine.state.measurement
    pages = []

    def ask(path):
        pages.append(ask_wsgi(site, path, TIKTOK_ANDROID)[2])

    ask("/listen")
    assert sink.entered.wait(30)
    asking = [threading.Thread(target=ask, args=["/smart"]) for _ in range(3)]
    for thread in asking:
        thread.start()
    begun.wait(30)
    edition(file, "sqlite:///second.sqlite3", to="redirect")
    site.engine.source.look()
    ask("/listen")
    go_on.set()
    for thread in asking:
        thread.join(30)
    assert [b'data-beacon="' in page for page in pages] == [True] * 5
    assert [site.engine.state.measurement] == built
    sink.gate.set()
    until(lambda: first.recorder._writer is None)
    built[0].recorder.close()
    assert len({event.visit for event in sink.received}) == 5


def test_edits_under_load_lose_nothing(edited, tmp_path):
    """Five threads send requests while `events:` alternates between two databases."""
    site, file = edited

    def work(which):
        for number in range(12 if which == 0 else 60):
            if which == 0:
                edition(file, f"sqlite:///{('second', 'first')[number % 2]}.sqlite3")
                site.engine.source.look()
            ask_wsgi(site, "/x", TIKTOK_ANDROID)

    together(5, work)
    site.engine.state.measurement.recorder.close()
    until(
        lambda: (
            sum(len(kept(tmp_path / f"{name}.sqlite3")) for name in ("first", "second"))
            == 2 * (12 + 4 * 60)
        )
    )
    received = [
        event for name in ("first", "second") for event in kept(tmp_path / f"{name}.sqlite3")
    ]
    assert len({event.visit for event in received}) == 12 + 4 * 60


# --- processes ------------------------------------------------------------------------------------

BEGIN = """
import os, sys, threading, time
from escape_mw import Event, Tally
from escape_mw.events.recorder import Recorder
def sink(records):
    told = (f"{getattr(one, 'visit', 'counted')} {one.name}\\n" for one in records)
    with open(sys.argv[1], "a") as file:
        file.write("".join(told))
recorder = Recorder([sink])
"""


def run(program, path, **options):
    done = subprocess.run(
        [*PYTHON, BEGIN + program, str(path)],
        timeout=60,
        check=False,
        capture_output=True,
        text=True,
        **options,
    )
    return (
        done.returncode,
        sorted(path.read_text().splitlines()) if path.exists() else [],
        done.stderr,
    )


ENDS = [
    pytest.param("", 0, id="at its end"),
    pytest.param("sys.exit(3)", 3, id="by sys.exit"),
    pytest.param("raise ValueError", 1, id="by an exception"),
]


@pytest.mark.parametrize(("ending", "code"), ENDS)
def test_a_process_that_ends_writes_everything_first(tmp_path, ending, code):
    program = (
        "for number in range(2500): recorder.record(Event(1, str(number), 'eligible'))\n"
        f"recorder.count(Tally('forged'))\n{ending}"
    )
    returned, lines, errors = run(program, tmp_path / "written")
    assert returned == code, errors
    assert lines == sorted([*(f"{number} eligible" for number in range(2500)), "counted forged"])


def test_a_process_that_has_dropped_its_recorder_ends_quietly(tmp_path):
    returned, _, errors = run(
        "recorder.record(Event(1, 'a', 'eligible'))\ndel recorder", tmp_path / "written"
    )
    assert (returned, errors) == (0, "")


@needs_fork
def test_after_a_fork_each_process_writes_its_own_once(tmp_path):
    program = """
recorder.record(Event(1, "parent before", "eligible"))
recorder.count(Tally("forged"))
if os.fork() == 0:
    recorder.record(Event(1, "child", "eligible"))
    recorder.record(Event(1, "parent before", "eligible"))
    sys.exit()
recorder.record(Event(1, "parent after", "eligible"))
os.wait()
"""
    returned, lines, errors = run(program, tmp_path / "written")
    assert (returned, errors) == (0, "")
    assert lines == [
        "child eligible",
        "counted forged",
        "parent after eligible",
        "parent before eligible",
        "parent before eligible",
    ]


@needs_fork
def test_a_fork_while_the_writer_is_at_work_and_the_sink_broken(tmp_path):
    """The child has its own locks, queue and writer; the parent delivers its own pending events."""
    program = """
from tests.support.waiting import until
entered, gate, parent = threading.Event(), threading.Event(), os.getpid()
write = sink
def broken(events):
    if os.getpid() == parent and not gate.is_set():
        entered.set()
        gate.wait(30)
        raise OSError
    write(events)
recorder = Recorder([broken])
recorder.record(Event(1, "parent", "eligible"))
entered.wait(30)
if os.fork() == 0:
    recorder.record(Event(1, "child", "eligible"))
    until(lambda: os.path.exists(sys.argv[1]) and os.path.getsize(sys.argv[1]))
    os._exit(0)
os.wait()
gate.set()
"""
    returned, lines, errors = run(program, tmp_path / "written")
    assert returned == 0, errors
    assert lines == ["child eligible", "parent eligible"]


@needs_fork
def test_children_of_a_measured_site_write_to_one_database(tmp_path):
    """A server that loads the site, serves, and only then forks."""
    program = """
from tests.support.agents import TIKTOK_ANDROID
from tests.support.measured import RULES
from tests.support.sites import ask_wsgi, plain
from escape_mw import EscapeMiddleware
site = EscapeMiddleware(plain, RULES | {"events": {"database": "sqlite:///" + sys.argv[1]}})
def visit(number):
    for _ in range(number):
        ask_wsgi(site, "/presave/x", TIKTOK_ANDROID)
visit(5)
site.engine.state.measurement.recorder.flush()
visit(5)
for _ in range(3):
    if os.fork() == 0:
        visit(10)
        sys.exit()
visit(5)
for _ in range(3):
    os.wait()
"""
    done = subprocess.run(
        [*PYTHON, BEGIN + program, str(tmp_path / "events")],
        timeout=60,
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    received = kept(tmp_path / "events")
    assert len(received) == 2 * (15 + 30)
    assert len({event.visit for event in received}) == 45


def test_a_killed_process_loses_what_is_younger_than_a_second(tmp_path):
    program = """
from escape_mw.events.database import Database
recorder = Recorder([Database("sqlite:///" + sys.argv[1])])
for number in range(100_000):
    recorder.record(Event(1, str(number), "eligible"))
    print(number, time.monotonic(), flush=True)
    time.sleep(0.002)
"""
    process = subprocess.Popen(
        [*PYTHON, BEGIN + program, str(tmp_path / "events")], stdout=subprocess.PIPE, text=True
    )
    received = {}
    for line in process.stdout:
        number, moment = line.split()
        received[int(number)] = float(moment)
        if len(received) == 700:
            process.send_signal(signal.SIGKILL)
    assert process.wait(30) == -signal.SIGKILL
    process.stdout.close()
    there = {int(event.visit) for event in kept(tmp_path / "events")}
    assert there
    lost = sorted(set(received) - there)
    assert there == set(range(len(there))), "only the last events are lost"
    assert all(
        moment > max(received.values()) - 1 for number, moment in received.items() if number in lost
    )
