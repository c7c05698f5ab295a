"""For the tests of a site: what a visitor in TikTok gets from it, and what Safari gets.

    from escape_mw.testing import as_visitor, assert_escapes, assert_passes

    def test_listen():
        tiktok = as_visitor(app, "tiktok", "ios")
        assert_escapes(tiktok.get("/listen"), to="spotify")
        assert_passes(as_visitor(app, "safari").get("/listen"))

Visitors are the catalogue's own examples, so they change with it. The pytest fixture
`escape_visitor` (`pytest_plugin`) does the same with the fixtures of your tests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import copy
from difflib import get_close_matches
from functools import cache, partial
from importlib.resources import files
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from werkzeug.test import Client

from .page.render import SUMMARY
from .web.pep3333 import is_asgi
from .web.request import Environ

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

Headers = dict[str, str]
NAMES = ("User-Agent", "X-Requested-With")  # what a visitor is known by


def visitor(app: str, platform: str | None = None) -> Headers:
    """The headers of a page's request by a visitor in a host app, such as "tiktok" on "ios".

    `app` is a host app's id (`escape-mw list apps`), or "webview" for one without a name, "safari",
    "chrome" or "googlebot". `platform` is "ios" or "android", for browsers also "desktop"; None is
    the first that the app has. Raises ValueError for what is not known.
    """
    known = _visitors()
    if app not in known:
        near = get_close_matches(app, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(known)}"
        raise ValueError(f"{app!r} is not a known visitor; {hint}")
    found = known[app]
    if platform is not None and platform not in found:
        raise ValueError(f"{app!r} is not known on {platform!r}, but on {' and '.join(found)}")
    return dict(found[platform or next(iter(found))])


def as_visitor(app_or_client: Any, app: str, platform: str | None = None) -> Any:
    """A test client whose requests are those of a visitor; `app` and `platform` as in `visitor`.

    From an application it is a new client: Flask's or Werkzeug's own for WSGI, Starlette's for ASGI
    (which must be installed), without redirects followed. From a client of Werkzeug, Flask, Django
    (also async), WebTest, httpx or Starlette it is a copy that shares the client's cookies, such as
    a login; the client itself stays as it is. Raises TypeError for anything else.
    """
    headers = visitor(app, platform)
    client = _client_of(app_or_client)
    for attribute, dress in CLIENTS.items():
        if hasattr(client, attribute):
            client = copy(client)
            dress(client, headers)
            return client
    raise TypeError(f"{app_or_client!r} is neither an application nor a known test client")


def assert_escapes(response: Any, to: str | None = None, by: str | None = None) -> None:
    """Assert that a response is an escape, and what it offers.

    `to` is the destination's service (`escape-mw list destinations`), "site" for the requested
    page itself. `by` is the technique that is offered first, such as "intent-app"; "menu" for
    instructions alone. Any client's response will do, and one of a running site. Raises
    AssertionError.
    """
    __tracebackhide__ = True  # pytest shows the line of the test
    said = _summary(response)
    reason, found = _parse(said)
    wanted = {name: value for name, value in (("to", to), ("by", by)) if value is not None}
    if reason != "escape":
        expected = "".join(f"; {name}={value}" for name, value in wanted.items())
        raise AssertionError(f"expected an escape{expected}, but {_described(response)}")
    for name, value in wanted.items():
        if found.get(name) != value:
            raise AssertionError(f"expected an escape {name}={value}, but it is {said!r}")


def assert_passes(response: Any) -> None:
    """Assert that a response is the site's own, not one of this package's. Raises AssertionError.

    The site's page with the tag of `links: true` in it is the site's own.
    """
    __tracebackhide__ = True
    if _summary(response) is not None:
        raise AssertionError(f"expected the site's own response, but {_described(response)}")


@cache
def _visitors() -> Mapping[str, Mapping[str, Headers]]:
    text = files(__package__).joinpath("catalogue", "visitors.json").read_text("utf-8")
    found: Mapping[str, Mapping[str, Headers]] = json.loads(text)
    return found


def _client_of(app_or_client: Any) -> Any:
    if any(hasattr(app_or_client, attribute) for attribute in CLIENTS):
        return app_or_client
    if is_asgi(app_or_client):
        from starlette.testclient import TestClient  # noqa: PLC0415 - not every site has it

        return TestClient(app_or_client, follow_redirects=False)
    if hasattr(app_or_client, "test_client"):  # Flask's
        return app_or_client.test_client()
    return Client(app_or_client) if callable(app_or_client) else app_or_client


def _environ(kept: Environ, headers: Headers) -> Environ:
    """Variables of a client with a visitor's headers, and without those of another visitor."""
    others = {name: value for name, value in kept.items() if name not in OURS}
    return others | {_variable(name): value for name, value in headers.items()}


def _variable(name: str) -> str:
    return f"HTTP_{name.upper().replace('-', '_')}"


class _Visiting:
    """An application whose requests get a visitor's headers: Werkzeug's client has none itself."""

    def __init__(self, app: WSGIApplication, headers: Headers) -> None:
        self.app: WSGIApplication = app.app if isinstance(app, _Visiting) else app
        self._headers = headers

    def __call__(self, environ: Environ, start_response: StartResponse) -> Any:
        return self.app(_environ(environ, self._headers), start_response)


def _dress_flask(client: Any, headers: Headers) -> None:
    client.environ_base = _environ(client.environ_base, headers)


def _dress_werkzeug(client: Any, headers: Headers) -> None:
    client.application = _Visiting(client.application, headers)


def _dress_django(client: Any, headers: Headers) -> None:
    """The asynchronous client takes headers; before Django 5, its defaults were none."""
    if iscoroutinefunction(client.request):
        client.generic = partial(type(client).generic, client, **headers)
    else:
        client.defaults = _environ(client.defaults, headers)


def _dress_webtest(client: Any, headers: Headers) -> None:
    client.extra_environ = _environ(client.extra_environ, headers)


def _dress_httpx(client: Any, headers: Headers) -> None:
    merged = client.headers.copy()
    for name in NAMES:
        merged.pop(name, None)
    merged.update(headers)
    client.headers = merged


OURS = frozenset(map(_variable, NAMES))
# Test clients by an attribute that only they have, the special before the general.
CLIENTS = {
    "environ_base": _dress_flask,
    "run_wsgi_app": _dress_werkzeug,
    "defaults": _dress_django,
    "extra_environ": _dress_webtest,
    "headers": _dress_httpx,
}


def _summary(response: Any) -> str | None:
    """What the middleware says it decided. "pass" is a word of the site's own."""
    try:
        found: str | None = response.headers.get(SUMMARY)
    except AttributeError:
        raise TypeError(f"{response!r} is not a response: it has no headers") from None
    return None if found == "pass" else found


def _parse(said: str | None) -> tuple[str, dict[str, str]]:
    reason, *parts = (said or "").split("; ")
    return reason, dict(part.split("=", 1) for part in parts if "=" in part)


def _described(response: Any) -> str:
    status = getattr(response, "status_code", None) or getattr(response, "status_int", "")
    location = response.headers.get("Location")
    where = f" to {location}" if location else ""
    said = _summary(response)
    whose = "the site's own" if said is None else f"{SUMMARY}: {said}"
    return f"the response is {status}{where} ({whose})"
