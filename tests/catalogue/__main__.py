"""Write down anew all that is made from the catalogue's sources: `python -m tests.catalogue`.

That is the JSON that processes read, the visitors of `escape_mw.testing`, what is decided about
every example, the table of docs/host-apps.md, and README's day of the facts. Read the diff before
you commit it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from .sources import FOLDER, compiled, sources

ROOT = Path(__file__).parents[2]


def main() -> None:
    (FOLDER / "catalogue.json").write_text(compiled(sources()), encoding="utf-8")
    # In processes of their own, for this one may have read the JSON as it was.
    (FOLDER / "visitors.json").write_text(said_by("tests.catalogue.agents"), encoding="utf-8")
    decisions = ROOT / "tests" / "promises" / "decisions.jsonl"
    decisions.write_text(said_by("tests.promises.test_decisions"), encoding="utf-8")
    page = ROOT / "docs" / "host-apps.md"
    table = said_by("tests.catalogue.table")
    text = re.sub(r"\| host app \|(?:.*\n)+?(?=\n)", lambda _: table, page.read_text("utf-8"))
    page.write_text(text, encoding="utf-8")
    readme = ROOT / "README.md"
    day = catalogue_day()
    text = re.sub(r"(The catalogue is of )[\d-]+", rf"\g<1>{day}", readme.read_text("utf-8"))
    readme.write_text(text, encoding="utf-8")


def catalogue_day() -> str:
    """The day of the facts, read from the JSON as it was just written."""
    return json.loads((FOLDER / "catalogue.json").read_text("utf-8"))["dated"]


def said_by(module: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module], cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True
    )
    return done.stdout


if __name__ == "__main__":
    main()
