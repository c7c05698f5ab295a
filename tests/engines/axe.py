"""axe-core, where it is: what it says of a page."""

from __future__ import annotations

import os
from pathlib import Path

from .npm import fetched

IN_PACKAGES = Path("axe-core", "axe.min.js")
NAME = "node_modules" / IN_PACKAGES
ROOT = Path(__file__).parents[2]
RUN = """
const all = await axe.run();
return [all.violations, all.incomplete].map(kind => \
kind.flatMap(one => one.nodes.map(node => one.id + ": " + node.target.join(" "))));
"""


def source(folder: Path) -> str | None:
    """The script's text: where the environment says, beside the project, or from npm."""
    named = os.environ.get("ESCAPE_MW_AXE")
    places = (
        [Path(named), Path(named, "axe.min.js"), Path(named, NAME)]
        if named
        else [ROOT / NAME, ROOT.parent / NAME]
    )
    found = next(filter(Path.is_file, places), None)
    if found is None and (packages := fetched(folder, "axe-core")):
        found = packages / IN_PACKAGES
    return found.read_text("utf-8") if found else None
