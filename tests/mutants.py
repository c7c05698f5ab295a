"""Survivors of a run of mutmut, held against `mutants.txt`: `python -m tests.mutants [FOLDER]`.

FOLDER is where mutmut ran. A mutant is named by its function and the text that the fault gives the
changed lines, not by mutmut's number, which an edit of the function moves. Exits with 1 where the
list does not name a survivor, and tells which of its lines name none any more.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

LIST = Path(__file__).with_suffix(".txt")
# Exit codes of a worker: no test failed; no test calls the function; mypy refuses; pytest failed.
SURVIVED, UNTESTED, REFUSED, KILLED = 0, 33, 37, (1, 3)


def results() -> Iterator[tuple[str, Path, int | None]]:
    """Each mutant's name, its module and its result, None for one that was not run."""
    for meta in sorted(Path("mutants").rglob("*.py.meta")):
        module = meta.relative_to("mutants").with_suffix("")
        for name, code in json.loads(meta.read_text("utf-8"))["exit_code_by_key"].items():
            yield name, module, code


def described(name: str, module: Path) -> str:
    """A mutant in one line: `decision/draw.py draw: the changed lines`."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant  # noqa: PLC0415 - nox installs it

    diff = get_diff_for_mutant(name, path=module).splitlines()[2:]
    added, gone = (" ".join(line[1:].strip() for line in diff if line[0] == mark) for mark in "+-")
    text = added or f"without {gone}"
    function = re.sub(r"^x[_ǁ]|__mutmut_\d+$", "", name.rpartition(".")[2]).replace("ǁ", ".")
    return f"{module.relative_to('escape_mw')} {function}: {text}"


def listed() -> list[str]:
    """The lines of the list; `*` in one stands for any text."""
    lines = LIST.read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def main(folder: str = ".") -> int:
    """Print what differs, and the counts."""
    patterns = {line: re.compile(re.escape(line).replace(r"\*", ".*")) for line in listed()}
    os.chdir(folder)
    counts: Counter[str] = Counter()
    packages, used, new = set(), set(), []
    for name, module, code in results():
        packages.add(module.parts[1])
        if code not in (SURVIVED, UNTESTED):
            status = "killed" if code in KILLED else "refused" if code == REFUSED else "other"
            counts["not run" if code is None else status] += 1
            continue
        counts["survived"] += 1
        line = described(name, module)
        known = {pattern for pattern, found in patterns.items() if found.fullmatch(line)}
        used |= known
        new += [] if known else [line]
    for line in new:
        print(line)
    for line in patterns:
        if line.partition("/")[0] in packages and line not in used and not counts["not run"]:
            print(f"names no survivor: {line}", file=sys.stderr)
    print(f"{dict(counts)}, {len(new)} survivors that the list does not name", file=sys.stderr)
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
