"""What is measured, and which sinks receive it: the rules' `events:` as a plain value."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import Any

from ..web.days import DAY

KEEP, MAX_ROWS = "13mo", 10_000_000  # a year can be compared with the one before
DEFAULT_DATABASE = "sqlite:///escape_events.sqlite3"
UNITS = {"d": DAY, "mo": DAY * 365.25 / 12, "y": DAY * 365.25}
PERIOD = re.compile(r"[1-9]\d{0,4}(?:d|mo|y)", re.ASCII)


def sink(library: str = "", **more: Any) -> Any:
    """A field that switches a sink on: that of the module of its name, which needs a library."""
    return field(metadata={"sink": library}, **{"default": False, **more})


@dataclass(frozen=True, slots=True)
class EventOptions:
    """The sinks that the rules name, and the words that outcomes may have.

    `database` is a URL as SQLAlchemy writes it, `keep` a period such as "13mo", `max_rows` the
    most events that a database may hold. `by` names captures of a rule's path and parameters of the
    query: the first that a visit has a value for tells it from others in the site's own words, such
    as its release.
    """

    log: bool = sink()
    database: str | None = sink("sqlalchemy", default=None, repr=False)
    prometheus: bool = sink("prometheus_client")
    opentelemetry: bool = sink("opentelemetry")
    keep: str = KEEP
    max_rows: int = MAX_ROWS
    outcomes: tuple[str, ...] = ()
    by: tuple[str, ...] = ()


# The sinks that the rules can name, in order, with the library that each needs: "" for none.
LIBRARIES = {one.name: one.metadata["sink"] for one in fields(EventOptions) if one.metadata}


def seconds(period: str) -> int:
    """The length of a period such as 90d, 13mo or 2y; a month is the twelfth of a year.

    The period has the form of `PERIOD`.
    """
    number = period.rstrip("dmoy")
    return int(int(number) * UNITS[period.removeprefix(number)])
