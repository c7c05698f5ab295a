"""Runs a project's tests once, in its own environment and folder: `run.py SETTINGS WORDS`.

SETTINGS is JSON: `peer`, `runner`, `output`, and the fields of `Setup`. The output is JSON too.
"""

from __future__ import annotations

import json
import logging
import sys
from importlib import import_module
from pathlib import Path

from outcomes import OUTCOMES
from wrapping import SEEN, Errors, Setup


def main() -> None:
    settings = json.loads(sys.argv[1])
    peer, runner, output = (settings.pop(name) for name in ("peer", "runner", "output"))
    framework, program = import_module(f"in_{peer}"), import_module(f"by_{runner}")
    sys.path[0] = str(Path.cwd())  # as `python -m` has it
    logging.getLogger("escape_mw").addHandler(Errors())
    framework.wrap(Setup(**settings))
    try:
        program.run(sys.argv[2:])
    finally:
        Path(output).write_text(json.dumps({"outcomes": OUTCOMES, "seen": SEEN}), "utf-8")


if __name__ == "__main__":
    main()
