"""The pytest fixture `escape_visitor`: your site, as a visitor in a host app gets it.

    def test_listen(escape_visitor):
        response = escape_visitor("tiktok", "ios").get("/listen")
        assert_escapes(response, to="spotify")

pytest finds it by itself where this package is installed (entry point `pytest11`).
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
        except pytest.FixtureLookupError:
            continue
    pytest.fail("escape_visitor needs a fixture of yours: client, a test client, or app, the site")
