"""The documentation's site has every page and every public name; `nox -s docs` builds it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import escape_mw

DOCS = Path(__file__).parents[2] / "docs"
INDEX = (DOCS / "index.md").read_text("utf-8")
API = (DOCS / "api.md").read_text("utf-8")


def test_the_index_lists_every_page_once():
    trees = re.findall(r"```\{toctree\}\n(?::[^\n]*\n)*\n(.*?)```", INDEX, re.DOTALL)
    assert re.findall(r":caption: (.*)", INDEX) == [
        "Tutorial",
        "How-to",
        "Reference",
        "Explanation",
    ]
    pages = {path.stem for path in DOCS.glob("*.md")} - {"index"}
    assert sorted(" ".join(trees).split()) == sorted(pages)


@pytest.mark.parametrize("name", escape_mw.__all__)
def test_every_public_name_is_in_the_reference(name):
    assert re.search(rf"^\.\. (?:auto|py:)\w+:: escape_mw\.{name}$", API, re.MULTILINE)


@pytest.mark.parametrize("page", ["changes", "figures", "security"])
def test_a_page_that_includes_a_file_names_one_that_exists(page):
    [path] = re.findall(r"\{include\} (\S+)", (DOCS / f"{page}.md").read_text("utf-8"))
    assert (DOCS / path).exists()
