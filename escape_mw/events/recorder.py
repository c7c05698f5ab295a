"""The recorder: queues an event in a few microseconds; a writer thread delivers it to the sinks.

A request never waits for a sink. Events that a sink cannot take yet stay in a bounded queue; those
beyond its size are dropped and counted. A killed process loses the events younger than `INTERVAL`;
one that exits delivers everything first.
"""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable
from itertools import islice

from ..web.forks import tell_of_forks
from ..web.logs import logger
from .event import Event, Record, Tally
from .sinks import Sink

INTERVAL = 0.5  # seconds between two flushes by the writer thread
QUEUE_SIZE = 10_000  # events pending, in the recorder and for each sink
BATCH_SIZE = 1_000  # events in one call of a sink
GIVE_UP_AFTER = 600  # seconds for which a sink may refuse everything from one event on
# A sink that raises one of these has met an event that it can never take, if it takes others.
# OSError, and whatever a driver raises, may pass.
REFUSALS = (
    TypeError,
    ValueError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
)
DEDUPLICATION_WINDOW = 20_000  # most recent stages, of all visits, that a repeat is recognised by


class SinkQueue:
    """A sink and the events pending for it."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.pending: deque[Record] = deque()
        self._dropped = 0
        self._is_broken = False
        self._has_refused = False
        self._suspect: Record | None = None
        self._suspected_at = 0

    def clear(self) -> None:
        """Forget the pending events: after a fork, the parent process delivers them."""
        self.pending.clear()
        self._dropped = 0

    def enqueue(self, records: Iterable[Record]) -> None:
        """Queue events and tallies. Those beyond QUEUE_SIZE are dropped and counted.

        The count is sent as a tally `dropped` once the sink works again.
        """
        for record in records:
            if len(self.pending) < QUEUE_SIZE:
                self.pending.append(record)
            else:
                self._dropped += _number(record)

    def drain(self, now: int) -> None:
        """Deliver the pending events in batches; a batch that fails is tried again next time.

        A refused one is halved down to the event that cannot be taken, which is dropped and
        counted; but only if the sink takes others: one that refuses everything is down. `now` is in
        seconds since 1970.
        """
        dropped_before = self._dropped
        if not self._drain(now):
            return
        self._has_refused = self._dropped > dropped_before
        if self._dropped:
            self.pending.append(Tally("dropped", time=now, number=self._dropped))
            self._dropped = 0
            self._drain(now)

    def _drain(self, now: int) -> bool:
        """Deliver what is pending; returns whether the sink has left nothing, and works."""
        size, is_up = BATCH_SIZE, False
        while self.pending:
            batch = list(islice(self.pending, size))
            error = self._deliver(batch)
            if error is None:
                is_up, size = True, min(2 * size, BATCH_SIZE)
                self._forget(len(batch))
                continue
            is_refusal = isinstance(error, REFUSALS) and not isinstance(error, OSError)
            is_up = is_up or (is_refusal and (self._takes_newest() or self._is_hopeless(now)))
            if not (is_refusal and is_up):
                self._log_failure(error)
                return False
            if len(batch) == 1:
                self._drop_first(error)
            size = max(1, len(batch) // 2)
        return is_up

    def _deliver(self, batch: list[Record]) -> Exception | None:
        try:
            self.sink(batch)
        except Exception as error:
            return error.with_traceback(None)  # whose frames would keep the recorder alive
        return None

    def _takes_newest(self) -> bool:
        """Whether the sink works: whether it takes the newest of several events."""
        if len(self.pending) == 1 or self._deliver([self.pending[-1]]):
            return False
        self.pending.pop()
        return True

    def _is_hopeless(self, now: int) -> bool:
        """Whether the sink has refused the first event, and all behind it, for too long."""
        first = self.pending[0]
        if self._suspect is not first:
            self._suspect, self._suspected_at = first, now
        return now - self._suspected_at >= GIVE_UP_AFTER

    def _forget(self, number: int) -> None:
        """Forget delivered events."""
        self._is_broken = False
        for _ in range(number):
            self.pending.popleft()

    def _drop_first(self, error: Exception) -> None:
        """Drop the event that the sink refuses. Logged once: the count says how often.

        It is logged again once the sink has taken all that it was given.
        """
        record = self.pending.popleft()
        self._dropped += _number(record) if record.name == "dropped" else 1
        if not self._has_refused:
            logger.error(
                "event sink refused an event, dropped: %s: %.200r", type(error).__name__, str(error)
            )
        self._has_refused = True

    def _log_failure(self, error: Exception) -> None:
        """Log once, until the sink has worked again."""
        if not self._is_broken:
            logger.error(
                "event sink failed, will retry: %s: %.200r", type(error).__name__, str(error)
            )
        self._is_broken = True


def _number(record: Record) -> int:
    """How many events this is."""
    return record.number if isinstance(record, Tally) else 1


class Recorder:
    """Records events from any thread and delivers them to sinks in batches, from its own thread.

    The writer thread starts with the first event, in each process that records one.

    - `sinks` are called with lists of events and tallies; one that raises gets the same again
      later, but for an event that it refuses (see `REFUSALS`).
    - `inline_sinks` are called with each event at once, in the thread of its request.
    - `clock` returns seconds since 1970.
    """

    def __init__(
        self,
        sinks: Iterable[Sink],
        inline_sinks: Iterable[Callable[[Event], object]] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.clock = clock
        self._sink_queues = [SinkQueue(sink) for sink in sinks]
        self._inline_sinks = tuple(inline_sinks)
        self._is_closed = self._is_retired = False
        self.after_fork()
        tell_of_forks(self)
        RECORDERS.add(self)

    def after_fork(self) -> None:
        """Start empty, as a process that has recorded nothing.

        In a child process, the parent delivers what is pending, and a lock that was
        held while forking would stay locked.
        """
        UNDELIVERED.discard(self)
        self._queue: deque[Event] = deque()
        self._tallies: Counter[Tally] = Counter()
        self._remembered: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._lock, self._flush_lock = threading.Lock(), threading.Lock()
        self._ahead = threading.Event()  # the next flush is due before INTERVAL is over
        self._writer: threading.Thread | None = None
        for sink_queue in self._sink_queues:
            sink_queue.clear()

    def record(self, event: Event) -> None:
        """Record a stage of a visit; a repeat of the same stage is only counted."""
        key = event.visit, event.stage_key
        with self._lock:
            UNDELIVERED.add(self)
            if key in self._remembered:
                self._count_instead("repeat", event)
            elif len(self._queue) >= QUEUE_SIZE:
                self._count_instead("dropped", event)
            else:
                self._queue.append(event)
                self._remember(key)
        for notify in self._inline_sinks:
            notify(event)
        self._wake()

    def count(self, tally: Tally) -> None:
        """Count something that belongs to no visit, once."""
        with self._lock:
            UNDELIVERED.add(self)
            self._tallies[tally] += 1
        self._wake()

    def flush(self) -> None:
        """Deliver everything to the sinks now, in the calling thread."""
        with self._flush_lock:
            now = int(self.clock())
            with self._lock:
                records: list[Record] = [*self._queue]
                for tally, number in self._tallies.items():
                    records.append(tally._replace(time=now, number=number))
                self._queue.clear()
                self._tallies.clear()
            for sink_queue in self._sink_queues:
                sink_queue.enqueue(records)
            for sink_queue in self._sink_queues:
                sink_queue.drain(now)
            with self._lock:
                if not self._has_undelivered():
                    UNDELIVERED.discard(self)

    def close(self) -> None:
        """Stop the writer thread and deliver what is left; later events are delivered at once."""
        self._is_closed = True
        self._ahead.set()
        self.flush()

    def retire(self) -> None:
        """Deliver what is left, and end: another recorder takes the visits from now on.

        Returns at once: the writer thread does it. A later event, of a request that began before,
        starts it once more.
        """
        self._is_retired = True
        self._ahead.set()

    def let_go(self) -> bool:
        """Let the writer thread, which asks, end if nothing is left for it; returns whether."""
        with self._lock:
            if self._is_closed or (self._is_retired and not self._has_undelivered()):
                self._writer = None
                return True
            return False

    def forget(self, writer: threading.Thread) -> None:
        """Let the next event start another writer thread: this one has ended."""
        with self._lock:
            if self._writer is writer:
                self._writer = None

    def _has_undelivered(self) -> bool:
        pending = any(sink_queue.pending for sink_queue in self._sink_queues)
        return bool(self._queue or self._tallies or pending)

    def _count_instead(self, name: str, event: Event) -> None:
        """Count an event by another name, and not record it."""
        self._tallies[Tally(name, event.rule, event.app, event.platform)] += 1

    def _remember(self, key: tuple[str, str]) -> None:
        self._remembered[key] = None
        if len(self._remembered) > DEDUPLICATION_WINDOW:
            self._remembered.popitem(last=False)

    def _wake(self) -> None:
        """Start the writer thread if there is none; deliver at once after `close`."""
        if self._is_closed:
            self.flush()
        elif self._writer is None:
            with self._lock:
                if self._writer is None:
                    self._writer = threading.Thread(
                        target=_writer_loop,
                        args=(weakref.ref(self), self._ahead),
                        name="escape_mw events",
                        daemon=True,
                    )
                    try:
                        self._writer.start()
                    except RuntimeError:  # no thread available: the next event tries again
                        self._writer = None


# Keeps recorders with undelivered events alive after their engine is garbage-collected.
UNDELIVERED: set[Recorder] = set()
RECORDERS: weakref.WeakSet[Recorder] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for recorder in list(RECORDERS):
        recorder.close()


def _writer_loop(reference: weakref.ref[Recorder], ahead: threading.Event) -> None:
    """The writer thread: flushes every INTERVAL until its recorder is done or collected.

    Whatever ends it, the next event starts another one.
    """
    try:
        while True:
            ahead.wait(INTERVAL)
            ahead.clear()
            recorder = reference()
            if recorder is None:
                return
            recorder.flush()
            if recorder.let_go():
                return
            del recorder
    finally:
        if recorder := reference():
            recorder.forget(threading.current_thread())
