"""No document and no example holds a secret that somebody could copy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXTS = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/*.md"),
    *(path for path in ROOT.glob("examples/**/*") if path.suffix in (".md", ".py", ".yaml")),
]
WRITTEN = re.compile(r"""\b(?:secret|token)["']?: *["']?([\w${}-]{8,})|ESCAPE_MW_SECRET=(.+)""")


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_secrets_come_from_the_environment(path):
    for match in WRITTEN.finditer(path.read_text("utf-8")):
        value = match[1] or match[2]
        assert value.startswith(("${", '"$(', "$(")), value
