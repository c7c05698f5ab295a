"""The log: whatever a site's handler or filter raises, no request fails for it."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any

CALLER = 2 if sys.version_info >= (3, 11) else 3  # frames up, which older releases count otherwise


class Log(logging.LoggerAdapter):  # type: ignore[type-arg]  # no subscript on Python 3.10
    """A logger whose failures fail nothing else.

    Fields for structured logs are given as `extra`, and become attributes of the record.
    """

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Log, if that works."""
        with suppress(Exception):
            super().log(level, msg, *args, **{"stacklevel": CALLER, **kwargs})

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        """Leave `extra` as it is; the adapter of the standard library replaces it."""
        return msg, kwargs


def show() -> None:
    """Print what is logged from level INFO on, where nothing in the process does so already."""
    own = logging.getLogger("escape_mw")
    if not own.hasHandlers():
        own.addHandler(logging.StreamHandler())
    if own.getEffectiveLevel() > logging.INFO:
        own.setLevel(logging.INFO)


logger = Log(logging.getLogger("escape_mw"), {})
events = Log(logging.getLogger("escape_mw.events"), {})
