"""Packages of npm's registry, for tests that need a real framework or checker."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def fetched(folder: Path, *packages: str) -> Path | None:
    """The folder `node_modules` with these packages, if npm is here and reaches them."""
    if not shutil.which("npm"):
        return None
    quiet = ("--no-audit", "--no-fund", "--ignore-scripts")
    command = ["npm", "install", "--prefix", str(folder), *quiet, *packages]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    return folder / "node_modules" if done.returncode == 0 else None
