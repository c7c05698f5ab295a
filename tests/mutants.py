"""Survivors of a run of mutmut, held against `mutants.txt`: `python -m tests.mutants [FOLDER]...`.

A FOLDER is where mutmut ran, by its whole path. A mutant is named by its function and the text that
the fault gives the changed lines, not by mutmut's number, which an edit of the function moves.
Exits with 1 where the list does not name a survivor, and tells which of its lines name none any
more.
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
# By a worker's exit code, as mutmut keeps it.
STATUS = {
    None: "not run",
    0: "survived",
    33: "not called by a test",
    1: "killed",
    3: "killed",
    37: "refused by mypy",
}
SURVIVED = (0, 33)


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


def main(*folders: str) -> int:
    """Print what the list does not name, and to stderr what it names in vain, and the counts."""
    patterns = {line: re.compile(re.escape(line).replace(r"\*", ".*")) for line in listed()}
    is_known = True
    for folder in folders or (".",):
        os.chdir(folder)
        is_known &= _is_known(patterns)
    return 0 if is_known else 1


def _is_known(patterns: dict[str, re.Pattern[str]]) -> bool:
    counts: Counter[str] = Counter()
    packages, used, new = set(), set(), 0
    for name, module, code in results():
        packages.add(module.parts[1])
        counts[STATUS.get(code, "timed out")] += 1
        if code not in SURVIVED:
            continue
        line = described(name, module)
        known = {pattern for pattern, found in patterns.items() if found.fullmatch(line)}
        used |= known
        if not known:
            new += 1
            print(line)
    for line in patterns:
        if line.partition("/")[0] in packages and line not in used and not counts["not run"]:
            print(f"names no survivor: {line}", file=sys.stderr)
    print(f"{', '.join(sorted(packages))}: {dict(counts)}, unlisted: {new}", file=sys.stderr)
    return not new


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
