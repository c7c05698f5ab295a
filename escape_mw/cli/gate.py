"""`escape-mw gate`: the middleware in front of any site, served by waitress."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from ..web.logs import show
from ..web.request import Environ
from .options import or_exit, rules_option

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

LISTEN = "127.0.0.1:8010"
THREADS = 64  # as many requests may wait for a slow site, and the next page is still sent at once
STOP = 30  # seconds that requests under way may take once the gate is told to end
UNIX = "unix:"
NEEDS_GATE = "the gate needs more; install it with: python -m pip install 'escape-mw[gate]'"


@click.command()
@rules_option()
@click.option("--site", required=True, metavar="URL|unix:PATH", help="The site; no other is asked.")
@click.option("--listen", default=LISTEN, show_default=True, metavar="HOST:PORT|unix:PATH")
@click.option("-v", "--verbose", is_flag=True, help="Print a line of JSON for each request.")
def gate(rules_file: str | None, site: str, listen: str, verbose: bool) -> None:
    """Serve the gate: the requests that nginx or another edge server sends to it.

    Only that server may reach it. `escape-mw edge nginx` writes its configuration.
    """
    try:
        from ..edge.gate import Gate  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise click.UsageError(NEEDS_GATE) from None
    show()
    try:
        app: WSGIApplication = or_exit(lambda: Gate(rules_file, site))
    except ValueError as error:
        raise click.UsageError(f"--site {error}") from None
    _serve(_logged(app, click.echo) if verbose else app, listen)


def _logged(app: WSGIApplication, write: Callable[[str], object]) -> WSGIApplication:
    """The application, with a line for each answer: no query, no user agent, no address."""

    def logged(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        began = time.perf_counter()
        facts = {
            "method": environ["REQUEST_METHOD"],
            "host": environ.get("HTTP_HOST", ""),
            "path": environ["PATH_INFO"],
        }

        def start(status: str, *rest: Any) -> Any:
            took = round((time.perf_counter() - began) * 1000, 1)
            moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            with suppress(OSError):  # whoever reads the lines is gone, and the visitor is not
                write(json.dumps({"time": moment, **facts, "status": int(status[:3]), "ms": took}))
            return start_response(status, *rest)

        return app(environ, start)

    return logged


def _serve(app: WSGIApplication, listen: str) -> None:
    """Serve until SIGTERM or Ctrl-C, and then what is under way. Raises click.ClickException."""
    try:
        from waitress.server import MultiSocketServer, create_server  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise click.UsageError(NEEDS_GATE) from None
    where: dict[str, Any]
    where = {"unix_socket": listen[len(UNIX) :]} if listen.startswith(UNIX) else {"listen": listen}
    connections: dict[int, Any] = {}
    try:
        server = create_server(
            app,
            map=connections,
            threads=THREADS,
            clear_untrusted_proxy_headers=False,  # the edge server's own; nobody else reaches this
            unix_socket_perms="660",
            **where,
        )
    except (OSError, ValueError) as error:
        raise click.ClickException(f"cannot listen on {listen}: {error}") from None
    if isinstance(server, MultiSocketServer):
        server.close()
        raise click.ClickException(f"{listen} are several addresses; write one, such as {LISTEN}")
    told: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: told.append(number))
    click.echo(f"The gate listens on {listen} (end with Ctrl-C).")
    while not told:
        server.asyncore.loop(timeout=1, map=connections, count=1)
    _finish(server, connections)


def _finish(server: Any, connections: dict[int, Any]) -> None:
    """Take no new connection, and end once every request that has begun is answered."""
    server.del_channel()
    server.socket.close()
    deadline = time.monotonic() + STOP
    while _busy(server) and time.monotonic() < deadline:
        server.asyncore.loop(timeout=0.1, map=connections, count=1)
    server.task_dispatcher.shutdown()


def _busy(server: Any) -> bool:
    channels = server.active_channels.values()
    return any(channel.requests or channel.total_outbufs_len for channel in channels)
