"""Django's system checks: at the start, what would fail or mislead later."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core import checks
from django.utils.module_loading import import_string

from ..rules import RulesError, load, require_secret
from ..rules.environment import switches_off
from ..rules.warnings import warnings_of
from .middleware import EscapeMiddleware, named

OURS = "escape_mw.django.EscapeMiddleware"
FOREIGN = (
    "escape_mw.EscapeMiddleware",
    "escape_mw.wsgi.EscapeMiddleware",
    "escape_mw.asgi.EscapeMiddleware",
    "escape_mw.flask.Escape",
)
SETTINGS = ("ESCAPE_MW_RULES", "ESCAPE_MW_OBSERVERS", "ESCAPE_MW_SINKS")
OUTSIDE = ("django.middleware.security.SecurityMiddleware",)
INWARD = (
    "django.middleware.cache.UpdateCacheMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
)


@checks.register("escape_mw")
def check_settings(**_: Any) -> list[checks.CheckMessage]:
    """Report at the start what would fail or mislead later.

    escape_mw.E001 is about rules, E002 about observers and sinks, E003 about another framework's
    name; W001 and W002 are about the order, W003 is about what the rules may surprise with, W004
    about what is missing.
    """
    return [
        *_rules_problems(),
        *_callable_problems(),
        *_order_problems(),
        *_name_problems(),
    ]


def _rules_problems() -> Iterator[checks.CheckMessage]:
    try:
        rules = load(source := getattr(settings, "ESCAPE_MW_RULES", None))
        if getattr(settings, "ESCAPE_MW_SINKS", ()):
            require_secret(rules)
        for warning in warnings_of(rules, int(time.time())) if source else ():
            hint = "`escape-mw check` says the same; SILENCED_SYSTEM_CHECKS silences it."
            yield checks.Warning(warning, hint=hint, id="escape_mw.W003")
    except RulesError as error:
        kind = checks.Warning if switches_off() else checks.Error
        for problem in error.problems:
            yield kind(
                problem,
                hint="Fix ESCAPE_MW_RULES; `escape-mw check` reports the same problems.",
                id="escape_mw.E001",
            )


def _callable_problems() -> Iterator[checks.CheckMessage]:
    for setting in ("ESCAPE_MW_OBSERVERS", "ESCAPE_MW_SINKS"):
        hint = f"{setting} holds callables or their dotted paths."
        try:
            broken = [one for one in named(setting) if not callable(one)]
        except ImportError as error:
            yield checks.Error(str(error), hint=hint, id="escape_mw.E002")
            continue
        for one in broken:
            yield checks.Error(f"{one!r} cannot be called.", hint=hint, id="escape_mw.E002")


def _name_problems() -> Iterator[checks.CheckMessage]:
    """What stands under the name that belongs elsewhere, and is never read."""
    foreign = [one for one in settings.MIDDLEWARE if one in FOREIGN]
    for one in foreign:
        hint = f"Write {OURS!r}."
        yield checks.Error(
            f"{one} is another framework's, and Django cannot call it.",
            hint=hint,
            id="escape_mw.E003",
        )
    for name in dir(settings):
        if name.startswith("ESCAPE_MW") and name not in SETTINGS:
            hint = f"What is read: {', '.join(SETTINGS)}."
            yield checks.Error(f"{name} is not read.", hint=hint, id="escape_mw.E003")
    if not foreign and not any(map(_is_ours, settings.MIDDLEWARE)):
        hint = f"Put {OURS!r} into it."
        message = "MIDDLEWARE does not have escape_mw's: nobody is escaped."
        yield checks.Warning(message, hint=hint, id="escape_mw.W004")


def _is_ours(name: str) -> bool:
    """Whether a middleware of this name is this package's, or a subclass of it."""
    try:
        found = import_string(name)
    except ImportError:
        return False
    return isinstance(found, type) and issubclass(found, EscapeMiddleware)


def _order_problems() -> Iterator[checks.CheckMessage]:
    order = list(settings.MIDDLEWARE)
    if OURS not in order:
        return
    ours = order.index(OURS)
    for outside in OUTSIDE:
        if outside in order[ours:]:
            yield checks.Warning(
                f"{OURS} comes before {outside}.",
                hint="Put it right after, so that visitors come over https.",
                id="escape_mw.W001",
            )
    for inward in INWARD:
        if inward in order[:ours]:
            yield checks.Warning(
                f"{OURS} comes after {inward}.",
                hint="Put it before, so that no escape is cached or changed.",
                id="escape_mw.W002",
            )
