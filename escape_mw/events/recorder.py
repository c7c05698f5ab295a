"""The recorder: takes an event in a few microseconds, and hands it to the sinks from a thread of its own.

A request never waits for a sink. What the sinks cannot take waits here, so much and no more; what is lost is counted.
A process killed on the spot loses what is younger than `INTERVAL`; one that ends writes everything first.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable

from ..logs import logger
from .event import Event
from .sinks import Sink

INTERVAL = 0.5  # seconds between two looks of the writer
QUEUE_SIZE = 10_000  # events that may wait, for each sink
BATCH_SIZE = 1_000
DEDUPLICATION_WINDOW = 20_000  # steps of visits, to know a repeat by


class SinkQueue:
    """One sink, and what waits for it."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.pending: deque[Event] = deque()
        self._dropped = 0
        self._is_broken = False

    def clear(self) -> None:
        """Let nothing wait: it is another process's to write."""
        self.pending.clear()
        self._dropped = 0

    def enqueue(self, events: Iterable[Event]) -> None:
        """Let events wait. Those that find no room are lost; this sink is told how many, once it takes any again."""
        for event in events:
            if len(self.pending) < QUEUE_SIZE:
                self.pending.append(event)
            else:
                self._dropped += event.number

    def drain(self, now: int) -> None:
        """Hand over what waits; a sink that fails gets the same again later."""
        while self.pending:
            batch = [self.pending[at] for at in range(min(BATCH_SIZE, len(self.pending)))]
            try:
                self.sink(batch)
            except Exception as error:
                if not self._is_broken:
                    logger.error(
                        "event sink failed, will retry: %s: %.200r",
                        type(error).__name__,
                        str(error),
                    )
                self._is_broken = True
                return
            self._is_broken = False
            for _ in batch:
                self.pending.popleft()
            if self._dropped:
                self.pending.append(Event(now, "", "dropped", number=self._dropped))
                self._dropped = 0


class Recorder:
    """Takes events from any thread, and tells `sinks` of them in batches.

    `inline_sinks` are told of each event in the request that it belongs to. The writer's thread begins with the first event,
    in each process that records one. `clock` gives seconds since 1970.
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
        self._reset()
        reference = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _notify_if_alive(reference, Recorder._reset))
        atexit.register(lambda: _notify_if_alive(reference, Recorder.close))

    def _reset(self) -> None:
        """The state of a process that has recorded nothing: after a fork, what waits is the parent's to write."""
        UNDELIVERED.discard(self)
        self._queue: deque[Event] = deque()
        self._tallies: Counter[Event] = Counter()
        self._remembered: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._lock, self._flush_lock = threading.Lock(), threading.Lock()
        self._closed = threading.Event()
        self._writer: threading.Thread | None = None
        for sink_queue in self._sink_queues:
            sink_queue.clear()

    def record(self, event: Event) -> None:
        """Record a step of a visit: a second time, it is only counted as a repeat."""
        key = event.visit, event.stage_key
        with self._lock:
            UNDELIVERED.add(self)
            if key in self._remembered:
                self._count(event._replace(name="repeat"))
            elif len(self._queue) >= QUEUE_SIZE:
                self._count(event._replace(name="dropped"))
            else:
                self._queue.append(event)
                self._remember(key)
        for notify in self._inline_sinks:
            notify(event)
        self._wake()

    def count(self, event: Event) -> None:
        """Count an event of no visit."""
        with self._lock:
            UNDELIVERED.add(self)
            self._count(event)
        self._wake()

    def flush(self) -> None:
        """Hand everything to the sinks now."""
        with self._flush_lock:
            now = int(self.clock())
            with self._lock:
                events = [
                    *self._queue,
                    *(
                        event._replace(time=now, number=number)
                        for event, number in self._tallies.items()
                    ),
                ]
                self._queue.clear()
                self._tallies.clear()
            for sink_queue in self._sink_queues:
                sink_queue.enqueue(events)
            for sink_queue in self._sink_queues:
                sink_queue.drain(now)
            with self._lock:
                if not (
                    self._queue
                    or self._tallies
                    or any(sink_queue.pending for sink_queue in self._sink_queues)
                ):
                    UNDELIVERED.discard(self)

    def close(self) -> None:
        """End the writer and hand over what is left."""
        self._closed.set()
        self.flush()

    def _count(self, event: Event) -> None:
        """Only the words that tallies keep; anything else would make each of them another one."""
        self._tallies[Event(0, "", event.name, event.rule, event.app, platform=event.platform)] += 1

    def _remember(self, key: tuple[str, str]) -> None:
        self._remembered[key] = None
        if len(self._remembered) > DEDUPLICATION_WINDOW:
            self._remembered.popitem(last=False)

    def _wake(self) -> None:
        """See that somebody writes: the writer's thread, or whoever comes after the end."""
        if self._closed.is_set():
            self.flush()
        elif self._writer is None:
            with self._lock:
                if self._writer is None:
                    self._writer = threading.Thread(
                        target=_writer_loop,
                        args=(weakref.ref(self), self._closed),
                        name="escape_mw events",
                        daemon=True,
                    )
                    try:
                        self._writer.start()
                    except RuntimeError:  # no thread to be had now: the next event tries again
                        self._writer = None


UNDELIVERED: set[Recorder] = (
    set()
)  # who has something to hand over lives on until that is done, whoever else has let go of it


def _notify_if_alive(reference: weakref.ref[Recorder], action: Callable[[Recorder], None]) -> None:
    """Have a recorder do something, if it still lives."""
    if recorder := reference():
        action(recorder)


def _writer_loop(reference: weakref.ref[Recorder], closed: threading.Event) -> None:
    """The writer's life: it ends with its recorder, or with the process; after a death, the next event begins another."""
    try:
        while not closed.wait(INTERVAL):
            recorder = reference()
            if recorder is None:
                return
            recorder.flush()
            del recorder
    finally:
        if recorder := reference():
            recorder._writer = None
