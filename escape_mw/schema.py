"""The forms of the rules file and of the catalogue, as pydantic models: what may stand where, and what it must look like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError, core_schema

from .handoffs import PACKAGE, TECHNIQUES
from .paths import PatternError, compile_path

Kind = Literal["track", "album", "artist", "playlist", "episode", "show", "presave", "smartlink", "shortlink", "oauth", "other"]
Goal = Literal["app", "browser"]
Phone = Literal["ios", "android"]
Trigger = Literal["redirect", "auto", "tap", "written"]
Confidence = Literal["documented", "observed", "single", "inferred"]
Certainty = Literal["high", "medium", "low"]

HOST = re.compile(r"(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]*[a-z0-9])?", re.ASCII)
SITE_HOST = re.compile(r"(?:[a-z0-9-]+\.)*[a-z0-9-]+", re.ASCII)
COLOUR = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)
ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
TOKEN = re.compile(r"[A-Za-z0-9_-]{16,128}", re.ASCII)
MARKER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,31}", re.ASCII)
BASE_URL = re.compile(r"https?://[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?", re.ASCII)


def fault(message: str) -> PydanticCustomError:
    """A problem in our own words."""
    return PydanticCustomError("rules", "{message}", {"message": message})


@dataclass(frozen=True)
class Shaped:
    """Text of a form, told in our words; editors learn the pattern from the JSON Schema."""

    pattern: re.Pattern[str]
    what: str

    def check(self, value: str) -> str:
        """The value, if it has the form."""
        if not self.pattern.fullmatch(value):
            raise fault(f"{value!r} is not {self.what}")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^(?:{self.pattern.pattern})$"}


def _host(value: str) -> str:
    if not value.isascii():
        raise fault(f"{value!r} is not ASCII; write the host in punycode (xn--...)")
    if not HOST.fullmatch(value):
        raise fault(f"{value!r} is not a host such as go.label.example or *.lnk.label.example (lower case, no scheme, port or path)")
    if value.startswith("*.") and value.count(".") < 2:
        raise fault(f"{value!r} would allow a whole top-level domain; name at least two labels after the *")
    return value


def _known(sort: str) -> AfterValidator:
    """An id that must stand in the catalogue in force: the validation context lists them by sort."""

    def check(value: str, info: ValidationInfo) -> str:
        known = (info.context or {}).get(sort)
        if known is not None and value not in known:
            raise PydanticCustomError("unknown_id", "{value} is no known {sort}", {"value": value, "sort": sort, "known": sorted(known)})
        return value

    return AfterValidator(check)


def _pattern(value: str) -> str:
    try:
        compile_path(value)
    except PatternError as error:
        raise fault(f"{error}") from None
    return value


def _artwork(value: str) -> str:
    if not re.match(r"/(?![/\\])|data:image/[a-z+.-]+[;,]", value):
        raise fault(f"{value!r} is not a path on this site such as /static/cover.jpg, or a data:image/... URL")
    return value


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _step(value: Any) -> Any:
    """`{intent-app: tap, ...}` names technique and trigger in one; spell it out."""
    if not isinstance(value, dict):
        return value
    named = [key for key in value if key in TECHNIQUES]
    if len(named) != 1:
        raise fault(f"a step is one technique and its trigger, such as 'intent-app: tap'; the techniques are {', '.join(TECHNIQUES)}")
    if (named[0] == "menu") != (value[named[0]] == "written"):
        raise fault("'written' is the trigger of 'menu', and of nothing else")
    return {"technique": named[0], "trigger": value[named[0]], **{key: item for key, item in value.items() if key != named[0]}}


Id = Annotated[str, Shaped(ID, "an id in kebab-case, such as our-links")]
Host = Annotated[str, AfterValidator(_host), Field(json_schema_extra={"pattern": f"^(?:{HOST.pattern})$"})]
Package = Annotated[str, Shaped(PACKAGE, "an Android package name such as com.spotify.music")]
AppId = Annotated[str, _known("app")]
DestinationId = Annotated[str, _known("destination")]
PathPattern = Annotated[str, AfterValidator(_pattern)]


class Strict(BaseModel):
    """Unknown keys and values of a near type are problems, never guesses."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


