"""Hands visitors in a host app's webview over to the music app or to their real browser.

Names are imported when they are first asked for (PEP 562), so that each part of the package starts
as fast as it can alone.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .decision.decisions import AskSite, Decision, Page, Pass, Reason, Redirect, Tag
    from .decision.model import Destination, Step, Visit, Visitor
    from .engine.engine import Observer
    from .engine.outcomes import record, recorder
    from .events.event import Event, Tally
    from .events.sinks import Sink
    from .rules import Rules, RulesError, load
    from .web.answers import Answer
    from .wsgi import EscapeMiddleware

    __version__: str

__all__ = [
    "Answer",
    "AskSite",
    "Decision",
    "Destination",
    "EscapeMiddleware",
    "Event",
    "Observer",
    "Page",
    "Pass",
    "Reason",
    "Redirect",
    "Rules",
    "RulesError",
    "Sink",
    "Step",
    "Tag",
    "Tally",
    "Visit",
    "Visitor",
    "load",
    "record",
    "recorder",
]
_DECISIONS = ("AskSite", "Decision", "Page", "Pass", "Reason", "Redirect", "Tag")
_HOMES = {
    **dict.fromkeys(_DECISIONS, "decision.decisions"),
    **dict.fromkeys(("Destination", "Step", "Visit", "Visitor"), "decision.model"),
    **dict.fromkeys(("Rules", "RulesError", "load"), "rules"),
    "Answer": "web.answers",
    "EscapeMiddleware": "wsgi",
    **dict.fromkeys(("Event", "Tally"), "events.event"),
    "Observer": "engine.engine",
    "Sink": "events.sinks",
    **dict.fromkeys(("record", "recorder"), "engine.outcomes"),
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - slow to import

        return version("escape-mw")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
