"""A YAML text to plain values, with the position of each; what misleads or explodes is refused.

The values are those of YAML 1.2's core schema: only `true` and `false` are booleans, `off`, `no`
and `12:30` stay text. Aliases, anchors, tags, merge keys and duplicate keys are refused (aliases
multiply, tags construct, duplicates are lost).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from .errors import Path, Position, Problem
from .mending import mended

MAX_BYTES = 1_048_576
MAX_DEPTH = 20
MAX_NODES = 200_000
MAX_MENDED = 20  # lines
MAX_MENDED_SIZE = 50_000  # characters: each attempt reads the whole text

COMMENT = re.compile(r"\{[^\n{}]*:[ \t]+#[0-9a-fA-F]")  # in a flow mapping, which it cuts
INTEGER = re.compile(r"[-+]?\d{1,18}", re.ASCII)
NUMBER = re.compile(r"[-+]?\d{1,18}\.\d{0,18}", re.ASCII)
CONSTANTS = {"": None, "~": None, "null": None, "true": True, "false": False}
# What libyaml says, and what is behind it in a rules file.
CURES = {
    "expected ',' or '}'": 'quote a value with braces, as in "/t/{id}"',
    "mapping values are not allowed": "quote a value that holds a colon and a blank",
    "that cannot start any token": "indent with blanks, not with tabs",
    "expected alphabetic or numeric": 'quote a value that begins with * or &, as in "/**"',
    "expected '-' indicator": "indent the keys of one entry alike",
}
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Document(NamedTuple):
    """A text read: its value, the position of each key and item, and the problems found."""

    value: Any
    positions: dict[Path, Position]
    problems: list[Problem]

    def __repr__(self) -> str:
        return f"Document({len(self.problems)} problems)"  # the value has secrets


def read(text: str) -> Document:
    """Read one YAML document; what is wrong with it is gathered in `problems`, never raised."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        return Document(
            None, {}, [Problem((), Position(1, 1), f"the file is larger than {MAX_BYTES:,} bytes")]
        )
    problems: list[Problem] = []
    while True:
        builder, fault = _attempt(text)
        if fault is None:
            return Document(builder.value, builder.positions, [*problems, *builder.problems])
        problems.append(fault)
        after = _mended(text, fault) if len(problems) < MAX_MENDED else None
        if after is None:
            return Document(None, builder.positions, [*problems, *builder.problems])
        text = after


def _attempt(text: str) -> tuple[_Builder, Problem | None]:
    """The text, read as far as it is YAML, and what it ends at otherwise."""
    builder, fault = _Builder(), None
    try:
        builder.run(yaml.parse(text, Loader=LOADER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        position = Position(mark.line + 1, mark.column + 1) if mark else Position(1, 1)
        said = _with_cure(error.problem or error.context, text, position.line)
        fault = Problem((), position, f"this is not YAML: {said}")
    except (yaml.YAMLError, UnicodeError) as error:
        position = Position(_line_at(getattr(error, "position", 0), text), 1)
        fault = Problem((), position, f"this is not YAML: {str(error).splitlines()[0]}")
    except _Stop:
        pass
    return builder, fault


def _line_at(offset: int, text: str) -> int:
    """The line of a character that YAML does not have; libyaml counts bytes, Python characters."""
    if LOADER is yaml.SafeLoader:
        return text.count("\n", 0, offset) + 1
    return text.encode("utf-8", "surrogatepass").count(b"\n", 0, offset) + 1


def _mended(text: str, fault: Problem) -> str | None:
    """The text with the line of a fault as it was meant, if it can be read on from there."""
    if len(text) > MAX_MENDED_SIZE:
        return None
    lines = text.splitlines(keepends=True)
    at = fault.position.line if fault.position else 1
    for number in (at - 1, at - 2):
        if not 0 <= number < len(lines):
            continue
        for line in mended(lines[number]):
            after = "".join([*lines[:number], line, *lines[number + 1 :]])
            later = _attempt(after)[1] if line != lines[number] else fault
            if later is None or (later.position and later.position.line > at):
                return after
    return None


def _with_cure(problem: str | None, text: str, line: int) -> str:
    """What the parser says, and what mostly mends it."""
    said = problem or "no more is known"
    if COMMENT.search("\n".join(text.split("\n")[max(0, line - 2) : line])):
        return f"{said}; a blank and # begin a comment: quote a colour, as '#1db954'"
    cure = next((cure for sign, cure in CURES.items() if sign in said), None)
    return f"{said}; {cure}" if cure else said


class _Stop(Exception):  # noqa: N818 - no error
    """The document is too deep or too large to read on."""


class _Builder:
    def __init__(self) -> None:
        self.value: Any = None
        self.positions: dict[Path, Position] = {(): Position(1, 1)}
        self.problems: list[Problem] = []

    def run(self, events: Iterator[Any]) -> None:
        """Build the value from the parser's events, whose stubs lack their attributes."""
        self._events = events
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._stop(
                        (),
                        event,
                        "a rules file is one document; remove this '---' and what follows",
                    )
                self.value = self._value(next(events), ())

    def _value(self, event: Any, path: Path) -> Any:
        self.positions.setdefault(path, _position(event))
        if len(self.positions) > MAX_NODES:
            self._stop(path, event, f"more than {MAX_NODES:,} values")
        if len(path) > MAX_DEPTH:
            self._stop(path, event, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            self._problem(path, event, "aliases (*) are not allowed; write the value out")
            return None
        if event.anchor is not None:
            self._problem(
                path, event, "anchors (&) are not allowed; write the value where it is used"
            )
        if event.tag is not None:
            self._problem(
                path,
                event,
                "tags (!) are not allowed; write a plain value, in quotes if it has !",
            )
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return _scalar(event)

    def _mapping(self, path: Path) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, path)
            if key in mapping:
                self._problem((*path, key), event, f"{key!r} stands here twice; keep one")
            self.positions[(*path, key)] = _position(event)
            mapping[key] = self._value(next(self._events), (*path, key))
        return mapping

    def _key(self, event: Any, path: Path) -> str:
        if isinstance(event, yaml.ScalarEvent):
            if event.tag is not None or event.anchor is not None:
                self._problem(path, event, "a key has no tag and no anchor; write it plainly")
            if event.value == "<<" and not event.style:
                self._problem(path, event, "merge keys (<<) are not allowed; write the values out")
            return str(event.value)
        self._problem(path, event, "a key must be a word")
        raise _Stop

    def _sequence(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _problem(self, path: Path, event: Any, message: str) -> None:
        self.problems.append(Problem(path, _position(event), message))

    def _stop(self, path: Path, event: Any, message: str) -> None:
        self._problem(path[:MAX_DEPTH], event, message)
        raise _Stop


def _position(event: Any) -> Position:
    return Position(event.start_mark.line + 1, event.start_mark.column + 1)


def _scalar(event: Any) -> Any:
    text: str = event.value
    if event.style:  # quoted, or a block
        return text
    if text in CONSTANTS:
        return CONSTANTS[text]
    if INTEGER.fullmatch(text):
        return int(text)
    return float(text) if NUMBER.fullmatch(text) else text
