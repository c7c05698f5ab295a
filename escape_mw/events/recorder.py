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

from ..web.forks import tell_of_forks
from .event import Event, Record, Tally
from .sink_queue import QUEUE_SIZE, SinkQueue
from .sinks import Sink

INTERVAL = 0.5  # seconds between two flushes by the writer thread
DEDUPLICATION_WINDOW = 20_000  # most recent stages, of all visits, that a repeat is recognised by


class Recorder:
    """Records events from any thread and delivers them to sinks in batches, from its own thread.

    The writer thread starts with the first event, in each process that records one.

    - `sinks` are called with lists of events and tallies; one that raises gets the same again
      later, but for an event that it refuses (`REFUSALS` of `sink_queue.py`).
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
        self._flusher: int | None = None  # the thread that delivers
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
        """Deliver everything to the sinks now, in the calling thread.

        What a sink itself records waits for the next flush.
        """
        if self._flusher == threading.get_ident():
            return
        with self._flush_lock:
            self._flusher = threading.get_ident()
            try:
                self._deliver(int(self.clock()))
            finally:
                self._flusher = None

    def _deliver(self, now: int) -> None:
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
