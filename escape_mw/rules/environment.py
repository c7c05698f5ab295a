"""What a deployment keeps in its environment: `${NAME}` in the rules file, and the mode."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any, get_args

from ..decision.policy import Mode
from .errors import Path, Problem
from .marks import environment_paths
from .schema import RulesFile

MissingSecret = Callable[[str], str]
MODES = get_args(Mode)
MODE_VARIABLE = "ESCAPE_MW_MODE"
OLD_MODE_VARIABLE = "ESCAPE_MW"
VARIABLE_RE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)


def expanded(
    value: dict[str, Any], problems: list[Problem], missing_secret: MissingSecret | None = None
) -> dict[str, Any]:
    """The rules with the environment's values put in; what is wrong is added to `problems`.

    `missing_secret` takes the name of a variable that is not set, and gives a secret in its place,
    for commands that need none.
    """
    for path in environment_paths(RulesFile):
        value = _expanded_at(value, path, path, problems, missing_secret)
    mode = os.environ.get(MODE_VARIABLE, "")
    if mode.lower() in MODES:
        value = value | {"mode": mode.lower()}
    elif mode:
        allowed = ", ".join(MODES)
        message = f"the environment variable {MODE_VARIABLE} is {mode!r}; allowed: {allowed}"
        problems.append(Problem(("mode",), None, message))
    if OLD_MODE_VARIABLE in os.environ and not switches_off():
        message = f"the environment variable {OLD_MODE_VARIABLE} is now {MODE_VARIABLE}; rename it"
        problems.append(Problem(("mode",), None, message))
    return value


def says_mode() -> bool:
    """Whether the environment has a mode, under its name or the old one."""
    return bool(os.environ.get(MODE_VARIABLE)) or OLD_MODE_VARIABLE in os.environ


def switches_off() -> bool:
    """Whether the environment switches the middleware off, whatever the rules say."""
    return os.environ.get(MODE_VARIABLE, "").lower() == "off"


def _expanded_at(
    value: dict[str, Any],
    rest: Path,
    path: Path,
    problems: list[Problem],
    missing_secret: MissingSecret | None,
) -> dict[str, Any]:
    """The mapping with the variable that stands at a path of it put in."""
    key, *deeper = map(str, rest)
    inner = value.get(key)
    if deeper and isinstance(inner, dict):
        return value | {key: _expanded_at(inner, tuple(deeper), path, problems, missing_secret)}
    if deeper or not isinstance(inner, str) or "$" not in inner:
        return value
    match = VARIABLE_RE.fullmatch(inner)
    text = os.environ.get(match[1]) if match else None
    if match and text is None and key == "secret" and missing_secret:
        text = missing_secret(match[1])
    if match is None:
        message = "an environment variable is written ${NAME}, and nothing else stands beside it"
        problems.append(Problem(path, None, message))
    elif text is None:
        cure = "; it is the site's own: `escape-mw secret` prints the first one"
        cure = cure if key == "secret" else ""
        message = f"the environment variable {match[1]} is not set{cure}"
        problems.append(Problem(path, None, message))
    return value | {key: text}
