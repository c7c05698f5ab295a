"""docs/map.md leads to files that exist, and to names that stand in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import escape_mw

ROOT = Path(__file__).parents[2]
PACKAGE = Path(escape_mw.__file__).parent
SOURCES = ROOT / "escape_mw"  # beside the tests even where the package is installed
MAP = (ROOT / "docs" / "map.md").read_text("utf-8")
PATHS = sorted(
    path
    for path in set(re.findall(r"`([\w./-]+\.(?:py|yaml|json|md|cfg|dict|jsonl))`", MAP))
    if not re.search(r"\b(?:NAME|TAG|test_NAME)\.", path)
)
NAMED = sorted(set(re.findall(r"`([A-Za-z_][\w.]*)`(?:, | \()`([a-z_]+/\w+\.py)`", MAP)))


@pytest.mark.parametrize("path", PATHS)
def test_a_file_exists(path):
    assert any((folder / path).exists() for folder in (PACKAGE, SOURCES, ROOT))


@pytest.mark.parametrize(("name", "path"), NAMED, ids=lambda text: text)
def test_a_name_stands_in_its_file(name, path):
    text = (PACKAGE / path).read_text("utf-8")
    for part in name.split("."):
        assert re.search(rf"\b(?:class|def) {part}\b|^{part}\b.* = ", text, re.MULTILINE), part
