"""The served site, measured: what was recorded of its visits, in the events' own words."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from escape_mw.events.event import Event, Record

from ..support.measured import times
from .seen import ScriptError, TimedOutError
from .site import TARGETS, Site, served

BEACON = "/_escape/e"
# Some steps wait a minute here, so that nobody is late who leaves while they are under way; on
# Instagram the first one fires by itself.
OVERRIDES = [
    {
        "app": "instagram",
        "platform": "android",
        "goal": "browser",
        "steps": [{"intent": "auto"}, {"extbrowser": "tap"}],
    },
    {
        "app": "naver",
        "platform": "android",
        "goal": "browser",
        "steps": [{"intent": "tap", "settle_ms": 60_000}, {"https-link": "tap"}],
    },
    {
        "app": "threads",
        "platform": "ios",
        "goal": "browser",
        "steps": [{"extbrowser": "tap", "settle_ms": 60_000}, {"x-safari": "tap"}],
    },
    {
        "app": "kakaotalk",
        "goal": "browser",
        "steps": [{"kakao-external": "auto", "settle_ms": 60_000}],
    },
]
RULES = {
    "events": {"outcomes": ["presave"]},
    "techniques": OVERRIDES,
    "rules": [
        {
            "name": "pre-save",
            "path": "/presave",
            "to": "page",
            "experiment": {"name": "spring", "holdout": 0.5},
        },
        {"name": "landing", "path": "/landing", "to": "page"},
        {"name": "links", "path": "/**", "to": "redirect"},
    ],
}
# The site's own page, which says so when the pre-save has worked.
PAGE = """<!doctype html><title>Site</title><p id=home>Site</p>\
<button id=save data-visit="{visit}">Save</button>
<script>save.onclick = () => \
navigator.sendBeacon("/_escape/outcome/presave", "visit=" + save.dataset.visit)</script>"""
# A beacon that nobody signed: when it is answered, whatever the page said before has been said.
LAST = """
const main = document.querySelector("main");
return (await fetch(main && main.dataset.beacon || BEACON, \
{method: "POST", body: "nobody"})).status;
""".replace("BEACON", json.dumps(BEACON))


@Request.application
def site_with_presave(request: Request) -> Response:
    """The site itself: it carries a visit's token to where an outcome is known."""
    if request.path in TARGETS:
        return redirect(TARGETS[request.path])
    return Response(
        PAGE.format(visit=request.environ.get("escape_mw.visit", "")),
        content_type="text/html; charset=utf-8",
    )


def _told(record: Record) -> str:
    word = getattr(record, "technique", "") or getattr(record, "outcome", "")
    return f"{record.name} {word}".strip()


@dataclass
class Measured:
    """A served site, and where to read the events that its sink was told."""

    site: Site
    read: Callable[[], list[Event]]

    @property
    def url(self) -> str:
        """The site's address on this machine."""
        return self.site.url

    def told(self) -> list[str]:
        """What was recorded, each as "name technique", by the alphabet.

        Also what was only counted, as often as it was.
        """
        return sorted(told for record in self.read() for told in [_told(record)] * times(record))

    def tells(self, engine: Any, story: str) -> None:
        """What was recorded is this and nothing else: "eligible, shown intent", in any order.

        The page in this engine has the last word, a forged one, and that is waited for.
        """
        before = self.told().count("forged")
        eventually(lambda: engine.script(LAST) == 204)
        wanted, end = sorted(story.split(", ")), time.monotonic() + 5
        while (told := self.told()).count("forged") == before or without_forged(told) != wanted:
            if time.monotonic() > end:
                break
            time.sleep(0.01)  # the writer has a thread of its own
        assert without_forged(told) == wanted

    def events(self, name: str) -> list[Event]:
        """The events of this name."""
        return [event for event in self.read() if event.name == name]

    def beacons(self) -> int:
        """How many requests our own address has had."""
        return sum(path.endswith(BEACON) for path in self.site.asked)


@contextmanager
def measured(rules: Any = None, **how: Any) -> Iterator[Measured]:
    """The wrapped site, running, its events in a list."""
    events: list[Event] = []
    with served(
        {**RULES, **(rules or {})}, site_with_presave, sinks=[events.extend], **how
    ) as site:
        yield Measured(site, lambda: list(events))


def without_forged(told: list[str]) -> list[str]:
    return [words for words in told if words != "forged"]


def eventually(condition: Callable[[], Any], seconds: float = 5) -> None:
    """Wait until something holds; a page that is being replaced cannot say yet."""
    end = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except ScriptError:
            pass
        if time.monotonic() > end:
            raise TimedOutError(f"not in {seconds} s")
        time.sleep(0.01)  # nobody tells
