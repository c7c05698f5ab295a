"""The Flask extension: `Escape(app)`, or `Escape()` and `init_app(app)` for an application factory.

    app.config["ESCAPE_MW"] = "escape.yaml"     # optional; relative to the application's folder
    Escape(app)

It stands around `app.wsgi_app`, as the last thing done to it but ProxyFix, which belongs outside:
one that is there already stays outside.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from .engine.engine import Observer
from .events.sinks import Sink
from .rules import RulesLike
from .web.logs import show
from .wsgi import EscapeMiddleware

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.middleware.proxy_fix import ProxyFix

SETTING = "ESCAPE_MW"
NAME = "escape_mw"


class Escape:
    """Wraps Flask applications; one object can serve several.

    `rules` is a YAML file's path, a mapping, `Rules`, or None for the default;
    `app.config["ESCAPE_MW"]` goes before it. `observers` are called with every visit and decision,
    `sinks` with lists of events. Raises RulesError.
    """

    def __init__(
        self,
        app: Flask | None = None,
        rules: RulesLike = None,
        *,
        observers: Iterable[Observer] = (),
        sinks: Iterable[Sink] = (),
    ) -> None:
        self._rules = rules
        self._observers = tuple(observers)
        self._sinks = tuple(sinks)
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Wrap an application. Done twice, it acts once. In debug mode, decisions are printed."""
        if NAME in app.extensions:
            return
        if app.debug:
            show()
        rules = app.config.get(SETTING, self._rules)
        if isinstance(rules, str | os.PathLike):
            rules = Path(app.root_path, rules)
        proxy = _innermost_proxy_fix(app.wsgi_app)
        inner = app.wsgi_app if proxy is None else proxy.app
        middleware = EscapeMiddleware(inner, rules, observers=self._observers, sinks=self._sinks)
        app.extensions[NAME] = middleware
        if proxy is None:
            app.wsgi_app = middleware  # type: ignore[method-assign]
        else:
            proxy.app = middleware


def _innermost_proxy_fix(app: object) -> ProxyFix | None:
    """The ProxyFix nearest to the application, which knows the visitor's own address of the site.

    Middlewares are followed inwards by their attribute `app`, as werkzeug's own call it.
    """
    from werkzeug.middleware.proxy_fix import ProxyFix  # noqa: PLC0415 - Flask brings it

    found = None
    while app is not None:
        found = app if isinstance(app, ProxyFix) else found
        app = getattr(app, "app", None)
    return found
