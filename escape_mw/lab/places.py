"""The lab: every technique as a button for the phone in your hand, and a record of what got out.

`answer(visit, place, body, rules)` answers the lab's three places and leaves every other request alone:

/_escape/lab?token=...     the page: in a host app's webview every technique, anywhere else how to use it
/_escape/lab/arrived?m=... where a technique leads: opened by a real browser of the same platform, the row has worked
/_escape/lab/saw?token=... a POST of what the visitor saw instead

The token is compared in constant time; without it, with a forged mark or by another method, the site answers itself.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import parse_qsl

from ..decide import is_navigation
from ..ladder import DEFAULT
from ..logs import logger
from ..model import Answer, Visit, Visitor
from ..policy import LabSetup, Rules
from ..visitors import platform
from .marks import LIFE, Mark, Round, new_round
from .page import bench, notice, see_other
from .rows import ARRIVED, rows, tries
from .store import WORKED

PAGE, SAW = "/_escape/lab", "/_escape/lab/saw"
READ = ("GET", "HEAD")
MAX_BODY = 2048
HOW = (
    "This page shows its techniques inside a host app: send yourself this link in TikTok, Instagram or another app "
    "(in a message, or as the link of your profile), and tap it there, on a phone."
)

Body = Callable[[], bytes | None]


def answer(visit: Visit, place: str, body: Body, rules: Rules) -> Answer | None:
    """What the lab answers, None to leave the request to the site.

    `place` is the path below the site's own; `body` reads the request's body, None where it is too long or of unknown
    length, and is called for a POST with the right token only.
    """
    if rules.lab is None or visit.url is None or rules.excluded(visit.path):
        return None
    room = Room(visit, rules, rules.lab, visit.url.partition("?")[0].removesuffix(place))
    if place == ARRIVED and visit.method in READ:
        return room.arrived()
    if not hmac.compare_digest(
        room.given.get("token", "").encode("utf-8", "replace"), rules.lab.token.encode()
    ):
        return None
    if place == PAGE and visit.method in READ:
        return room.page()
    return room.saw(body()) if place == SAW and visit.method == "POST" else None


@dataclass(frozen=True)
class Room:
    """One request to the lab: the facts of the visit, the rules and the lab's own part of them, and our own site's URL."""

    visit: Visit
    rules: Rules
    setup: LabSetup
    site: str

    @cached_property
    def given(self) -> dict[str, str]:
        """The request's parameters; of several with one name, the first."""
        return dict(reversed(parse_qsl(self.visit.query)))

    @cached_property
    def visitor(self) -> Visitor:
        """Who asks."""
        return self.rules.visitors.visitor(self.visit.user_agent, self.visit.headers)

    def page(self) -> Answer:
        """Every technique for a visitor in a webview on a phone; for anybody else how to get there."""
        if self.visitor.kind not in ("in-app", "webview") or self.visitor.platform not in (
            "ios",
            "android",
        ):
            return notice(
                "Try techniques on a phone", HOW, link=f"{self.site}{PAGE}?token={self.setup.token}"
            )
        round_, run = self._round()
        query = self._query(run)
        every = rows(round_, self.rules, self.setup, self.site, f"{self.site}{PAGE}{query}")
        return bench(
            f"Techniques in {self._name(round_)}", every, token=self.setup.token, query=query
        )

    def arrived(self) -> Answer | None:
        """What an arrival is told, and the record of it; None for a mark that is none of ours."""
        mark = self.setup.marks.read_mark(self.given.get("m", ""))
        if mark is None:
            return None
        if not mark.fresh:
            return notice(
                "Too late",
                f"This link was good for {LIFE // 60} minutes. Go back to the lab and load it anew.",
                status="410 Gone",
            )
        if self.visitor.kind in ("in-app", "webview"):
            told = f"{mark.technique} did not get out. Go back to the lab and say that you saw the web page."
            return notice(f"Still inside {self._name(mark.round)}", told)
        if not self._counts(mark):
            return notice(
                "Not counted", f"Only the browser of the phone that tried {mark.technique} counts."
            )
        return self._worked(mark)

    def saw(self, body: bytes | None) -> Answer:
        """Record what the visitor saw, and go back to the page."""
        if body is None or len(body) > MAX_BODY:
            return notice(
                "Not taken", "That is no answer of this page.", status="413 Content Too Large"
            )
        run = self.given.get("run", "")
        round_ = self.setup.marks.read_round(run)
        name, outcome = next(iter(parse_qsl(body.decode("latin-1"))), ("", ""))
        asked = (
            next((one for one in tries(round_, self.rules) if one.name == name), None)
            if round_
            else None
        )
        if round_ is None or asked is None or outcome not in dict(asked.answers):
            return notice(
                "Not taken",
                "The page is too old, or that is no answer of it. Load the lab anew.",
                status="400 Bad Request",
            )
        self._record(Mark(round_, asked.goal, asked.rung.technique), outcome)
        return see_other(f"{self.site}{PAGE}{self._query(run)}#{asked.name}")

    def _counts(self, mark: Mark) -> bool:
        """Whether this is the other side of the hand-off: a person's navigation, in a browser of the same platform.

        Host apps have links looked at by programs with a desktop browser's agent; an iPad calls itself a Mac.
        """
        agent = self.visit.user_agent
        same = platform(agent)[0] == mark.round.platform or (
            mark.round.platform == "ios" and "(Macintosh;" in agent
        )
        return self.visitor.kind == "browser" and same and is_navigation(self.visit)

    def _worked(self, mark: Mark) -> Answer:
        told = (
            f"{mark.technique} got out of {self._name(mark.round)}. Go back there for the next one."
        )
        if self.visit.method == "HEAD":
            return notice("It worked", told)
        new = self._record(mark, WORKED)
        if new is None:
            return notice(
                "It worked: not recorded",
                told,
                "The lab's file cannot be used; the site's log says why.",
            )
        return notice("It worked: recorded" if new else "It worked: already recorded", told)

    def _record(self, mark: Mark, outcome: str) -> bool | None:
        new = self.setup.store.record(mark, outcome)
        if new:
            logger.info(
                "lab: %s in %s %s on %s, goal %s: %s",
                mark.technique,
                mark.round.app,
                mark.round.app_version,
                mark.round.platform,
                mark.goal,
                outcome,
            )
        return new

    def _round(self) -> tuple[Round, str]:
        """The round that the link names, if it is this visitor's, else a new one; and how it is signed, with its own date."""
        fresh = new_round(
            self.visitor.app or DEFAULT, self.visitor.app_version, self.visitor.platform
        )
        run = self.given.get("run", "")
        named = self.setup.marks.read_round(run)
        return (
            (named, run)
            if named and named[:3] == fresh[:3]
            else (fresh, self.setup.marks.sign_round(fresh))
        )

    def _query(self, run: str) -> str:
        return f"?token={self.setup.token}&run={run}"

    def _name(self, round_: Round) -> str:
        app = self.rules.visitors.apps.get(round_.app)
        return f"{app.name} {round_.app_version}".rstrip() if app else "this app"
