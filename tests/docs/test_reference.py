"""Every reason of a decision and every check of Django's is in docs/python.md."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from escape_mw import Reason
from escape_mw.decision import decide
from escape_mw.django import checks

PYTHON = (Path(__file__).parents[2] / "docs" / "python.md").read_text("utf-8")


def listed(heading):
    """The words in the first column of the table below a heading."""
    table = PYTHON.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    return {word for cell in cells for word in re.findall(r"`([^`]+)`", cell)}


def test_every_reason():
    """The guards' own list, and what is no guard: an answer, a tag, a webview, a marker."""
    named = re.findall(r"^ ?\d+\. ([a-z, -]+?)  ", decide.__doc__, re.MULTILINE)
    reasons = {word for names in named for word in names.split(", ")}
    assert len(reasons) > 15
    others = {"escape", "links", "webview", "arrived", "arrived-elsewhere", "marked"}
    assert listed("Reasons") == reasons | others == set(get_args(Reason))


def test_every_check_of_django():
    source = Path(checks.__file__).read_text("utf-8")
    assert listed("Django's checks") == set(re.findall(r'id="(escape_mw\.[EW]\d{3})"', source))
