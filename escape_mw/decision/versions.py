"""The version of each rule: it changes with what the rule says, and with the steps it leads to."""

from __future__ import annotations

from collections.abc import Iterable

from .ladder import Ladders
from .policy import Rule, short_hash


def versions(rules: Iterable[Rule], ladders: Ladders, apps: frozenset[str]) -> dict[str, str]:
    """Each rule's version, by the rule's key; `apps` are the host apps that count.

    Rules with one key, such as those of one page by date, have one version.
    """
    texts: dict[str, list[str]] = {}
    for rule in rules:
        texts.setdefault(rule.key, []).extend([rule.content, *_steps(rule, ladders, apps)])
    return {key: short_hash(*text) for key, text in texts.items()}


def _steps(rule: Rule, ladders: Ladders, apps: frozenset[str]) -> list[str]:
    """The techniques and triggers that a rule's visitors may meet."""
    wanted = rule.apps or apps
    return [
        f"{app} {platform} {goal} {[(step.technique, step.trigger) for step in steps]}"
        for app, platform, goal, steps in ladders.rows()
        if app in wanted and (rule.platforms is None or platform in rule.platforms)
    ]