# --- the catalogue ---------------------------------------------------------------------------------------------------


class Menu(Strict):
    """The host app's own way out, in its own words."""

    sign: str
    label: str
    corner: Literal["top-right", "bottom-right"] | None = None


class AgentExample(Strict):
    """A request known by its package header as well as its agent."""

    agent: str
    package: str


class AppEntry(Strict):
    """One host app (catalogue/apps.yaml says what each key means)."""

    id: Id
    name: str
    tokens: list[Annotated[str, Field(min_length=3)]] = []
    not_tokens: list[str] = []
    version_after: list[str] = []
    platforms: list[Phone] = ["ios", "android"]
    android_package: Annotated[list[Package], BeforeValidator(_as_list)] = []
    menu: dict[Phone, Menu] = {}
    confidence: Certainty | None = None
    verified: str | None = None
    source: str | None = None
    examples: list[str | AgentExample] = []
    not_examples: list[str] = []


class Crawlers(Strict):
    """Marks of programs that fetch pages without a person."""

    words: list[str]
    stems: list[str]
    people: list[str]


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


class DestinationEntry(Strict):
    """One music service or smart-link service (catalogue/destinations.yaml says what each key means)."""

    id: Id
    name: str
    goal: Goal
    hosts: list[Host] = []
    mixed_hosts: list[Host] = []
    links: dict[Literal["shortlink", "smartlink"], list[Host]] = {}
    not_hosts: list[Host] = []
    hash_routes: bool = False
    android_package: Package | None = None
    prefix: str = ""
    paths: list[Shape] = []
    opt_in: bool = False
    confidence: Certainty | None = None
    verified: str | None = None
    source: str | None = None
    examples: list[UrlExample] = []
    not_examples: list[str] = []

    def places(self) -> Iterator[tuple[str, str | None]]:
        """Every listed host with the kind of a path that no shape knows, None where such a path is no destination."""
        for host in self.hosts:
            yield host, "other"
        for host in self.mixed_hosts:
            yield host, None
        for kind, hosts in self.links.items():
            for host in hosts:
                yield host, kind


class StepForm(Strict):
    """One rung, written `technique: trigger` with what is known of it."""

    technique: str
    trigger: Trigger
    confidence: Confidence = "inferred"
    verified: str | None = None
    settle_ms: Annotated[int, Field(ge=200, le=60_000)] = 2000
    source: str | None = None
    note: str | None = None


StepEntry = Annotated[
    StepForm,
    BeforeValidator(_step),
    WithJsonSchema(
        {
            "type": "object",
            "description": "technique: trigger, such as 'intent-app: tap'",
            "properties": {
                **{name: {"enum": ["redirect", "auto", "tap", "written"]} for name in TECHNIQUES},
                "confidence": {"enum": ["documented", "observed", "single", "inferred"]},
                "verified": {"type": "string"},
                "settle_ms": {"type": "integer", "minimum": 200, "maximum": 60_000},
                "source": {"type": "string"},
                "note": {"type": "string"},
            },
            "additionalProperties": False,
        }
    ),
]


class TechniqueRow(Strict):
    """One row of the techniques table."""

    app: str
    platform: Phone
    goal: Goal
    steps: list[StepEntry]


# --- the rules file --------------------------------------------------------------------------------------------------


class UserDestination(Strict):
    """A destination of the site's own: its smart-link domain, a service the catalogue lacks, or a shipped id, overridden."""

    id: Id
    name: str
    hosts: Annotated[list[Host], Field(min_length=1)]
    goal: Goal = "browser"
    kind: Kind = "smartlink"
    paths: list[PathPattern] = ["/**"]
    android_package: Package | None = None

    def entry(self) -> DestinationEntry:
        """The same as an entry of the catalogue."""
        shapes = [Shape(path=compile_path(pattern).pattern, kind=self.kind) for pattern in self.paths]
        return DestinationEntry(id=self.id, name=self.name, goal=self.goal, mixed_hosts=self.hosts, paths=shapes, android_package=self.android_package)


class Apps(Strict):
    """Which host apps count."""

    only: Annotated[list[AppId], Field(min_length=1)] | None = None
    disable: list[AppId] = []
    add: list[AppEntry] = []


