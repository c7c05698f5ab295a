"""Wraps every application of a project's tests, and gives each request the agent of a visitor.

In the bare run, a request gets the same agent, and the application is called as it is.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

from escape_mw import AskSite, EscapeMiddleware, Page, Redirect

AGENT = "HTTP_USER_AGENT"
# What clients call themselves where a test gives no agent.
LIBRARIES = ("Werkzeug/", "python-requests/", "Python-urllib/")
SEEN: Counter[str] = Counter(requests=0, asked=0, answered=0, errors=0)
App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Setup(NamedTuple):
    """How a run is made: `planted` is a header that the wrapper loses, "" for none."""

    agent: str
    is_wrapped: bool
    rules: str | None = None
    planted: str = ""


class Errors(logging.Handler):
    """Counts the internal errors of the middleware, which fails open: no test would see them."""

    def emit(self, record: logging.LogRecord) -> None:
        SEEN["errors"] += record.levelno >= logging.ERROR


def observe(_visit: object, decision: object) -> None:
    SEEN["asked"] += isinstance(decision, AskSite)
    SEEN["answered"] += isinstance(decision, Page | Redirect)


def wrapped(app: App, setup: Setup) -> App:
    """An application in the middleware, or bare; both get the agent."""
    inner = app
    if setup.is_wrapped:
        inner = EscapeMiddleware(app, setup.rules, observers=[observe])

    def outer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        set_agent(environ, setup.agent)
        SEEN["requests"] += setup.is_wrapped
        return inner(environ, lossy(start_response, setup.planted))

    return outer


def set_agent(environ: dict[str, Any], agent: str) -> None:
    if environ.get(AGENT, "").startswith(LIBRARIES) or not environ.get(AGENT):
        environ[AGENT] = agent


def lossy(start_response: Callable[..., Any], lost: str) -> Callable[..., Any]:
    """The planted fault: a header that never arrives; without one, nothing is touched."""
    if not lost:
        return start_response

    def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
        kept = [item for item in headers if item[0].lower() != lost.lower()]
        return start_response(status, kept, *exc_info)

    return start


def wrap_method(owner: type, name: str, setup: Setup) -> None:
    """Let the method of a class that is a WSGI application be a wrapped one, of each object."""
    original = getattr(owner, name)
    kept = f"_wrapped_{name}"

    def method(self: Any, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if kept not in self.__dict__:
            self.__dict__[kept] = wrapped(partial(original, self), setup)
        return self.__dict__[kept](environ, start_response)

    setattr(owner, name, method)


def wrap_argument(owner: type, setup: Setup) -> None:
    """Let a class whose first argument is a WSGI application get it wrapped."""
    original = owner.__init__

    def init(self: Any, app: Any, *args: Any, **kwargs: Any) -> None:
        original(self, wrapped(app, setup) if callable(app) else app, *args, **kwargs)

    owner.__init__ = init
