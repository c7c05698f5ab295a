"""The forms of the catalogue's entries, as they are checked before they become plain values."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from ..decision.entries import AppEntry
from ..decision.handoffs import TECHNIQUES
from ..decision.model import Goal, StepSpec, Trigger
from .fields import Certainty, Confidence, Host, Id, Kind, Package, Phone, Strict, invalid


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _step(value: Any) -> Any:
    """`{intent-app: tap, ...}` names technique and trigger in one; spell it out."""
    if not isinstance(value, dict):
        return value
    named = [key for key in value if key in TECHNIQUES]
    if len(named) != 1:
        raise invalid(
            "a step is one technique and its trigger, such as 'intent-app: tap';"
            f" the techniques are {', '.join(TECHNIQUES)}"
        )
    if (named[0] == "menu") != (value[named[0]] == "written"):
        raise invalid("'written' is the trigger of 'menu', and of nothing else")
    return {
        "technique": named[0],
        "trigger": value[named[0]],
        **{key: item for key, item in value.items() if key != named[0]},
    }


class MenuForm(Strict):
    """The host app's own way out, in its own words."""

    sign: str
    label: str
    corner: Literal["top-right", "bottom-right"] | None = None


class AgentExampleForm(Strict):
    """A request known by its package header as well as its agent."""

    agent: str
    package: str


class AppForm(Strict):
    """One host app (catalogue/apps.yaml says what each key means)."""

    id: Id
    name: str
    tokens: list[Annotated[str, Field(min_length=3)]] = []
    not_tokens: list[str] = []
    version_after: list[str] = []
    platforms: list[Phone] = ["ios", "android"]
    android_package: Annotated[list[Package], BeforeValidator(_as_list)] = []
    menu: dict[Phone, MenuForm] = {}
    confidence: Certainty | None = None
    verified: str | None = None
    source: str | None = None
    examples: list[str | AgentExampleForm] = []
    not_examples: list[str] = []

    def entry(self) -> AppEntry:
        """The same as a plain value."""
        return AppEntry.from_data(self.model_dump(exclude_defaults=True))


class CrawlersForm(Strict):
    """Marks of programs that fetch pages without a person."""

    words: list[str]
    stems: list[str]


class BrowsersForm(Strict):
    """Marks of real browsers that are built on a webview."""

    tokens: list[str]
    packages: list[str]


class PathShapeForm(Strict):
    """One form of a service's URLs."""

    path: str
    kind: Kind | dict[str, Kind]
    hosts: list[Host] = []
    query: dict[str, str] = {}
    any_query: list[str] = []
    id: str | None = None
    app_uri: str | None = None
    goal: Goal | None = None


class UrlExampleForm(Strict):
    """A URL, and what it must be taken for."""

    url: str
    kind: Kind
    id: str | None = None
    app_uri: str | None = None


class DestinationForm(Strict):
    """One music or smart-link service (catalogue/destinations.yaml says what each key means)."""

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
    paths: list[PathShapeForm] = []
    opt_in: bool = False
    confidence: Certainty | None = None
    verified: str | None = None
    source: str | None = None
    examples: list[UrlExampleForm] = []
    not_examples: list[str] = []


class StepForm(Strict):
    """One step, written `technique: trigger` with what is known of it."""

    technique: str
    trigger: Trigger
    confidence: Confidence = "inferred"
    verified: str | None = None
    settle_ms: Annotated[int, Field(ge=200, le=60_000)] = 2000
    source: str | None = None
    note: str | None = None

    def spec(self) -> StepSpec:
        """The same as a plain value."""
        return StepSpec(**self.model_dump())


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


class TechniqueRowForm(Strict):
    """One row of the techniques table."""

    app: str
    platform: Phone
    goal: Goal
    steps: list[StepEntry]


class CatalogueForm(Strict):
    """The whole catalogue: its five files by their names."""

    apps: list[AppForm]
    crawlers: CrawlersForm
    browsers: BrowsersForm
    destinations: list[DestinationForm]
    techniques: list[TechniqueRowForm]