class Destinations(Strict):
    """Which destinations count."""

    only: Annotated[list[DestinationId], Field(min_length=1)] | None = None
    also: list[DestinationId] = []
    disable: list[DestinationId] = []
    add: list[UserDestination] = []


class TechniqueOverride(Strict):
    """Other steps for a host app, or the kill switch of one technique; a key left out means every one of its sort."""

    app: AppId | None = None
    platform: Phone | None = None
    goal: Goal | None = None
    technique: Annotated[str, _known("technique")] | None = None
    enabled: bool | None = None
    steps: Annotated[list[StepEntry], Field(min_length=1)] | None = None


class PageOptions(Strict):
    """How the page is dressed."""

    brand: str | None = None
    title: str | None = None
    accent: Annotated[str, Shaped(COLOUR, "a colour such as '#1db954'")] | None = None
    artwork: Annotated[str, AfterValidator(_artwork)] | None = None
    language: Annotated[str, _known("language")] = "auto"
    template: str | None = None


class QueryParameter(Strict):
    """The destination stands in a query parameter of the request."""

    query: Annotated[str, Field(min_length=1)]


class When(Strict):
    """Which visitors a rule is for; a key left out means every one of its sort."""

    apps: Annotated[list[AppId], Field(min_length=1)] | None = None
    platforms: Annotated[list[Phone], Field(min_length=1)] | None = None
    visitors: Annotated[list[Literal["in-app", "webview"]], Field(min_length=1)] = ["in-app"]
    languages: Annotated[list[str], Field(min_length=1)] | None = None


def _to(value: Any) -> Any:
    if isinstance(value, str) or (isinstance(value, dict) and set(value) == {"query"} and isinstance(value["query"], str) and value["query"]):
        return QueryParameter(query=value["query"]) if isinstance(value, dict) else value
    raise fault("'to' is redirect, page, an https URL (with {captures} of the path), or {query: NAME}")


To = Annotated[
    str | QueryParameter,
    BeforeValidator(_to),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": ["redirect", "page"]},
                {"type": "string", "pattern": "^https?://"},
                {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"], "additionalProperties": False},
            ]
        }
    ),
]


class RuleForm(Strict):
    """One rule: a path, and where it leads."""

    name: str | None = None
    path: PathPattern
    to: To
    when: When = When()
    share: Annotated[float, Field(ge=0, le=100)] = 100
    direct: bool = False


class LabOptions(Strict):
    """The lab, switched on."""

    token: Annotated[str, Shaped(TOKEN, "a token of 16 or more letters, digits, - and _")] | None = None
    file: Annotated[str, Field(min_length=1)] = "escape_lab.sqlite3"


def _lab(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return {} if value else None
    if not isinstance(value, dict):
        raise fault("'lab' is true, false, or a mapping with token and file")
    return value


Lab = Annotated[
    LabOptions | None,
    BeforeValidator(_lab),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "object",
                    "properties": {"token": {"type": "string", "pattern": f"^(?:{TOKEN.pattern})$"}, "file": {"type": "string"}},
                    "additionalProperties": False,
                },
                {"type": "boolean"},
            ]
        }
    ),
]


class RulesFile(Strict):
    """The whole rules file."""

    version: Literal[1]
    mode: Literal["act", "observe", "off"] = "act"
    base_url: Annotated[str, Shaped(BASE_URL, "an origin such as https://label.example, without a path")] | None = None
    allowed_hosts: list[Annotated[str, Shaped(SITE_HOST, "a host name such as label.example, without a port")]] = []
    secret: Annotated[str, Field(min_length=16)] | None = None
    marker: Annotated[str, Shaped(MARKER, "a parameter name such as _esc")] = "_esc"
    vary: bool = False
    exclude: list[PathPattern] = []
    apps: Apps = Apps()
    destinations: Destinations = Destinations()
    techniques: list[TechniqueOverride] = []
    page: PageOptions = PageOptions()
    lab: Lab = None
    rules: Annotated[list[RuleForm], Field(min_length=1)] = [RuleForm(name="every redirect", path="/**", to="redirect")]
