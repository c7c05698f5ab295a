"""What a field of a form says about its value beyond its type: private, or of the environment."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo

from .errors import Path

PRIVATE = Field(repr=False)  # no repr, message or log repeats the value
ANY_KEY = "*"  # in a path: every key of a mapping, every number of a list


class FromEnvironment:
    """Marks a field whose value may be `${NAME}`, a variable of the environment."""


@cache
def private_paths(model: type[BaseModel]) -> tuple[Path, ...]:
    """Where a form has values that nothing repeats."""
    return tuple(path for path, field in _fields(model, ()) if not field.repr)


@cache
def environment_paths(model: type[BaseModel]) -> tuple[Path, ...]:
    """Where a form has values that may come from the environment."""
    return tuple(
        path
        for path, field in _fields(model, ())
        if any(isinstance(mark, FromEnvironment) for mark in field.metadata)
    )


def is_private(path: Path, model: type[BaseModel]) -> bool:
    """Whether nothing may repeat the value at this path of a form."""
    return any(
        len(path) == len(private)
        and all(wanted in (ANY_KEY, part) for wanted, part in zip(private, path, strict=True))
        for private in private_paths(model)
    )


def _fields(model: type[BaseModel], above: Path) -> Iterator[tuple[Path, FieldInfo]]:
    for name, field in model.model_fields.items():
        yield (*above, name), field
        for path, inner in _forms(field.annotation, (*above, name)):
            yield from _fields(inner, path)


def _forms(annotation: Any, path: Path) -> Iterator[tuple[Path, type[BaseModel]]]:
    """The forms that a type holds, and where they stand."""
    origin = get_origin(annotation)
    if origin is None and isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield path, annotation
    below = (*path, ANY_KEY) if origin in {dict, list} else path
    for part in get_args(annotation):
        yield from _forms(part, below)
