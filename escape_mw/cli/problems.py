"""Problems of a rules file on a terminal: each with its line of the file, and a caret."""

from __future__ import annotations

import re
from pathlib import Path

import click

from ..rules import RulesError
from ..rules.marks import private_paths
from ..rules.schema import RulesFile
from .terminal import printable

# What is printed may end in a CI log. `token` was a key of version 0.1's lab.
PRIVATE_KEYS = ("token", *(str(path[-1]) for path in private_paths(RulesFile)))
HOLDS_SECRET = re.compile("|".join(PRIVATE_KEYS), re.IGNORECASE)
WIDTH = 100  # characters of a line


def tell_problems(error: RulesError, name: str) -> None:
    """Print each problem of a rules file to standard error, with the line that it is about."""
    lines = _lines(name)
    for problem, place in zip(error.problems, error.places, strict=True):
        click.secho(problem, err=True, fg="red")
        if place is None or not 0 < place.line <= len(lines):
            continue
        line = lines[place.line - 1]
        if _is_harmless(lines[: place.line]) and place.column <= WIDTH:
            before = f"{place.line:>5} | "
            click.echo(f"{before}{printable(line[:WIDTH]).expandtabs(1)}", err=True)
            click.echo(f"{' ' * (len(before) - 2)}| {' ' * (place.column - 1)}^", err=True)


def _is_harmless(lines: list[str]) -> bool:
    """Whether neither the last of these lines nor a key that it may belong to holds a secret."""
    depth = len(lines[-1])
    for line in reversed(lines):
        indented = len(line) - len(line.lstrip())
        if indented <= depth and line.strip():
            depth = indented
            if HOLDS_SECRET.search(line):
                return False
            if depth == 0 and re.match(r"[a-z_]+:", line):
                return True
    return True


def _lines(name: str) -> list[str]:
    try:
        return Path(name).read_text("utf-8-sig", "replace").split("\n")
    except OSError:
        return []
