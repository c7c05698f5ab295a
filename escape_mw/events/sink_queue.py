"""What waits for one sink: delivered in batches, again after a failure, without what it refuses."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice

from ..web.logs import logger
from .event import Record, Tally
from .sinks import Sink

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
        # A refused tally is one: its number may be what cannot be stored. Our own count is kept.
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
