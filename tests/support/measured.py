"""A measured site and what is recorded of its visits."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from webtest import TestApp

from escape_mw import EscapeMiddleware, Event, Tally
from escape_mw.events.event import Record

from .examples import SECRET, SITE
from .marked import set_clock
from .sites import plain

ALBUM = "/bio/1DFixLWuPkv3KT3TnV35m3"
RULES: dict[str, Any] = {
    "version": 1,
    "secret": SECRET,
    "events": {"outcomes": ["presave"]},
    "exclude": ["/admin/**"],
    "rules": [
        {"name": "pre-saves", "path": "/presave/**", "to": "page"},
        {"name": "bio", "path": "/bio/{id}", "to": "https://open.spotify.com/album/{id}"},
        {"name": "redirects", "path": "/**", "to": "redirect"},
    ],
}
MARKER = re.compile(r"_esc=2~[a-z]+(?:-[a-z]+)*~[\w.~-]*\.[0-9a-f]+\.[\w-]{27}")
STAY = "_esc=2~stay~"


def with_each_rule(**more: Any) -> dict[str, Any]:
    """RULES, with more said in each of its rules."""
    return RULES | {"rules": [rule | more for rule in RULES["rules"]]}


def trial(arm: str = "", **more: Any) -> dict[str, Any]:
    """RULES with an experiment in each rule that may have one; it holds out half of the visits.

    With an arm, all go there but one in a billion.
    """
    share = {"holdout": {"escape": 1e-9, "holdout": 1 - 1e-9}[arm]} if arm else {}
    experiment = {"experiment": {"name": "autumn", **share, **more}}
    rules = [rule | (experiment if "{" not in rule["to"] else {}) for rule in RULES["rules"]]
    return RULES | {"rules": rules}


class Measured:
    """A site behind the middleware; its visitors ask, and `events` is what the sink was told."""

    def __init__(self, rules: Any = RULES, app: Any = plain, **options: Any) -> None:
        self.told: list[Event] = []
        self.middleware = EscapeMiddleware(app, rules, sinks=[self.told.extend], **options)
        self.site = TestApp(self.middleware, lint=True)
        self.markers: list[str] = []
        self.stay = ""

    def at(self, moment: float) -> None:
        """Let requests come at a moment, in seconds since 1970."""
        set_clock(self.middleware, moment)

    @property
    def marker(self) -> str:
        """The last marker that an answer held."""
        return self.markers[-1] if self.markers else ""

    def ask(
        self,
        path: str,
        agent: str,
        method: str = "GET",
        body: bytes = b"",
        environ: dict[str, Any] | None = None,
        **headers: str,
    ) -> Any:
        """One request.

        `{M}` in its path stands for the last marker that an answer held, `{M0}` for the first, and
        `{S}` for the last one that says: continue here.
        """
        named = {
            "User-Agent": agent,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        url = SITE + path.replace("{M}", self.marker).replace("{S}", self.stay).replace(
            "{M0}", self.markers[0] if self.markers else ""
        )
        answer = self.site.request(
            url,
            method=method,
            headers=named,
            body=body,
            environ=environ or {"REMOTE_ADDR": "203.0.113.77"},
            expect_errors=True,
        )
        said = unquote(answer.headers.get("Location", "") + answer.body.decode("latin-1"))
        found = MARKER.findall(said)
        self.stay = next((one for one in found if one.startswith(STAY)), self.stay)
        self.markers += [one for one in found if not one.startswith(STAY)][:1]
        return answer

    @property
    def events(self) -> list[Event]:
        """All that was told, by now."""
        flush(self.middleware)
        return self.told

    @property
    def words(self) -> list[str]:
        """The same in short.

        What happened, by which technique and trigger, in which arm; how often, if only counted.
        """
        return [word(event) for event in self.events]


def flush(middleware: EscapeMiddleware) -> None:
    """Let a middleware's sinks have all events now."""
    if measurement := middleware.engine.state.measurement:
        measurement.recorder.flush()


def of_visits(records: Iterable[Record]) -> list[Event]:
    """The events, without what is only counted."""
    return [record for record in records if isinstance(record, Event)]


def times(record: Record) -> int:
    """How often it happened."""
    return record.number if isinstance(record, Tally) else 1


def word(record: Record) -> str:
    """An event or a tally in short."""
    if isinstance(record, Tally):
        return f"{record.name} x{record.number}"
    told = record.name, record.technique, record.trigger, record.outcome, record.arm
    return " ".join(filter(None, told))
