"""The form of the rules file: what may stand where."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from ..decision.dress import COLOUR, ORIGIN, Dress, is_artwork
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
    short_repr,
)
from .forms import AppForm, StepEntry
from .marks import PRIVATE, FromEnvironment
from .moments import EXAMPLE, moment

MARKER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,31}", re.ASCII)
BASE_URL = re.compile(rf"https?://{HOST}(?::\d{{1,5}})?", re.ASCII)
DATABASE = re.compile(r"[a-z][a-z0-9_+]*://\S*", re.ASCII)
PER_CENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?) ?%", re.ASCII)
SITE_HOST = re.compile(HOST, re.ASCII)
RULE_HOST = re.compile(rf"(?:\*\.)?{HOST}", re.ASCII)


def _artwork(value: str) -> str:
    if not (value.startswith("https://") or is_artwork(value, ())):
        raise invalid(
            f"{value!r} is not a path on this site such as /static/cover.jpg,"
            " a data:image/... URL, or an https URL"
        )
    return value


Image = Annotated[str, AfterValidator(_artwork)]
BaseUrl = Annotated[
    str, Matching(BASE_URL, "an origin such as https://label.example, without a user or a path")
]
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


def _not_a_comment(value: Any) -> Any:
    if value is None:
        raise invalid("is empty: # begins a comment; put the colour in quotes, as '#1db954'")
    return value


class PageForm(Strict):
    """How the page is dressed."""

    brand: str | None = None
    title: str | None = None
    artist: str | None = None
    accent: Annotated[
        Annotated[str, Matching(COLOUR, "a colour such as '#1db954'")] | None,
        BeforeValidator(_not_a_comment),
    ] = None
    artwork: Image | None = None
    logo: Image | None = None
    language: Annotated[str, known_id("language")] | None = None
    template: str | None = None
    style: str | None = None

    def dress(self, folder: Path) -> Dress:
        """The same as a plain value; the paths of template and style begin at `folder`."""
        said = self.model_dump(exclude={"artwork_hosts"})
        files = {name: str(folder / said[name]) for name in ("template", "style") if said[name]}
        return Dress(**{**said, **files})


class SitePageForm(PageForm):
    """The same for the whole site, with the hosts that artwork may come from."""

    artwork_hosts: list[
        Annotated[
            str,
            Matching(
                ORIGIN, "an https origin such as https://cdn.label.example, without a / behind"
            ),
        ]
    ] = []


def _moment(value: Any) -> int:
    if not isinstance(value, str):
        raise invalid(f"{short_repr(value)} is not a date and a time {EXAMPLE}")
    return moment(value)


def _rule_name(value: str) -> str:
    if not value.isprintable() or not 0 < len(value) <= 64:
        raise invalid(
            f"{short_repr(value)} is not a name of 1 to 64 printable characters;"
            " it stands in logs and reports"
        )
    return value


Moment = Annotated[
    int,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "examples": ["2026-12-04T00:00 Europe/London"]}),
]
SiteHost = Annotated[str, Matching(SITE_HOST, "a host name such as label.example, without a port")]
RuleHost = Annotated[
    str, Matching(RULE_HOST, "a host name such as artist.example or *.label.example")
]


class When(Strict):
    """Which visits a rule is for; an omitted key means all."""

    apps: Annotated[list[AppId], Field(min_length=1)] | None = None
    platforms: Annotated[list[Phone], Field(min_length=1)] | None = None
    visitors: Annotated[list[Literal["in-app", "webview"]], Field(min_length=1)] = ["in-app"]
    languages: Annotated[list[str], Field(min_length=1)] | None = None
    hosts: Annotated[list[RuleHost], Field(min_length=1)] | None = None
    since: Moment | None = Field(default=None, alias="from")
    until: Moment | None = None
    not_apps: list[AppId] = []
    query: dict[str, str] = {}
    not_query: list[str] = []


def _to(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and "query" in value:
        raise invalid(
            "'to: {query: ...}' is gone, for anybody can write the URL in a query;"
            " 'to: redirect' takes the address that the site itself redirects to"
        )
    raise invalid("'to' is redirect, page, or an https URL (with {captures} of the path)")


To = Annotated[
    str,
    BeforeValidator(_to),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": ["redirect", "page"]},
                {"type": "string", "pattern": "^https?://"},
            ]
        }
    ),
]


def _per_cent(whole: int) -> BeforeValidator:
    """For a number whose whole is 1 or 100: text such as `50%` says the same in either."""

    def read(value: Any) -> Any:
        match = PER_CENT.fullmatch(value) if isinstance(value, str) else None
        return float(match[1]) * whole / 100 if match else value

    return BeforeValidator(read)


NUMBER_OR_PER_CENT = WithJsonSchema(
    {"anyOf": [{"type": "number"}, {"type": "string", "pattern": f"^{PER_CENT.pattern}$"}]}
)


class ExperimentForm(Strict):
    """An experiment: the share of visits that is let through, to compare with.

    With `planned`, it is read once, when it has so many visits.
    """

    name: Id
    holdout: Annotated[float, Field(gt=0, lt=1), _per_cent(1), NUMBER_OR_PER_CENT] = 0.5
    planned: Annotated[int, Field(gt=0, le=1_000_000_000)] | None = None


class RuleForm(Strict):
    """One rule: a path, and where it leads."""

    name: Annotated[str, AfterValidator(_rule_name)] | None = None
    path: Pattern
    to: To = "redirect"
    when: When = When()
    everyone: bool = False
    page: PageForm | None = None
    words_only: Literal["show", "pass"] = "show"
    links: bool = False
    tag: bool = False
    share: Annotated[float, Field(ge=0, le=100), _per_cent(100), NUMBER_OR_PER_CENT] = 100
    experiment: ExperimentForm | None = None


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
