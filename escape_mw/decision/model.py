"""The values that flow through the middleware: frozen, and free of other modules' imports.

A request becomes a `Visit`; who asks becomes a `Visitor`; where to becomes a `Destination`; what is
done about it becomes a `Decision` (`Pass`, `AskSite`, `Redirect` or `Page`), and that becomes an
`Answer` that any framework can send.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Platform = Literal["ios", "android", "desktop", "other"]
Goal = Literal["app", "browser"]
Trigger = Literal["redirect", "auto", "tap", "written"]


@dataclass(frozen=True, slots=True)
class Visit:
    """The facts of one request.

    `path` is the decoded path below the host (SCRIPT_NAME + PATH_INFO, UTF-8 with surrogate
    escapes), `query` the raw query string without its marker, `host` the name that the request came
    in by, `url` the address as the visitor's browser shows it, None where it cannot be trusted,
    `root` the quoted path that the middleware stands at. `headers` has lower-case names. `id` is
    random, "" where nothing is measured; `address` (the peer's) only draws the arm of an
    experiment, and is never kept.
    """

    method: str
    path: str
    query: str
    url: str | None
    host: str = ""
    user_agent: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    marker: Marker | None = None
    root: str = ""
    id: str = ""
    address: str = field(default="", repr=False)


class Journey(NamedTuple):
    """What all events of one visit share.

    It travels in the visit's own signed token, so that nothing is stored for it.
    `rule` is the rule's number from 0, `app_version` the host app's major version; `experiment` and
    `arm` are "" outside of one; `service`, `kind` and `goal` are "" as long as the site has not
    said where the visit leads.
    """

    id: str
    rule: int
    app: str
    app_version: str
    platform: str
    service: str
    kind: str
    goal: str
    experiment: str
    arm: str

    @property
    def payload(self) -> str:
        """The journey as text that stands for itself in every part of a URL."""
        return "~".join(map(str, self))

    @classmethod
    def read(cls, payload: str) -> Journey | None:
        """The journey that a trusted token tells of, None where it tells of none."""
        parts = payload.split("~")
        return cls(parts[0], int(parts[1]), *parts[2:]) if len(parts) == len(cls._fields) else None


@dataclass(frozen=True, slots=True)
class Marker:
    """What a marked URL says: the step that was tried, by which rule, in which visit.

    `raw` is its value as it stood in the URL. `step` is a number from 0, None for "continue here".
    `trusted` says whether the signature held; an untrusted marker can only make the decision more
    careful. A trusted one brings the `id` of its visit, and its `journey` where it is measured.
    """

    raw: str
    step: int | None
    rule: int = 0
    id: str = ""
    journey: Journey | None = None
    trusted: bool = False

    @property
    def payload(self) -> str:
        """What the marker's token says of its visit."""
        return self.journey.payload if self.journey else self.id


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks. `kind` is in-app (a named host app), webview (an unnamed one), bot or browser."""

    kind: Literal["in-app", "webview", "bot", "browser"]
    app: str | None = None
    platform: Platform = "other"
    app_version: str | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the visit leads.

    `url` is kept byte for byte; `app_uri` is the music app's own address of it, if known.
    """

    service: str
    name: str
    kind: str
    id: str | None
    url: str
    goal: Goal
    app_uri: str | None = None
    android_package: str | None = None


@dataclass(frozen=True, slots=True)
class StepSpec:
    """One entry of the techniques table: what to try, how it may be fired, and how sure that is.

    `settle_ms` is how long the page waits, in milliseconds, before it calls the hand-off failed.
    """

    technique: str
    trigger: Trigger
    confidence: str = "inferred"
    verified: str | None = None
    settle_ms: int = 2000
    source: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A step made ready for this visit: `uri` is what it opens, None where only words help."""

    technique: str
    trigger: Trigger
    uri: str | None
    settle_ms: int
    confidence: str


@dataclass(frozen=True, slots=True)
class Pass:
    """Leave the request alone; `reason` says why, in one of a fixed set of words."""

    reason: str
    visitor: Visitor | None = None
    destination: Destination | None = None
    rule: str | None = None
    journey: Journey | None = None


@dataclass(frozen=True, slots=True)
class AskSite:
    """Let the wrapped site answer: only its own redirect tells where the visit leads."""

    visitor: Visitor
    reason: str = "no-redirect"
    journey: Journey | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    """Answer with a bare redirect to `location`: a step without a page, or an arrival's end."""

    reason: str
    location: str
    visitor: Visitor
    destination: Destination
    rule: str
    steps: tuple[Step, ...] = ()
    journey: Journey | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Answer with the interstitial.

    `steps` are those that are left, `stay` is the link that continues here.
    `retry` is true when an earlier hand-off came back, `link` is the address to copy, `token` the
    visit's signed id, `beacon` the path that the page reports to, `menu_marker` the marker for the
    menu's way out (each "" where nothing is measured, or nothing comes back).
    """

    reason: str
    visitor: Visitor
    destination: Destination
    rule: str
    steps: tuple[Step, ...]
    stay: str
    link: str
    token: str
    retry: bool = False
    journey: Journey | None = None
    beacon: str = ""
    menu_marker: str = ""


Decision = Pass | AskSite | Redirect | Page
