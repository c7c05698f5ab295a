"""`escape-mw serve`: a site, wrapped: on waitress, or on uvicorn if it is an ASGI application."""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Callable
from typing import Any

import click

from ..asgi import EscapeMiddleware as AsgiMiddleware
from ..web.logs import show
from ..web.pep3333 import is_asgi
from ..wsgi import EscapeMiddleware
from . import demo
from .options import or_exit, rules_option


@click.command()
@rules_option()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--app",
    "spec",
    metavar="MODULE:OBJECT",
    help="The WSGI or ASGI application to wrap. Default: a small demo site.",
)
def serve(rules_file: str | None, host: str, port: int, spec: str | None) -> None:
    """Serve a site wrapped in the middleware: with waitress, or uvicorn for ASGI."""
    show()
    if spec is None and rules_file is None:
        return run_server(demo.phone(), host, port, lambda actual: demo.how_to_try(host, actual))
    app: Any = demo.site if spec is None else _imported(spec)
    what = spec or "the demo site"
    greeting = f"Serving {what} on http://{host}:%s/ (end with Ctrl-C)."
    if is_asgi(app):
        wrapped = or_exit(lambda: AsgiMiddleware(app, rules_file))
        return run_asgi_server(wrapped, host, port, lambda actual: greeting % actual)
    wrapped = or_exit(lambda: EscapeMiddleware(app, rules_file))
    return run_server(wrapped, host, port, lambda actual: greeting % actual)


def run_server(app: Any, host: str, port: int, greeting: Callable[[int], str]) -> None:
    """Serve a WSGI application on waitress until the end.

    `greeting` says what to print, from the port that was taken. Raises click.ClickException.
    """
    try:
        from waitress.server import create_server  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise click.UsageError(
            "waitress is missing; install it with: python -m pip install 'escape-mw[serve]'"
        ) from None
    try:
        server = create_server(app, host=host, port=port)
    except (OSError, ValueError) as error:
        raise _cannot_serve(host, port, error) from None
    click.echo(greeting(getattr(server, "effective_port", port)))
    sys.stdout.flush()
    server.run()


def run_asgi_server(app: Any, host: str, port: int, greeting: Callable[[int], str]) -> None:
    """The same for an ASGI application, on uvicorn."""
    try:
        import uvicorn  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise click.UsageError(
            "an ASGI application needs uvicorn;"
            " install it with: python -m pip install 'escape-mw[asgi]'"
        ) from None
    try:
        bound = socket.create_server((host, port))
    except OSError as error:
        raise _cannot_serve(host, port, error) from None
    click.echo(greeting(bound.getsockname()[1]))
    sys.stdout.flush()
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[bound])


def _cannot_serve(host: str, port: int, error: Exception) -> click.ClickException:
    hint = "; another port: --port" if getattr(error, "errno", None) == errno.EADDRINUSE else ""
    return click.ClickException(f"cannot serve on {host}:{port}: {error}{hint}")


def _imported(spec: str) -> Any:
    module, _, name = spec.partition(":")
    sys.path.insert(0, "")
    try:
        found = __import__(module, fromlist=["_"])
        for part in (name or "app").split("."):
            found = getattr(found, part)
    except Exception as error:
        raise click.UsageError(f"--app {spec!r}: {type(error).__name__}: {error}") from None
    if not callable(found):
        raise click.UsageError(f"--app {spec!r} is not an application: it cannot be called")
    return found
