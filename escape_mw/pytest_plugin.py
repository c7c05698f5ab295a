"""The pytest fixture `escape_visitor`: your site, as a visitor in a host app gets it.

    pytest_plugins = ["escape_mw.pytest_plugin"]     # in the top conftest.py, or in a test module

    def test_listen(escape_visitor):
        response = escape_visitor("tiktok", "ios").get("/listen")
        assert_escapes(response, to="spotify")

It is not an entry point: pytest would load this package, and rewrite its modules, in every test run
of every project that has it installed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

FIXTURES = ("client", "app")


@pytest.fixture
def escape_visitor(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """A function of a host app and a platform: your fixture `client`, else `app`, as that visitor.

    `escape_visitor("tiktok", "ios")` is `as_visitor(client, "tiktok", "ios")`.
    """
    from .testing import as_visitor  # noqa: PLC0415 - no test that does without it pays for it

    def visiting(app: str, platform: str | None = None) -> Any:
        return as_visitor(_client(request), app, platform)

    return visiting


def _client(request: pytest.FixtureRequest) -> Any:
    for name in FIXTURES:
        try:
            return request.getfixturevalue(name)
        except pytest.FixtureLookupError as error:
            if error.argname != name:  # it is there, and needs one that is not
                raise
    pytest.fail("escape_visitor needs a fixture of yours: client, a test client, or app, the site")
