"""Flask: as `app.wsgi_app = EscapeMiddleware(app.wsgi_app)`; what a test adds stands outside."""

from __future__ import annotations

from flask import Flask
from wrapping import Setup, wrap_method


def wrap(setup: Setup) -> None:
    """Wrap every application."""
    wrap_method(Flask, "wsgi_app", setup)
