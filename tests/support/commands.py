"""Commands as a shell runs them."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from click.testing import CliRunner

from escape_mw.cli.main import main

# Python 3.12 and later warn of a fork in a process that has threads.
PYTHON = [sys.executable, "-W", "ignore::DeprecationWarning", "-c"]


class Done(NamedTuple):
    """What a command has printed, and how it ended."""

    returncode: int
    stdout: str
    stderr: str


def run(*words, given=None):
    """A command in this process."""
    done = CliRunner().invoke(main, words, given)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Done(done.exit_code, done.stdout, done.stderr)


def run_alone(*words, given=None):
    """The same in a process of its own, as a shell starts it."""
    return subprocess.run(
        [sys.executable, "-m", "escape_mw", *words],
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def explained(records, rules=None):
    """What `escape-mw explain` says of requests, by rules or by the default's whole catalogue."""
    given = "".join(f"{json.dumps(record)}\n" for record in records)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "escape.yaml")
        file.write_text(json.dumps(rules))
        more = () if rules is None else ("--rules", str(file))
        said = CliRunner().invoke(main, ["explain", "--batch", *more], given).stdout
    return [json.loads(line) for line in said.splitlines()]
