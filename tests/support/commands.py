"""Commands as a shell runs them."""

from __future__ import annotations

import subprocess
import sys

PYTHON = [sys.executable, "-W", "ignore::DeprecationWarning", "-c"]


def run(*words, given=None):
    return subprocess.run(
        [sys.executable, "-m", "escape_mw", *words],
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
