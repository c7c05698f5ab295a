"""A project's source distribution from PyPI, its hash checked, and an environment for its tests."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from .peers import Peer

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def fetch(peer: Peer, folder: Path) -> Path:
    """The unpacked source distribution, with what it leaves out."""
    wanted = folder / "wanted.txt"
    folder.mkdir(parents=True, exist_ok=True)
    wanted.write_text(f"{peer.name}=={peer.version} --hash=sha256:{peer.sha256}\n", "utf-8")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    only = ["--no-deps", "--no-binary", ":all:", "--require-hashes"]
    _run(*pip, *only, "--dest", str(folder), "--requirement", str(wanted))
    tree = folder / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    [archive] = folder.glob(f"{peer.name}-{peer.version}.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(tree, filter="data")
    [unpacked] = tree.iterdir()
    for name, path in peer.added:
        shutil.copy(HERE / name, unpacked / path)
    return unpacked


def environment(peer: Peer, tree: Path, folder: Path) -> Path:
    """The Python of a virtual environment with the project, its tests' needs, and this package."""
    made = folder / "environment"
    _run("uv", "venv", "--quiet", "--clear", "--python", sys.executable, str(made))
    python = made / "bin" / "python"
    install = ["uv", "pip", "install", "--quiet", "--python", str(python)]
    # uv would take a build of this package that is older than its modules.
    _run(*install, "--refresh-package", "escape-mw", str(tree), *peer.needs, str(ROOT))
    return python


def _run(*words: str) -> None:
    subprocess.run(words, check=True)
