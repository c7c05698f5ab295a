"""Django: around its WSGI handler, and as the first of `MIDDLEWARE`, for its test clients too.

A request that passes both is looked at by the outer one.
"""

from __future__ import annotations

from typing import Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler
from django.test.client import AsyncClientHandler, ClientHandler
from wrapping import SEEN, Setup, observe, set_agent, wrap_method

from escape_mw.django import EscapeMiddleware


def wrap(setup: Setup) -> None:
    """Wrap every application."""
    wrap_method(WSGIHandler, "__call__", setup)
    _give_agent(ClientHandler, setup)
    _give_agent(AsyncClientHandler, setup)
    if setup.is_wrapped:
        _put_first(BaseHandler, setup)


def _give_agent(handler: Any, setup: Setup) -> None:
    """To a client's handler, which gets WSGI's environ or ASGI's scope."""
    original = handler.__call__

    def call(self: Any, request: dict[str, Any]) -> Any:
        headers = request.get("headers")
        if headers is None:
            set_agent(request, setup.agent)
        elif all(name != b"user-agent" for name, _ in headers):
            headers.append((b"user-agent", setup.agent.encode()))
        return original(self, request)

    handler.__call__ = call


def _put_first(handler: Any, setup: Setup) -> None:
    """What `MIDDLEWARE = ["escape_mw.django.EscapeMiddleware", ...]` does."""
    original = handler.load_middleware

    def load_middleware(self: Any, is_async: bool = False) -> None:
        original(self, is_async)
        chain = _counted(self._middleware_chain, setup)
        self._middleware_chain = convert_exception_to_response(chain)

    handler.load_middleware = load_middleware


def _counted(get_response: Any, setup: Setup) -> Any:
    settings.ESCAPE_MW_RULES = setup.rules
    settings.ESCAPE_MW_OBSERVERS = [observe]
    middleware = EscapeMiddleware(get_response)

    def counted(request: Any) -> Any:
        SEEN["requests"] += 1
        return _without(setup.planted, middleware(request))

    async def counted_async(request: Any) -> Any:
        SEEN["requests"] += 1
        return _without(setup.planted, await middleware(request))

    return counted_async if iscoroutinefunction(get_response) else counted


def _without(lost: str, response: Any) -> Any:
    """The planted fault, at this place."""
    if lost == "Set-Cookie":
        response.cookies.clear()
    elif lost:
        del response[lost]
    return response
