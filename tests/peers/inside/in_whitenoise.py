"""WhiteNoise: as `EscapeMiddleware(WhiteNoise(app))`, and its Django sites as Django's own."""

from __future__ import annotations

import in_django
from whitenoise import WhiteNoise
from wrapping import Setup, wrap_method


def wrap(setup: Setup) -> None:
    """Wrap every application."""
    wrap_method(WhiteNoise, "__call__", setup)
    in_django.wrap(setup)
