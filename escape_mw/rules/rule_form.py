"""The form of one rule."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from ..decision.model import Phone
from ..web.urls import HOST
from .fields import AppId, Id, Matching, Pattern, Strict, invalid, short_repr
from .moments import EXAMPLE, moment
from .page_form import PageForm

PER_CENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?) ?%", re.ASCII)
RULE_HOST = re.compile(rf"(?:\*\.)?{HOST}", re.ASCII)


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
