"""What a test needs and not every machine has."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

REQUIRED = "ESCAPE_MW_REQUIRE_ENGINES"


def need(missing: str | None) -> None:
    """Skip for what is missing, or fail, if the environment says that nothing may be."""
    if missing:
        (pytest.fail if os.environ.get(REQUIRED) == "1" else pytest.skip)(missing)


def corpus(name: str) -> list[dict[str, Any]]:
    """Rows of a labelled corpus, or a skipped test where none is at hand."""
    folder = os.environ.get("ESCAPE_MW_CORPORA")
    if not folder:
        pytest.skip("ESCAPE_MW_CORPORA names no folder")
    with Path(folder, name).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
