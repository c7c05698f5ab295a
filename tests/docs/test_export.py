"""What docs/measuring.md says of an export is what an export has."""

from __future__ import annotations

import re
from pathlib import Path

from escape_mw import Event

MEASURING = (Path(__file__).parents[2] / "docs" / "measuring.md").read_text("utf-8")
TABLE = MEASURING.partition("### The columns of an export")[2].partition("\n## ")[0]


def test_every_column_is_explained_in_its_order():
    named = re.findall(r"^\| (`.*?) \|", TABLE, re.MULTILINE)
    assert tuple(re.findall(r"`(\w+)`", " ".join(named))) == (*Event._fields, "number")
