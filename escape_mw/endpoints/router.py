"""The one table of this package's own addresses.

A new address is a new row; `Engine.answer` says when the table is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..web.addresses import BEACON, LAB, LAB_ARRIVED, LAB_SAW, OUTCOME
from ..web.answers import Answer
from . import beacons, lab
from .context import Context

READ = ("GET", "HEAD")
POST = ("POST",)


class Route(NamedTuple):
    """Which requests a handler answers; a `path` that ends with a slash stands for all below it.

    The handler returns None to leave the request to the site.
    """

    methods: tuple[str, ...]
    path: str
    handler: Callable[[Context], Answer | None]

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is for this route."""
        is_here = path.startswith(self.path) if self.path.endswith("/") else path == self.path
        return is_here and method in self.methods


ROUTES = (
    Route(POST, BEACON, beacons.beacon),
    Route(POST, OUTCOME, beacons.outcome),
    Route(READ, LAB, lab.page),
    Route(READ, LAB_ARRIVED, lab.arrived),
    Route(POST, LAB_SAW, lab.report_outcome),
)


def route(context: Context) -> Answer | None:
    """The answer at one of the addresses, None to leave the request to the site."""
    method, path = context.request.method, context.request.path
    for row in ROUTES:
        if row.matches(method, path):
            return row.handler(context)
    return None
