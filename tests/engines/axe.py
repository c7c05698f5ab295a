"""axe-core, where it is: what it says of a page."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

NAME = Path("node_modules", "axe-core", "axe.min.js")
ROOT = Path(__file__).parents[2]
RUN = """
const all = await axe.run();
return [all.violations, all.incomplete].map(kind => \
kind.flatMap(one => one.nodes.map(node => one.id + ": " + node.target.join(" "))));
"""


def fetched(folder: Path) -> Path | None:
    """axe-core from npm's registry, if npm is here and reaches it."""
    if not shutil.which("npm"):
        return None
    command = [
        "npm",
        "install",
        "--prefix",
        str(folder),
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "axe-core",
    ]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    return folder / NAME if done.returncode == 0 else None


def source(folder: Path) -> str | None:
    """The script's text: where the environment says, beside the project, or from npm."""
    named = os.environ.get("ESCAPE_MW_AXE")
    places = (
        [Path(named), Path(named, "axe.min.js"), Path(named, NAME)]
        if named
        else [ROOT / NAME, ROOT.parent / NAME]
    )
    found = next(filter(Path.is_file, places), None) or fetched(folder)
    return found.read_text("utf-8") if found else None
