"""A rules file, or a mapping of its form, to `Rules`; or `RulesError` with every problem."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from .. import catalogue
from ..decision.handoffs import TECHNIQUES
from ..page.languages import available
from .build import build
from .document import MAX_DEPTH, Document, read
from .environment import MissingSecret, expanded
from .errors import Path, Position, Problem, RulesError, as_error
from .rules import Rules
from .schema import RulesFile
from .wording import from_validation

# What stands for a part that cannot be read while others that need it are checked.
STAND_INS: dict[str, Any] = {
    "version": 1,
    "secret": "a secret for this check",
    "events": {"log": True},
}


def parse_mapping(source: Mapping[str, Any]) -> Rules:
    """The rules of a mapping. Raises RulesError."""
    return _parse(Document(dict(source), {}, []), "rules", FilePath())


def parse_file(
    source: str | os.PathLike[str], missing_secret: MissingSecret | None = None
) -> Rules:
    """The rules of a YAML file; `missing_secret` as in `expanded`. Raises RulesError."""
    name = os.fspath(source)
    return _parse(read(_text(name)), name, FilePath(name).parent, missing_secret)


def _text(name: str) -> str:
    try:
        return FilePath(name).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{name}: not UTF-8 (byte {error.start}); save the file as UTF-8"
        raise RulesError([message]) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RulesError([f"{name}: cannot be read: {reason}"]) from None


def _parse(
    document: Document,
    name: str,
    folder: FilePath,
    missing_secret: MissingSecret | None = None,
) -> Rules:
    """Check the text, the form, the meaning: each pass reports everything it finds."""
    value, positions, problems = document
    rules = None
    if isinstance(value, dict):
        value = expanded(value, problems, missing_secret)
        problems += (unfit := [*_not_utf8(value, ())])
        form = None if unfit else _validated(value, problems)
        if form is not None and not problems:
            rules = build(form, folder, problems)
        elif not unfit:
            problems += _problems_of_the_rest(value, problems, folder)
    elif not problems:
        message = "the rules are a mapping that begins with 'version: 1'"
        problems = [Problem((), Position(1, 1) if positions else None, message)]
    if rules is None or problems:
        raise as_error(problems, positions, name, rules.files if rules else ())
    return rules


def _validated(value: dict[str, Any], problems: list[Problem]) -> RulesFile | None:
    shipped = catalogue.load()
    known = {
        "app": {app.id for app in shipped.apps} | _added(value, "apps"),
        "destination": {one.id for one in shipped.destinations} | _added(value, "destinations"),
        "technique": set(TECHNIQUES),
        "language": {"auto", *available()},
        "also_called": {name: app.id for app in shipped.apps for name in app.also_called},
    }
    try:
        return RulesFile.model_validate(value, context=known)
    except ValidationError as error:
        problems += from_validation(error, RulesFile)
        return None


def _problems_of_the_rest(
    value: dict[str, Any], problems: list[Problem], folder: FilePath
) -> Iterator[Problem]:
    """What is wrong with the meaning of those parts whose form is right: nobody asks twice."""
    bad = [problem.path for problem in problems if problem.path]
    if any(path[0] in ("apps", "destinations") for path in bad):
        return  # the rules are about these
    left, kept = _without(value, bad)
    form = _validated(left, [])
    further: list[Problem] = []
    if form is not None:
        build(form, folder, further)
    lacks_hosts = ("page", "artwork_hosts") in {path[:2] for path in bad}
    for problem in further:
        key, *inner = problem.path
        if lacks_hosts and inner[-1:] in (["artwork"], ["logo"]):
            continue
        if key in kept and inner:
            inner[0] = kept[str(key)][int(inner[0])]
        yield problem._replace(path=(key, *inner))


def _without(value: dict[str, Any], bad: list[Path]) -> tuple[dict[str, Any], dict[str, list[int]]]:
    """The rules without what has a problem, and which items are left of each list."""
    left, kept = dict(value), {}
    for key in {str(path[0]) for path in bad}:
        part, inner = value.get(key), {path[1] for path in bad if path[0] == key and path[1:]}
        if isinstance(part, list) and inner:
            kept[key] = [number for number in range(len(part)) if number not in inner]
            left[key] = [part[number] for number in kept[key]]
        elif isinstance(part, dict) and inner:
            left[key] = {name: one for name, one in part.items() if name not in inner}
        elif key in STAND_INS:
            left[key] = STAND_INS[key]
        else:
            left.pop(key, None)
    return left, kept


def _not_utf8(value: object, path: Path) -> Iterator[Problem]:
    """Text that no page, token or error could hold: half a surrogate pair, or an odd byte."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            message = "is not text that UTF-8 can hold; write each character whole"
            yield Problem(path, None, message)
    elif len(path) > MAX_DEPTH:
        return
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _not_utf8(str(key), path)
            yield from _not_utf8(inner, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for at, inner in enumerate(value):
            yield from _not_utf8(inner, (*path, at))


def _added(value: dict[str, Any], section: str) -> set[str]:
    """The ids that the rules add themselves, as far as they can be read before any check."""
    part = value.get(section)
    rows = part.get("add") if isinstance(part, dict) else None
    if not isinstance(rows, list):
        return set()
    ids = (row.get("id") for row in rows if isinstance(row, dict))
    return {one for one in ids if isinstance(one, str)}
