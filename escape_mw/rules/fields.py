"""The fields of the catalogue and the rules file: what each must look like, in plain words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError, core_schema

from ..decision.entries import ID
from ..decision.handoffs import PACKAGE
from ..web.paths import PathPattern, PatternError, compile_path

Release = Literal["track", "album", "artist", "playlist", "episode", "show"]
Link = Literal["presave", "smartlink", "shortlink", "oauth", "other"]
Kind = Literal[Release, Link]
Certainty = Literal["high", "medium", "low"]

HOST = re.compile(
    r"(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]*[a-z0-9])?", re.ASCII
)

# Examples in the documentation of version 0.1: everybody knows them.
DOCUMENTED = frozenset({"0f4c8a71d2be4b0d", "7c1e52a9f0b84d36"})
SECRET_LENGTH, SECRET_VARIETY = 16, 8  # characters, and how many different ones
SECRET_HINT = "'escape-mw secret' prints a good one"  # noqa: S105 - what to do


def short_repr(value: object) -> str:
    """A value, short enough for one line."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def invalid(message: str) -> PydanticCustomError:
    """A problem in this package's own words."""
    return PydanticCustomError("rules", "{message}", {"message": message})


@dataclass(frozen=True)
class Matching:
    """Text that matches a pattern, which editors read from the JSON Schema.

    `what` says what is wanted, after "is not".
    """

    pattern: re.Pattern[str]
    what: str

    def check(self, value: str) -> str:
        """The value, if it has the form."""
        if not self.pattern.fullmatch(value):
            raise PydanticCustomError("no_match", "is not {what}", {"what": self.what})
        return value

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^(?:{self.pattern.pattern})$"}


def _host(value: str) -> str:
    if not value.isascii():
        raise invalid(f"{value!r} is not ASCII; write the host in punycode (xn--...)")
    if not HOST.fullmatch(value):
        raise invalid(
            f"{value!r} is not a host such as go.label.example or *.lnk.label.example"
            " (lower case, no scheme, port or path)"
        )
    if value.startswith("*.") and value.count(".") < 2:
        raise invalid(
            f"{value!r} would allow a whole top-level domain; name at least two labels after the *"
        )
    return value


def _strong(value: str) -> str:
    """A secret that cannot be guessed; blanks do not count, and the message never repeats it."""
    text = value.strip()
    if text in DOCUMENTED:
        raise invalid(
            "stands in this package's documentation, so anybody could sign with it; " + SECRET_HINT
        )
    if len(text) < SECRET_LENGTH or len(set(text) - {" "}) < SECRET_VARIETY:
        raise invalid(
            f"must have {SECRET_LENGTH} characters or more, {SECRET_VARIETY} of them different,"
            f" so that nobody can guess it; {SECRET_HINT}"
        )
    return value


def known_id(sort: str) -> AfterValidator:
    """An id of the catalogue in force: the validation context lists them by sort.

    A host app's id takes the place of another name for it (`also_called`).
    """

    def check(value: str, info: ValidationInfo) -> str:
        context = info.context or {}
        known = context.get(sort)
        if sort == "app" and not (known and value in known):
            value = context.get("also_called", {}).get(value, value)
        if known is not None and value not in known:
            raise PydanticCustomError(
                "unknown_id",
                "{value} is not a known {sort}",
                {"value": value, "sort": sort, "known": known},
            )
        return value

    return AfterValidator(check)


def _pattern(value: Any) -> PathPattern:
    if isinstance(value, PathPattern):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "must be text")
    try:
        return compile_path(value)
    except PatternError as error:
        raise invalid(str(error)) from None


Id = Annotated[str, Matching(ID, "a kebab-case id of at most 48 characters, such as our-links")]
Host = Annotated[
    str, AfterValidator(_host), Field(json_schema_extra={"pattern": f"^(?:{HOST.pattern})$"})
]
Secret = Annotated[
    str, AfterValidator(_strong), Field(json_schema_extra={"minLength": SECRET_LENGTH})
]
Package = Annotated[str, Matching(PACKAGE, "an Android package name such as com.spotify.music")]
AppId = Annotated[str, known_id("app")]
DestinationId = Annotated[str, known_id("destination")]
Pattern = Annotated[
    PathPattern,
    PlainValidator(_pattern),
    PlainSerializer(lambda pattern: pattern.source, return_type=str),
    WithJsonSchema({"type": "string"}),
]
EVERYWHERE = compile_path("/**")


class Strict(BaseModel):
    """Unknown keys and values of a near type are problems, never guesses."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)
