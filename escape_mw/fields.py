"""The fields that the catalogue and the rules file are made of: what each must look like, told in our words."""

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
    ValidationInfo,
)
from pydantic_core import PydanticCustomError, core_schema

from .handoffs import PACKAGE
from .paths import PatternError, compile_path

Kind = Literal[
    "track",
    "album",
    "artist",
    "playlist",
    "episode",
    "show",
    "presave",
    "smartlink",
    "shortlink",
    "oauth",
    "other",
]
Goal = Literal["app", "browser"]
Phone = Literal["ios", "android"]
Trigger = Literal["redirect", "auto", "tap", "written"]
Confidence = Literal["documented", "observed", "single", "inferred"]
Certainty = Literal["high", "medium", "low"]

HOST = re.compile(
    r"(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]*[a-z0-9])?", re.ASCII
)
ID = re.compile(r"(?=.{1,48}$)[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)


def shown(value: object) -> str:
    """A value, short enough for one line."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def fault(message: str) -> PydanticCustomError:
    """A problem in our own words."""
    return PydanticCustomError("rules", "{message}", {"message": message})


@dataclass(frozen=True)
class Shaped:
    """Text of a form, told in our words; editors learn the pattern from the JSON Schema. A `secret` is never repeated."""

    pattern: re.Pattern[str]
    what: str
    secret: bool = False

    def check(self, value: str) -> str:
        """The value, if it has the form."""
        if not self.pattern.fullmatch(value):
            raise fault(f"{'this' if self.secret else repr(value)} is not {self.what}")
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
        raise fault(f"{value!r} is not ASCII; write the host in punycode (xn--...)")
    if not HOST.fullmatch(value):
        raise fault(
            f"{value!r} is not a host such as go.label.example or *.lnk.label.example (lower case, no scheme, port or path)"
        )
    if value.startswith("*.") and value.count(".") < 2:
        raise fault(
            f"{value!r} would allow a whole top-level domain; name at least two labels after the *"
        )
    return value


def known(sort: str) -> AfterValidator:
    """An id that must stand in the catalogue in force: the validation context lists them by sort."""

    def check(value: str, info: ValidationInfo) -> str:
        known = (info.context or {}).get(sort)
        if known is not None and value not in known:
            raise PydanticCustomError(
                "unknown_id",
                "{value} is no known {sort}",
                {"value": value, "sort": sort, "known": known},
            )
        return value

    return AfterValidator(check)


def _pattern(value: str) -> str:
    try:
        compile_path(value)
    except PatternError as error:
        raise fault(f"{error}") from None
    return value


Id = Annotated[str, Shaped(ID, "an id in kebab-case of 48 characters at most, such as our-links")]
Host = Annotated[
    str, AfterValidator(_host), Field(json_schema_extra={"pattern": f"^(?:{HOST.pattern})$"})
]
Package = Annotated[str, Shaped(PACKAGE, "an Android package name such as com.spotify.music")]
AppId = Annotated[str, known("app")]
DestinationId = Annotated[str, known("destination")]
PathPattern = Annotated[str, AfterValidator(_pattern)]


class Strict(BaseModel):
    """Unknown keys and values of a near type are problems, never guesses."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
