"""The rules as they are used: compiled once, then only read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from .destinations import Directory
from .experiment import Experiment
from .lab.marks import LabMarks
from .lab.store import LabStore
from .ladder import Ladders
from .markers import Markers
from .model import Destination, Visit, Visitor
from .page import Interstitial
from .schema import EventOptions
from .visitors import Recogniser


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `form` says where the destination comes from; `target` is the URL, its template, or the parameter."""

    number: int
    name: str
    path: re.Pattern[str]
    form: Literal["redirect", "page", "url", "query"]
    target: str = ""
    apps: frozenset[str] | None = None
    platforms: frozenset[str] | None = None
    visitors: frozenset[str] = frozenset({"in-app"})
    languages: frozenset[str] | None = None
    share: float = 100
    direct: bool = False
    experiment: Experiment | None = None

    def fits(self, visit: Visit, visitor: Visitor) -> bool:
        """Whether the rule is for this visitor; the path has been looked at."""
        return (
            visitor.kind in self.visitors
            and (self.apps is None or visitor.app in self.apps)
            and (self.platforms is None or visitor.platform in self.platforms)
            and (
                self.languages is None
                or _speaks(visit.headers.get("accept-language", ""), self.languages)
            )
        )


@dataclass(frozen=True, slots=True)
class LabSetup:
    """The lab, switched on: its link's token, how it signs, where it writes, and the song that its buttons open."""

    token: str = field(repr=False)
    marks: LabMarks
    store: LabStore
    song: Destination


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything a request is judged and answered by, swapped as a whole.

    `files` are those besides the rules file itself that it was made from, `version` tells one edition of the rules from
    another, `events` says what is measured and who is told.
    """

    mode: Literal["act", "observe", "off"]
    rules: tuple[Rule, ...]
    visitors: Recogniser
    destinations: Directory
    ladders: Ladders
    markers: Markers
    apps: frozenset[str]
    page: Interstitial
    files: tuple[str, ...] = ()
    base_url: str | None = None
    allowed_hosts: frozenset[str] = frozenset()
    vary: bool = False
    exclude: tuple[re.Pattern[str], ...] = ()
    lab: LabSetup | None = None
    events: EventOptions | None = None
    version: str = ""

    def excluded(self, path: str) -> bool:
        """Whether the rules keep their hands off this path."""
        return any(pattern.fullmatch(path) for pattern in self.exclude)


def _speaks(accept: str, languages: frozenset[str]) -> bool:
    """Whether the visitor's first language, or its main tag, is one of these."""
    first = (parse_accept_header(accept[:200], LanguageAccept).best or "").lower()
    return first in languages or first.partition("-")[0] in languages
