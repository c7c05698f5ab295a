"""What the tests that serve on real ports rely on."""

from __future__ import annotations

from .real_http import free_port


def test_no_port_is_given_twice():
    """The system itself does so, for nobody listens yet: of a thousand, some come again."""
    assert len({free_port() for _ in range(1000)}) == 1000
