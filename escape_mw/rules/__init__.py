"""The rules file: text, checked forms, plain data, `Rules`.

pydantic and YAML are imported here and nowhere else, and only once there are rules to read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from .environment import says_mode
from .errors import RulesError
from .rules import Rules, default_rules

__all__ = [
    "Rules",
    "RulesError",
    "RulesLike",
    "load",
    "load_to_read",
    "moment_of",
    "require_secret",
]

RulesLike = str | os.PathLike[str] | Mapping[str, Any] | Rules | None


def load(source: RulesLike = None) -> Rules:
    """Read rules from a YAML file's path, from a mapping of the same form, or take the default.

    Raises RulesError, with every problem, and nothing else: also for a file that cannot be read.
    """
    if isinstance(source, Rules):
        return source
    if source is None and not says_mode():
        return default_rules()
    from .parse import parse_file, parse_mapping  # noqa: PLC0415 - pydantic and YAML

    if source is None or isinstance(source, Mapping):
        return parse_mapping(source or {"version": 1})
    if not isinstance(source, str | os.PathLike):
        found = type(source).__name__
        raise RulesError([f"rules are a file's path or a mapping, not a {found}"])
    return parse_file(source)


def load_to_read(path: str, missing_secret: Callable[[str], str]) -> Rules:
    """The rules of a file, for a command that needs no secret.

    Where the environment lacks the one that the file names, `missing_secret` is told the variable's
    name, and gives another. Raises RulesError.
    """
    from .parse import parse_file  # noqa: PLC0415 - pydantic and YAML

    return parse_file(path, missing_secret)


def moment_of(text: str, error: type[ValueError]) -> int:
    """Seconds since 1970 of a moment as rules write it.

    Raises `error`, with what is wrong and what is allowed.
    """
    from pydantic_core import PydanticCustomError  # noqa: PLC0415 - slow to import

    from .moments import moment  # noqa: PLC0415

    try:
        return moment(text)
    except PydanticCustomError as problem:
        raise error(problem.message()) from None


def require_secret(rules: Rules) -> None:
    """Raise RulesError for rules without a secret, where sinks of the site's own measure by them.

    `events:` in the rules asks for one itself.
    """
    if not rules.policy.tokens.is_shared:
        raise RulesError(
            [
                "sinks need a 'secret' in the rules: without it, arrivals that another worker"
                " process sees would not count, and the figures would be wrong;"
                " 'escape-mw secret' prints a good one"
            ]
        )
