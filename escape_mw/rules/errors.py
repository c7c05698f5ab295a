"""What is wrong with the rules: each problem at its place, and all of them in one error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

Path = tuple[str | int, ...]


class Position(NamedTuple):
    """Where a value stands in its file, counted from 1."""

    line: int
    column: int


class Problem(NamedTuple):
    """One thing that is wrong: the value's path, where it stands in a file, and what to do."""

    path: Path
    position: Position | None
    message: str


class RulesError(ValueError):
    """The rules cannot be used.

    `problems` holds each as `file:line:column: path: what is wrong, what is allowed`; `places` says
    where each stands in the rules file, None for nowhere; `files` are those besides it that may be
    to blame.
    """

    def __init__(
        self,
        problems: Iterable[str],
        files: Iterable[str] = (),
        places: Iterable[Position | None] = (),
    ) -> None:
        self.problems = list(problems)
        self.files = tuple(files)
        self.places = tuple(places) or (None,) * len(self.problems)
        super().__init__("\n".join(self.problems))


def as_error(
    problems: Iterable[Problem],
    positions: Mapping[Path, Position],
    name: str,
    files: Iterable[str] = (),
) -> RulesError:
    """Every problem as a line, in the order of the file that `name` names."""
    placed = [(_position(problem, positions), problem) for problem in problems]
    placed.sort(key=lambda item: item[0] or Position(0, 0))
    lines = [_line(problem, position, name) for position, problem in placed]
    return RulesError(lines, files, [position for position, _ in placed])


def _position(problem: Problem, positions: Mapping[Path, Position]) -> Position | None:
    """Where a problem stands; without a position of its own, at the nearest value around it."""
    position, path = problem.position, problem.path
    while position is None and positions:
        position, path = positions.get(path), path[:-1]
    return position


def _line(problem: Problem, position: Position | None, name: str) -> str:
    where = f"{name}:{position.line}:{position.column}" if position else name
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem.path)
    dotted = "".join(parts).lstrip(".")
    return _printable(": ".join(filter(None, (where, dotted, problem.message))))


def _printable(line: str) -> str:
    """One line that forges no other, whatever stands in a key or a value."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in line
    )
