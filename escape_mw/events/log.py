"""The log sink: JSON Lines."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..web.logs import events as logger
from .event import Record
from .options import EventOptions
from .sinks import Sink


def sink(_: EventOptions) -> Sink:
    """Logs events."""
    return log


def log(events: Sequence[Record]) -> None:
    """Log events at level INFO as JSON Lines, to the logger `escape_mw.events`.

    Raises TypeError, before the first line, for an event that is not JSON.
    """
    for line in [json.dumps(event.as_dict()) for event in events]:
        logger.info("%s", line)
