"""The form of the rules file: what may stand where."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from ..decision.entries import DestinationEntry, PathShape, TechniqueOverride
from ..decision.markers import PARAMETER
from ..decision.model import Goal, Phone
from ..decision.policy import Mode
from ..events.options import DEFAULT_DATABASE, KEEP, MAX_ROWS, PERIOD
from ..web.urls import HOST
from .fields import (
    EVERYWHERE,
    AppId,
    DestinationId,
    Host,
    Id,
    Kind,
    Matching,
    Package,
    Pattern,
    Secret,
    Strict,
    invalid,
    known_id,
)
from .forms import AppForm, StepEntry
from .marks import PRIVATE, FromEnvironment
from .page_form import PageForm, SitePageForm
from .rule_form import RuleForm

MARKER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,31}", re.ASCII)
BASE_URL = re.compile(rf"https?://{HOST}(?::\d{{1,5}})?", re.ASCII)
DATABASE = re.compile(r"[a-z][a-z0-9_+]*://\S*", re.ASCII)
SITE_HOST = re.compile(HOST, re.ASCII)

BaseUrl = Annotated[
    str, Matching(BASE_URL, "an origin such as https://label.example, without a user or a path")
]
SiteHost = Annotated[str, Matching(SITE_HOST, "a host name such as label.example, without a port")]
Database = Annotated[
    str,
    Matching(DATABASE, "a database URL as SQLAlchemy writes it, such as sqlite:///events.sqlite3"),
]


class UserDestination(Strict):
    """A destination of the site's own.

    Its smart-link domain, a service that the catalogue lacks, or a shipped id, overridden.
    """

    id: Id
    name: str
    hosts: Annotated[list[Host], Field(min_length=1)]
    goal: Goal = "browser"
    kind: Kind = "smartlink"
    paths: list[Pattern] = Field(["/**"], validate_default=True)
    android_package: Package | None = None

    def entry(self) -> DestinationEntry:
        """The same as an entry of the catalogue."""
        paths = (PathShape(pattern.regex.pattern, self.kind) for pattern in self.paths)
        return DestinationEntry(
            id=self.id,
            name=self.name,
            goal=self.goal,
            mixed_hosts=tuple(self.hosts),
            paths=tuple(paths),
            android_package=self.android_package,
        )


class Apps(Strict):
    """Which host apps count."""

    only: Annotated[list[AppId], Field(min_length=1)] | None = None
    also: list[AppId] = []
    disable: list[AppId] = []
    add: list[AppForm] = []


class Destinations(Strict):
    """Which destinations count."""

    only: Annotated[list[DestinationId], Field(min_length=1)] | None = None
    also: list[DestinationId] = []
    disable: list[DestinationId] = []
    add: list[UserDestination] = []


class TechniqueOverrideForm(Strict):
    """Other steps for a host app, or the kill switch of one technique; an omitted key means all."""

    app: AppId | None = None
    platform: Phone | None = None
    goal: Goal | None = None
    technique: Annotated[str, known_id("technique")] | None = None
    enabled: bool | None = None
    steps: Annotated[list[StepEntry], Field(min_length=1)] | None = None
    asks: bool | None = None

    def override(self) -> TechniqueOverride:
        """The same as a plain value."""
        return TechniqueOverride(
            app=self.app,
            platform=self.platform,
            goal=self.goal,
            technique=self.technique if self.enabled is False else None,
            steps=tuple(step.spec() for step in self.steps) if self.steps else None,
            asks=self.asks,
        )


class LabForm(Strict):
    """The lab, switched on."""

    file: Annotated[str, Field(min_length=1)] = "escape_lab.sqlite3"


class EventForm(Strict):
    """What is measured, and which sinks receive it."""

    log: bool = False
    database: Annotated[Database | None, PRIVATE, FromEnvironment()] = None
    prometheus: bool = False
    opentelemetry: bool = False
    keep: Annotated[str, Matching(PERIOD, "a period such as 90d, 13mo or 2y")] = KEEP
    max_rows: Annotated[int, Field(gt=0, le=1_000_000_000)] = MAX_ROWS
    outcomes: list[Id] = []
    by: list[Annotated[str, Field(min_length=1, max_length=64)]] = []


def _switch(name: str, form: type[Strict], defaults: dict[str, Any]) -> BeforeValidator:
    """For a part of the rules that is true, false, or a mapping of its options."""
    keys = " and ".join(", ".join(form.model_fields).rsplit(", ", 1))

    def opened(value: Any) -> Any:
        if value is None or isinstance(value, bool):
            return defaults if value else None
        if not isinstance(value, dict):
            raise invalid(f"{name!r} is true, false, or a mapping with {keys}")
        return value

    return BeforeValidator(opened)


def _switch_shape(options: type[Strict]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [options.model_json_schema(), {"type": "boolean"}]})


Lab = Annotated[LabForm | None, _switch("lab", LabForm, {}), _switch_shape(LabForm)]
Events = Annotated[
    EventForm | None,
    _switch("events", EventForm, {"database": DEFAULT_DATABASE}),
    _switch_shape(EventForm),
]


class HostForm(Strict):
    """One of the site's hosts: its own address, if that is another one, and its pages' dress."""

    base_url: Annotated[BaseUrl | None, PRIVATE] = None
    page: PageForm = PageForm()


class RulesFile(Strict):
    """The whole rules file."""

    version: Literal[1]
    site: Id | None = Field(
        default=None,
        description="The site's name: its markers, pages and outcomes count on no other site with"
        " the same secret. Without it, base_url and allowed_hosts are the name, or else the rules'"
        " names and paths. An edit ends what is in flight.",
    )
    mode: Mode = "act"
    base_url: Annotated[BaseUrl | None, PRIVATE, FromEnvironment()] = None
    allowed_hosts: list[SiteHost] = []
    hosts: dict[SiteHost, HostForm] = {}
    secret: Annotated[Secret | None, PRIVATE, FromEnvironment()] = None
    marker: Annotated[str, Matching(MARKER, "a parameter name such as _esc")] = PARAMETER
    detect: bool = False
    exclude: list[Pattern] = []
    apps: Apps = Apps()
    destinations: Destinations = Destinations()
    techniques: list[TechniqueOverrideForm] = []
    page: SitePageForm = SitePageForm()
    events: Events = None
    lab: Lab = None
    rules: Annotated[list[RuleForm], Field(min_length=1)] = [
        RuleForm(name="every redirect", path=EVERYWHERE, to="redirect")
    ]
