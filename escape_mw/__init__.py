"""WSGI middleware that hands visitors in a host app's webview over to the music app or to their real browser."""

from .events.event import Event
from .middleware import EscapeMiddleware
from .model import (
    Answer,
    AskSite,
    Decision,
    Destination,
    Page,
    Pass,
    Redirect,
    Step,
    Visit,
    Visitor,
)
from .outcomes import record
from .policy import Rules
from .problems import RulesError
from .rules import load

__all__ = [
    "Answer",
    "AskSite",
    "Decision",
    "Destination",
    "EscapeMiddleware",
    "Event",
    "Page",
    "Pass",
    "Redirect",
    "Rules",
    "RulesError",
    "Step",
    "Visit",
    "Visitor",
    "load",
    "record",
]
__version__ = "0.1.0"
