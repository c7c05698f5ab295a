"""WebTest: what its client gets, inside the client's checks of PEP 3333, and what it serves."""

from __future__ import annotations

from webtest import TestApp
from webtest.http import StopableWSGIServer
from wrapping import Setup, wrap_argument


def wrap(setup: Setup) -> None:
    """Wrap every application."""
    wrap_argument(TestApp, setup)
    wrap_argument(StopableWSGIServer, setup)
