"""The rules file, or a mapping of the same form, to `Rules`; or `RulesError` with every problem at its place."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from . import catalogue
from .compiled import compiled
from .document import Path, Place, Problem, read
from .handoffs import TECHNIQUES
from .languages import available
from .paths import compile_path
from .policy import Rules
from .problems import RulesError, from_validation, report
from .schema import RulesFile

MODES = ("act", "observe", "off")
MODE_VARIABLE = "ESCAPE_MW"
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)
FROM_ENVIRONMENT: tuple[Path, ...] = (
    ("secret",),
    ("base_url",),
    ("events", "database"),
    ("lab", "token"),
)

Source = str | os.PathLike[str] | Mapping[str, Any] | Rules | None


def load(source: Source = None) -> Rules:
    """Read rules from a YAML file's path, from a mapping of the same form, or take the default (None).

    Raises RulesError, with every problem, and nothing else: also for a file that cannot be read.
    """
    if isinstance(source, Rules):
        return source
    if source is None or isinstance(source, Mapping):
        return _load(dict(source or {"version": 1}), {}, [], "rules", FilePath())
    name = os.fspath(source)
    document = read(_text(name))
    return _load(document.value, document.places, document.problems, name, FilePath(name).parent)


def _text(name: str) -> str:
    try:
        return FilePath(name).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RulesError(
            [f"{name}: not UTF-8 (byte {error.start}); save the file as UTF-8"]
        ) from None
    except (OSError, ValueError) as error:
        raise RulesError(
            [f"{name}: cannot be read: {getattr(error, 'strerror', None) or error}"]
        ) from None


def _load(
    value: Any, places: Mapping[Path, Place], problems: list[Problem], name: str, folder: FilePath
) -> Rules:
    """Check in three passes, each of which tells everything it finds: the text, the form, the meaning."""
    rules = None
    if isinstance(value, dict):
        value = _expanded(value, problems)
        form = _validated(value, problems)
        if form is not None and not problems:
            rules = compiled(form, folder, problems)
        compile_path.cache_clear()  # it spares the second pass the work of the first, and must not grow with every edit
    elif not problems:
        problems = [
            Problem(
                (),
                Place(1, 1) if places else None,
                "the rules are a mapping that begins with 'version: 1'",
            )
        ]
    if rules is None or problems:
        raise report(problems, places, name)
    return rules


def _expanded(value: dict[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """Put in what a deployment keeps in its environment, written `secret: ${NAME}`."""
    for path in FROM_ENVIRONMENT:
        value = _expanded_at(value, path, path, problems)
    mode = os.environ.get(MODE_VARIABLE, "")
    if mode.lower() in MODES:
        value = value | {"mode": mode.lower()}
    elif mode:
        problems.append(
            Problem(
                ("mode",),
                None,
                f"the environment variable {MODE_VARIABLE} is {mode!r}; allowed: {', '.join(MODES)}",
            )
        )
    return value


def _expanded_at(
    value: dict[str, Any], rest: Path, path: Path, problems: list[Problem]
) -> dict[str, Any]:
    """The mapping with the variable that stands at a path of it put in."""
    key, *deeper = map(str, rest)
    inner = value.get(key)
    if deeper and isinstance(inner, dict):
        return value | {key: _expanded_at(inner, tuple(deeper), path, problems)}
    if deeper or not isinstance(inner, str) or "$" not in inner:
        return value
    match = VARIABLE.fullmatch(inner)
    text = os.environ.get(match[1]) if match else None
    if match is None:
        problems.append(
            Problem(
                path,
                None,
                "an environment variable is written ${NAME}, and nothing else stands beside it",
            )
        )
    elif text is None:
        problems.append(Problem(path, None, f"the environment variable {match[1]} is not set"))
    return value | {key: text}


def _validated(value: dict[str, Any], problems: list[Problem]) -> RulesFile | None:
    shipped = catalogue.load()
    known = {
        "app": {app.id for app in shipped.apps} | _added(value, "apps"),
        "destination": {entry.id for entry in shipped.destinations} | _added(value, "destinations"),
        "technique": set(TECHNIQUES),
        "language": {"auto", *available()},
    }
    try:
        return RulesFile.model_validate(value, context=known)
    except ValidationError as error:
        problems += from_validation(error, RulesFile)
        return None


def _added(value: dict[str, Any], section: str) -> set[str]:
    """The ids that the rules add themselves, as far as they can be made out before anything is checked."""
    part = value.get(section)
    rows = part.get("add") if isinstance(part, dict) else None
    return (
        {row["id"] for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)}
        if isinstance(rows, list)
        else set()
    )
