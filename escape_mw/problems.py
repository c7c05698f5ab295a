"""What is wrong with a rules file, in words: `file:line:column: path: what is wrong, what is allowed`."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from .document import Path, Place, Problem
from .fields import shown

Detail = Mapping[str, Any]
SECRET: tuple[Path, ...] = (
    ("secret",),
    ("lab", "token"),
    ("events", "database"),
)  # a problem goes to a log: these do not


class RulesError(ValueError):
    """The rules cannot be used. `problems` holds each as `file:line:column: path: what is wrong, what is allowed`."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


def from_validation(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """Every problem that pydantic found with a value of this model, in our words."""
    return [
        Problem(tuple(detail["loc"]), None, _told(detail, model))
        for detail in error.errors(include_url=False)
    ]


def report(problems: Iterable[Problem], places: Mapping[Path, Place], name: str) -> RulesError:
    """Every problem as a line, in the order of the file."""
    placed = [(_place(problem, places), problem) for problem in problems]
    placed.sort(key=lambda item: item[0] or Place(0, 0))
    return RulesError(_line(problem, place, name) for place, problem in placed)


def _place(problem: Problem, places: Mapping[Path, Place]) -> Place | None:
    """Where a problem stands; one without a place of its own stands at the nearest value around it."""
    place, path = problem.place, problem.path
    while place is None and places:
        place, path = places.get(path), path[:-1]
    return place


def _line(problem: Problem, place: Place | None, name: str) -> str:
    where = f"{name}:{place.line}:{place.column}" if place else name
    dotted = "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem.path
    ).lstrip(".")
    return _printable(
        f"{where}: {dotted}: {problem.message}" if dotted else f"{where}: {problem.message}"
    )


def _printable(line: str) -> str:
    """One line that forges no other, whatever stands in a key or a value."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in line
    )


class Hidden:
    """What stands in a problem for a value that is nobody's to read."""

    def __repr__(self) -> str:
        return "what stands here"


def _told(detail: Detail, model: type[BaseModel]) -> str:
    if detail["loc"] in SECRET:
        detail = {**detail, "input": Hidden()}
    if detail["type"] == "extra_forbidden":
        return _unknown_key(detail["loc"], model)
    if tell := TELL.get(detail["type"]):
        return tell(detail)
    message: str = detail["msg"]
    return f"{message[:1].lower()}{message[1:]}, not {shown(detail['input'])}"


def _unknown_key(path: Path, model: type[BaseModel]) -> str:
    allowed = _keys_at(path[:-1], _schema(model))
    return f"unknown key{_meant(str(path[-1]), allowed)}; allowed here: {', '.join(allowed)}"


def _unknown_id(detail: Detail) -> str:
    about = detail["ctx"]
    hint = (
        _meant(about["value"], about["known"])
        or f"; known: {shown(', '.join(sorted(about['known'])))}"
    )
    return f"{about['value']!r} is no known {about['sort']}{hint}"


def _one_of(detail: Detail) -> str:
    allowed = detail["ctx"]["expected"].replace(" or ", ", ").replace("'", "").split(", ")
    return f"{shown(detail['input'])} is not allowed{_meant(str(detail['input']), allowed)}; allowed: {', '.join(allowed)}"


def _out_of_range(detail: Detail) -> str:
    return f"{detail['msg'].replace('Input should be', 'must be')}, not {shown(detail['input'])}"


def _must_be(what: str) -> Callable[[Detail], str]:
    return lambda detail: f"must be {what}, not {shown(detail['input'])}"


TELL: dict[str, Callable[[Detail], str]] = {
    "rules": lambda detail: str(detail["ctx"]["message"]),
    "unknown_id": _unknown_id,
    "literal_error": _one_of,
    "missing": lambda _: "is missing",
    "string_type": _must_be("text (put it in quotes)"),
    "list_type": _must_be("a list"),
    "model_type": _must_be("a mapping"),
    "dict_type": _must_be("a mapping"),
    "bool_type": _must_be("true or false"),
    "greater_than_equal": _out_of_range,
    "less_than_equal": _out_of_range,
    "greater_than": _out_of_range,
    "less_than": _out_of_range,
    "too_short": lambda detail: f"must have at least {detail['ctx']['min_length']} entry",
    "string_too_short": lambda detail: (
        f"must have at least {detail['ctx']['min_length']} characters"
    ),
}


def _meant(word: str, allowed: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(allowed), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _keys_at(path: Path, schema: dict[str, Any]) -> list[str]:
    """The keys that a JSON Schema allows at a path."""

    def resolved(node: dict[str, Any]) -> dict[str, Any]:
        for option in node.get("anyOf", node.get("allOf", [])):
            if option.get("type") != "null":
                return resolved(option)
        return (
            resolved(schema["$defs"][node["$ref"].rpartition("/")[2]]) if "$ref" in node else node
        )

    node = resolved(schema)
    for part in path:
        node = resolved(
            node.get("items", {})
            if isinstance(part, int)
            else node.get("properties", {}).get(part, {})
        )
    return list(node.get("properties", {}))
