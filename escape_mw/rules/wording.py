"""pydantic's problems in plain words: what is wrong with a value, and what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from .errors import Path, Problem
from .fields import short_repr
from .marks import is_private

Detail = Mapping[str, Any]
# Keys of an earlier form of the rules, and what to do without them.
GONE: dict[object, str] = {
    "per": "leave it out; every visit is assigned by itself, and nothing of the visitor is hashed",
    "seed": "leave it out; another name of the experiment assigns other arms",
    "token": "leave it out; `escape-mw lab url` prints the link, whose token is made from 'secret'",
    "vary": "leave it out, and let caches leave these paths alone, or the edge server choose",
    "direct": "leave it out; the browser gets this site's own URL, so that arrivals are counted",
}
# Two numbers that look alike, and are not.
UNITS: dict[object, str] = {
    "share": " (in per cent: 50 and 50% are one half)",
    "holdout": " (a part of 1: 0.5 and 50% are one half)",
}


def from_validation(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """Every problem that pydantic found with a value of this model."""
    return [
        Problem(tuple(detail["loc"]), None, _message(detail, model))
        for detail in error.errors(include_url=False)
    ]


class Redacted:
    """Stands in a problem for a value that nobody may read: problems go to logs."""

    def __repr__(self) -> str:
        return "this value"


def _message(detail: Detail, model: type[BaseModel]) -> str:
    if is_private(detail["loc"], model):
        detail = {**detail, "input": Redacted()}
    if detail["type"] == "extra_forbidden":
        return _unknown_key(detail["loc"], model)
    if describe := MESSAGES.get(detail["type"]):
        return describe(detail)
    message: str = detail["msg"]
    return f"{message[:1].lower()}{message[1:]}, not {short_repr(detail['input'])}"


def _unknown_key(path: Path, model: type[BaseModel]) -> str:
    if path[-1] in GONE and path[0] in {"rules", "lab", "vary"}:
        return f"{path[-1]!r} is gone: {GONE[path[-1]]}"
    schema = _schema(model)
    allowed = _keys_at(path[:-1], schema)
    if "when" in allowed and path[-1] in _keys_at((*path[:-1], "when"), schema):
        return f"{path[-1]!r} stands under 'when:', as in when: {{{path[-1]}: ...}}"
    return f"unknown key{suggestion(str(path[-1]), allowed)}; allowed here: {', '.join(allowed)}"


def _unknown_id(detail: Detail) -> str:
    about = detail["ctx"]
    hint = (
        suggestion(about["value"], about["known"])
        or f"; known: {short_repr(', '.join(sorted(about['known'])))}"
    )
    return f"{about['value']!r} is not a known {about['sort']}{hint}"


def _one_of(detail: Detail) -> str:
    allowed = detail["ctx"]["expected"].replace(" or ", ", ").replace("'", "").split(", ")
    word = str(detail["input"])
    hint = "; write it without quotes" if word in allowed else suggestion(word, allowed)
    return f"{short_repr(detail['input'])} is not allowed{hint}; allowed: {', '.join(allowed)}"


def _out_of_range(detail: Detail) -> str:
    unit = UNITS.get(detail["loc"][-1], "")
    said = detail["msg"].replace("Input should be", "must be")
    return f"{said}{unit}, not {short_repr(detail['input'])}"


def _must_be(what: str) -> Callable[[Detail], str]:
    return lambda detail: f"must be {what}, not {short_repr(detail['input'])}"


MESSAGES: dict[str, Callable[[Detail], str]] = {
    "rules": lambda detail: str(detail["ctx"]["message"]),
    "no_match": lambda detail: f"{short_repr(detail['input'])} is not {detail['ctx']['what']}",
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


def suggestion(word: str, allowed: Iterable[str]) -> str:
    """The allowed word that was likely meant, for the end of a message; "" for none."""
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
        patterns = [*node.get("patternProperties", {}).values(), {}]
        named = (
            node.get("properties", {}).get(part) or node.get("additionalProperties") or patterns[0]
        )
        node = resolved(node.get("items", {}) if isinstance(part, int) else named)
    return list(node.get("properties", {}))
