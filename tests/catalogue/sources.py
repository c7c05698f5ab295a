"""The catalogue's sources, which people edit: their forms, and the JSON that processes read.

The YAML files stand in `escape_mw/catalogue`, with an example of everything that they claim; the
wheel has the JSON alone, and no examples.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml

from escape_mw.decision.dress import COLOUR
from escape_mw.decision.model import Call, Goal, Phone
from escape_mw.rules.fields import Certainty, Host, Id, Kind, Matching, Package, Strict
from escape_mw.rules.forms import AppForm, StepEntry

FOLDER = Path(__file__).parents[2] / "escape_mw" / "catalogue"
EXAMPLES = {"examples", "not_examples"}


class AgentExample(Strict):
    """A request that is known by its package header as well as by its agent."""

    agent: str
    package: str


class SourceApp(AppForm):
    """One host app, with user agents that prove its tokens."""

    examples: list[str | AgentExample]
    not_examples: list[str] = []

    @property
    def requests(self) -> list[tuple[str, str]]:
        """Agent and package ("" without one) of every example."""
        return [
            (one, "") if isinstance(one, str) else (one.agent, one.package) for one in self.examples
        ]


class Crawlers(Strict):
    """Marks of programs that fetch pages without a person."""

    words: list[str]
    stems: list[str]


class Browsers(Strict):
    """Marks of real browsers that are built on a webview."""

    tokens: list[str]
    packages: list[str]


class Shape(Strict):
    """One form of a service's URLs."""

    path: str
    kind: Kind | dict[str, Kind]
    hosts: list[Host] = []
    query: dict[str, str] = {}
    any_query: list[str] = []
    id: str | None = None
    app_uri: str | None = None
    goal: Goal | None = None


class UrlExample(Strict):
    """A URL, and what it must be taken for."""

    url: str
    kind: Kind
    id: str | None = None
    app_uri: str | None = None


class SourceDestination(Strict):
    """One music or smart-link service, with URLs that prove its shapes."""

    id: Id
    name: str
    goal: Goal
    hosts: list[Host] = []
    mixed_hosts: list[Host] = []
    links: dict[Literal["shortlink", "smartlink"], list[Host]] = {}
    not_hosts: list[Host] = []
    hash_routes: bool = False
    android_package: Package | None = None
    call: Call = "open"
    colour: Annotated[str, Matching(COLOUR, "a colour such as #1db954")] | None = None
    prefix: str = ""
    paths: list[Shape] = []
    opt_in: bool = False
    confidence: Certainty
    verified: str
    source: str
    examples: list[UrlExample]
    not_examples: list[str] = []


class SourceRow(Strict):
    """One row of the techniques table."""

    app: str
    platform: Phone
    goal: Goal
    asks: bool = False
    steps: list[StepEntry]


class Sources(Strict):
    """The whole catalogue: its five files by their names."""

    apps: list[SourceApp]
    crawlers: Crawlers
    browsers: Browsers
    destinations: list[SourceDestination]
    techniques: list[SourceRow]


@cache
def sources(folder: Path = FOLDER) -> Sources:
    """The YAML files of a folder. Raises pydantic.ValidationError for what has another form."""
    data = {
        name: yaml.safe_load((folder / f"{name}.yaml").read_text("utf-8"))
        for name in Sources.model_fields
    }
    return Sources.model_validate(data)


def compiled(found: Sources) -> str:
    """The same as the JSON text that processes read, an entry in each line."""
    plain = found.model_dump(
        exclude_defaults=True,
        exclude={"apps": {"__all__": EXAMPLES}, "destinations": {"__all__": EXAMPLES}},
    )
    parts = (f'"{name}": {_rows(part)}' for name, part in plain.items())
    return "{\n" + ",\n".join((f'"dated": "{dated(found)}"', *parts)) + "\n}\n"


def dated(found: Sources) -> str:
    """The last day (YYYY-MM-DD) on which one of the facts was looked at."""
    steps = [step for row in found.techniques for step in row.steps]
    days = (one.verified or "" for one in (*found.apps, *found.destinations, *steps))
    return max(day for day in days if len(day) == len("2026-11-28"))


def _rows(part: Any) -> str:
    if isinstance(part, dict):
        return json.dumps(part, ensure_ascii=False)
    return "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in part) + "\n]"
