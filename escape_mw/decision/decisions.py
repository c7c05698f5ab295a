"""What is done about a visit: a `Pass`, `AskSite`, `Tag`, `Redirect` or `Page`, with the reason.

It becomes an `Answer`, which any framework can send.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .dress import UNDRESSED, Dress
from .model import Destination, Journey, Step, Visitor

Handover = Literal["", "own", "destination"]

# Why a request was decided as it was; docs/python.md explains each.
Reason = Literal[
    "off",
    "method",
    "browser",
    "bot",
    "arrived",
    "arrived-elsewhere",
    "marked",
    "platform",
    "app",
    "not-navigation",
    "sign-in-return",
    "excluded",
    "no-rule",
    "webview",
    "stay",
    "address",
    "no-redirect",
    "links",
    "no-destination",
    "own-host",
    "words-only",
    "flow",
    "share",
    "holdout",
    "escape",
]


@dataclass(frozen=True, slots=True)
class Pass:
    """Leave the request alone; `reason` says why."""

    reason: Reason
    visitor: Visitor | None = None
    destination: Destination | None = None
    rule: str | None = None
    journey: Journey | None = None


@dataclass(frozen=True, slots=True)
class AskSite:
    """Let the wrapped site answer: only its own redirect tells where the visit leads.

    With `links`, a page that it answers with may get the script's tag.
    """

    visitor: Visitor
    reason: Reason = "no-redirect"
    journey: Journey | None = None
    rule: str | None = None
    links: bool = False


@dataclass(frozen=True, slots=True)
class Tag:
    """Put the script's tag into the page that the site has answered with: its links are caught.

    `token` is what a tap brings back of the visit, "" where it is not measured; `after` is the
    technique that a marker says was tried, "" for none; `settle_ms` is how long the script waits
    for the music app.
    """

    visitor: Visitor
    rule: str
    token: str = ""
    after: str = ""
    settle_ms: int = 2000
    reason: Reason = "links"
    journey: Journey | None = None
    destination: None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    """Answer with a bare redirect to `location`.

    That is a step without a page, or the end of an arrival: at its destination, or, without one, at
    the same address without the marker. `handover` is as in `Page`, "" for an arrival.
    """

    reason: Reason
    location: str
    visitor: Visitor
    destination: Destination | None
    rule: str
    steps: tuple[Step, ...] = ()
    journey: Journey | None = None
    handover: Handover = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Answer with the interstitial.

    `steps` are those that are left, `stay` is the link that continues here.
    `retry` is true when an earlier hand-off came back, `link` is the address to copy, `token` what
    the page reports its stages with, `beacon` the path that it reports to, `menu_marker` the marker
    for the menu's way out (each "" where nothing is measured, or nothing comes back), `dress` how
    it looks, `address` this site's own address of the visit, "" where it cannot be trusted, `home`
    the address to show in its place where the page answers a tap, "" elsewhere. `handover` says
    what is opened elsewhere: this site's own page, which sees arrivals, or the destination.
    """

    reason: Reason
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
    dress: Dress = UNDRESSED
    address: str = ""
    home: str = ""
    handover: Handover = ""


Act = Redirect | Page  # what is answered instead of the site
Decision = Pass | AskSite | Tag | Act
