"""The recipes of docs/recipes.md are safe as they stand."""

from __future__ import annotations

import re
from pathlib import Path

RECIPES = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text("utf-8")


def test_a_proxy_sets_every_header_that_proxyfix_believes():
    """A header that the proxy does not set is the client's own, and ProxyFix believes it."""
    believed = set(re.findall(r"x_(proto|host|for|prefix)=1", RECIPES))
    blocks = re.findall(r"```nginx\n(.*?)```", RECIPES, re.DOTALL)
    assert believed
    assert blocks
    for block in blocks:
        given = {name.lower() for name in re.findall(r"proxy_set_header X-Forwarded-(\w+)", block)}
        assert believed <= given
