"""The catalogue's entries as plain values: host apps, crawlers, browsers, destinations, techniques.

`from_data` makes each from the plain data that `catalogue.json` holds, and that the rules file's
additions are turned into; what the data may hold is checked before, in `rules`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .model import PHONES, Call, Goal, Platform, StepSpec

Data = Mapping[str, Any]
ID = re.compile(r"(?=.{1,48}$)[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)  # kebab-case


@dataclass(frozen=True, slots=True)
class Menu:
    """The host app's own way out: the sign to tap, and what to choose by language.

    A `label` alone is for every language; one of `similar` may be worded otherwise in the app.
    """

    sign: str
    label: str | Mapping[str, str] = field(default_factory=dict)
    similar: Mapping[str, str] = field(default_factory=dict)
    corner: str | None = None

    def label_in(self, language: str) -> str | None:
        """What to choose, in words of this language that stand in the app, if they are known."""
        return self.label if isinstance(self.label, str) else self.label.get(language)


@dataclass(frozen=True, slots=True)
class AppEntry:
    """One host app; catalogue/apps.yaml says what each field means."""

    id: str
    name: str
    tokens: tuple[str, ...] = ()
    not_tokens: tuple[str, ...] = ()
    version_after: tuple[str, ...] = ()
    also_called: tuple[str, ...] = ()
    opt_in: bool = False
    platforms: tuple[str, ...] = PHONES
    ipad_as_mac: bool = False
    android_package: tuple[str, ...] = ()
    menu: Mapping[str, Menu] = field(default_factory=dict)
    confidence: str | None = None
    verified: str | None = None
    source: str | None = None

    @classmethod
    def from_data(cls, data: Data) -> AppEntry:
        """The entry that plain data describes."""
        menu = {platform: Menu(**menu) for platform, menu in data.get("menu", {}).items()}
        return cls(**{**_tuples(data), "menu": menu})


@dataclass(frozen=True, slots=True)
class Crawlers:
    """Marks of programs that fetch pages without a person."""

    words: tuple[str, ...] = ()
    stems: tuple[str, ...] = ()

    @classmethod
    def from_data(cls, data: Data) -> Crawlers:
        """The marks that plain data lists."""
        return cls(**_tuples(data))


@dataclass(frozen=True, slots=True)
class Browsers:
    """Marks of real browsers that are built on a webview."""

    tokens: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    @classmethod
    def from_data(cls, data: Data) -> Browsers:
        """The marks that plain data lists."""
        return cls(**_tuples(data))


@dataclass(frozen=True, slots=True)
class PathShape:
    """One form of a service's URLs; catalogue/destinations.yaml says what each field means."""

    path: str
    kind: str | Mapping[str, str]
    hosts: tuple[str, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict)
    any_query: tuple[str, ...] = ()
    id: str | None = None
    app_uri: str | None = None
    goal: Goal | None = None


@dataclass(frozen=True, slots=True)
class DestinationEntry:
    """One music or smart-link service; catalogue/destinations.yaml says what each field means."""

    id: str
    name: str
    goal: Goal
    hosts: tuple[str, ...] = ()
    mixed_hosts: tuple[str, ...] = ()
    links: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    not_hosts: tuple[str, ...] = ()
    hash_routes: bool = False
    android_package: str | None = None
    call: Call = "open"
    colour: str | None = None
    prefix: str = ""
    paths: tuple[PathShape, ...] = ()
    opt_in: bool = False
    confidence: str | None = None
    verified: str | None = None
    source: str | None = None

    @classmethod
    def from_data(cls, data: Data) -> DestinationEntry:
        """The entry that plain data describes."""
        paths = tuple(PathShape(**_tuples(shape)) for shape in data.get("paths", ()))
        return cls(**{**_tuples(data), "paths": paths})

    def listings(self) -> Iterator[tuple[str, str | None]]:
        """Every listed host with the kind of a path that no shape knows.

        The kind is None where such a path is not a destination.
        """
        yield from ((host, "other") for host in self.hosts)
        yield from ((host, None) for host in self.mixed_hosts)
        for kind, hosts in self.links.items():
            yield from ((host, kind) for host in hosts)


@dataclass(frozen=True, slots=True)
class TechniqueRow:
    """One row of the techniques table: the ladder of a host app on a platform, for a goal.

    `asks` says whether the host app asks the visitor before it opens another app.
    """

    app: str
    platform: Platform
    goal: Goal
    steps: tuple[StepSpec, ...]
    asks: bool = False

    @classmethod
    def from_data(cls, data: Data) -> TechniqueRow:
        """The row that plain data describes."""
        asks = data.get("asks", False)
        steps = tuple(StepSpec(**step, asks=asks) for step in data["steps"])
        return cls(**{**data, "steps": steps})


@dataclass(frozen=True, slots=True)
class TechniqueOverride:
    """Other steps for a host app, or one technique switched off; None means all of its sort.

    `asks` is None where the row's own stays.
    """

    app: str | None = None
    platform: Platform | None = None
    goal: Goal | None = None
    technique: str | None = None
    steps: tuple[StepSpec, ...] | None = None
    asks: bool | None = None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that is known of the world: who asks, where to, and how out.

    `dated` is the day (YYYY-MM-DD) on which a fact was looked at last.
    """

    dated: str
    apps: tuple[AppEntry, ...]
    crawlers: Crawlers
    browsers: Browsers
    destinations: tuple[DestinationEntry, ...]
    techniques: tuple[TechniqueRow, ...]

    @classmethod
    def from_data(cls, data: Data) -> Catalogue:
        """The catalogue that plain data describes."""
        return cls(
            dated=data["dated"],
            apps=tuple(map(AppEntry.from_data, data["apps"])),
            crawlers=Crawlers.from_data(data["crawlers"]),
            browsers=Browsers.from_data(data["browsers"]),
            destinations=tuple(map(DestinationEntry.from_data, data["destinations"])),
            techniques=tuple(map(TechniqueRow.from_data, data["techniques"])),
        )


def _tuples(data: Data) -> dict[str, Any]:
    return {name: tuple(one) if isinstance(one, list) else one for name, one in data.items()}
