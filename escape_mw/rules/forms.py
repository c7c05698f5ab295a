"""The forms of what the rules add to the catalogue: a host app, and the steps of a ladder."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, WithJsonSchema

from ..decision.entries import AppEntry
from ..decision.handoffs import MENU, TECHNIQUES
from ..decision.model import PHONES, Confidence, Phone, StepSpec, Trigger
from .fields import Certainty, Id, Package, Strict, invalid, known_id

SPELT_OUT = {"technique", "trigger"}  # what a step's one key says


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _step(value: Any) -> Any:
    """`{intent-app: tap, ...}` names technique and trigger in one; spell it out."""
    if not isinstance(value, dict):
        return value
    named = [key for key in value if key in TECHNIQUES]
    if len(named) != 1 or SPELT_OUT & value.keys():
        raise invalid(
            "a step is one technique and its trigger, such as 'intent-app: tap';"
            f" the techniques are {', '.join(TECHNIQUES)}"
        )
    if (named[0] == MENU) != (value[named[0]] == "written"):
        raise invalid(f"'written' is the trigger of {MENU!r}, and of nothing else")
    return {
        "technique": named[0],
        "trigger": value[named[0]],
        **{key: item for key, item in value.items() if key != named[0]},
    }


Labels = dict[Annotated[str, known_id("language")], str]


class MenuForm(Strict):
    """The host app's own way out, in its own words; a label alone is for every language."""

    sign: str
    label: str | Labels = {}
    similar: Labels = {}
    corner: Literal["top-right", "bottom-right"] | None = None


class AppForm(Strict):
    """One host app (catalogue/apps.yaml says what each key means)."""

    id: Id
    name: str
    tokens: list[Annotated[str, Field(min_length=3)]] = []
    not_tokens: list[Annotated[str, Field(min_length=1)]] = []
    version_after: list[str] = []
    also_called: list[Id] = []
    opt_in: bool = False
    platforms: list[Phone] = [*PHONES]
    ipad_as_mac: bool = False
    android_package: Annotated[list[Package], BeforeValidator(_as_list)] = []
    menu: dict[Phone, MenuForm] = {}
    confidence: Certainty | None = None
    verified: str | None = None
    source: str | None = None

    def entry(self) -> AppEntry:
        """The same as a plain value."""
        return AppEntry.from_data(self.model_dump(exclude_defaults=True))


class StepForm(Strict):
    """One step, written `technique: trigger` with what is known of it."""

    technique: str
    trigger: Trigger
    confidence: Confidence = "inferred"
    verified: str | None = None
    settle_ms: Annotated[int, Field(ge=200, le=60_000)] | None = None
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
                **{name: {"enum": [*get_args(Trigger)]} for name in TECHNIQUES},
                "confidence": {"enum": [*get_args(Confidence)]},
                "verified": {"type": "string"},
                "settle_ms": {"type": "integer", "minimum": 200, "maximum": 60_000},
                "source": {"type": "string"},
                "note": {"type": "string"},
            },
            "additionalProperties": False,
        }
    ),
]
