"""The policy: all that a decision reads, made once from the rules and then only read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from ..web.accept import languages
from ..web.paths import compile_path
from .destinations import DestinationIndex
from .entries import DestinationEntry
from .experiment import Experiment
from .ladder import Ladders
from .markers import MarkerSigner
from .model import Visit, Visitor
from .targets import SiteRedirect, Target
from .visitors import VisitorDetector

Mode = Literal["act", "observe", "off"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: a path, where it leads, and which visitors it is for (None means all of its sort).

    `number` is its place in the rules file from 0, `share` in per cent. `direct` hands over the
    destination itself, where otherwise the browser gets this site's own URL.
    """

    number: int
    name: str
    path: re.Pattern[str]
    to: Target
    apps: frozenset[str] | None = None
    platforms: frozenset[str] | None = None
    visitors: frozenset[str] = frozenset({"in-app"})
    languages: frozenset[str] | None = None
    share: float = 100
    direct: bool = False
    experiment: Experiment | None = None

    def matches(self, visit: Visit, visitor: Visitor) -> bool:
        """Whether the rule is for this path and this visitor."""
        return (
            self.path.fullmatch(visit.path) is not None
            and visitor.kind in self.visitors
            and (self.apps is None or visitor.app in self.apps)
            and (self.platforms is None or visitor.platform in self.platforms)
            and (self.languages is None or _prefers(visit, self.languages))
        )


DEFAULT_RULE = Rule(0, "every redirect", compile_path("/**"), SiteRedirect())


@dataclass(frozen=True, slots=True)
class Policy:
    """What requests are judged by, swapped as a whole.

    `apps` are the ids of the host apps that count. `version` tells one edition of the rules from
    another, and says nothing of their secret.
    """

    visitors: VisitorDetector
    destinations: DestinationIndex
    ladders: Ladders
    markers: MarkerSigner
    apps: frozenset[str]
    rules: tuple[Rule, ...] = (DEFAULT_RULE,)
    mode: Mode = "act"
    base_url: str | None = None
    allowed_hosts: frozenset[str] = frozenset()
    vary: bool = False
    exclude: tuple[re.Pattern[str], ...] = ()
    version: str = "default"

    def excludes(self, path: str) -> bool:
        """Whether the rules leave this path alone."""
        return any(pattern.fullmatch(path) for pattern in self.exclude)

    def guards(self, path: str) -> bool:
        """Whether some visitor's request for this path may be answered."""
        return not self.excludes(path) and any(rule.path.fullmatch(path) for rule in self.rules)

    def anywhere(self, entries: Iterable[DestinationEntry] | None = None) -> Policy:
        """The policy that takes every host app's visitor from every path to every destination.

        It is for what shows an escape whatever the rules say. `entries` replaces the destinations.
        """
        rule = replace(DEFAULT_RULE, name="to", visitors=frozenset({"in-app", "webview"}))
        index = self.destinations if entries is None else DestinationIndex(entries)
        return replace(self, mode="act", rules=(rule,), exclude=(), destinations=index)


def _prefers(visit: Visit, wanted: frozenset[str]) -> bool:
    """Whether the visitor's first language, or its main tag, is one of these."""
    first = next(iter(languages(visit.headers.get("accept-language", ""))), "")
    return first in wanted or first.partition("-")[0] in wanted
