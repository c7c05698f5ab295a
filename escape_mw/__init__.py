"""WSGI middleware that hands visitors in a host app's webview over to the music app or to their real browser."""

from .middleware import EscapeMiddleware
from .model import Answer, AskSite, Decision, Destination, Page, Pass, Redirect, Step, Visit, Visitor
from .policy import Rules
from .problems import RulesError
from .rules import load

__all__ = [
    "Answer",
    "AskSite",
    "Decision",
    "Destination",
    "EscapeMiddleware",
    "Page",
    "Pass",
    "Redirect",
    "Rules",
    "RulesError",
    "Step",
    "Visit",
    "Visitor",
    "load",
]
__version__ = "0.1.0"
