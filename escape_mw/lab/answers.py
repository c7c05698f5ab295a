"""The lab: every technique as a button for the phone in your hand, and a record of what got out.

/_escape/lab?token=...     the page: in a host app's webview all techniques, elsewhere how to use it
/_escape/lab/arrived?m=... where a technique leads: opened by a real browser of the same platform,
                           the technique has worked
/_escape/lab/saw?token=... a POST of what the visitor saw instead

The token is compared in constant time; without it, and with a forged trial, the site answers
itself.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import parse_qsl

from ..decision.handoffs import TECHNIQUES
from ..decision.ladder import DEFAULT
from ..decision.model import PHONES, Visit, Visitor
from ..decision.policy import Policy
from ..decision.signals import is_navigation
from ..decision.visitors import platform
from ..decision.visits import visit_of
from ..web.addresses import LAB, LAB_ARRIVED, LAB_SAW
from ..web.answers import Answer
from ..web.logs import logger
from ..web.request import Request
from ..web.routes import POST, READ, Route
from ..web.urls import first_values
from .marks import LIFE, Session, Trial, new_session
from .page import notice, see_other, trial_page
from .rows import Place, candidates, rows
from .setup import LabSetup
from .store import WORKED

MAX_BODY = 2048  # bytes
HOW = (
    "This page shows its techniques inside a host app: send yourself this link in TikTok, Instagram"
    " or another app (in a message, or as the link of your profile), and tap it there, on a phone."
)


def routes(setup: LabSetup, policy: Policy) -> tuple[Route, ...]:
    """The lab's addresses."""

    def at(path: str, answer: Callable[[LabRequest], Answer | None], *methods: str) -> Route:
        def answered(request: Request, moment: int) -> Answer | None:
            lab = _lab_request(request, moment, policy, setup)
            return answer(lab) if lab else None

        return Route(methods, path, answered)

    return (
        at(LAB, LabRequest.page, *READ),
        at(LAB_ARRIVED, LabRequest.arrived, *READ),
        at(LAB_SAW, LabRequest.saw, *POST),
    )


def _lab_request(
    request: Request, moment: int, policy: Policy, setup: LabSetup
) -> LabRequest | None:
    visit = visit_of(request, policy, moment)
    if visit.url is None or policy.excludes(visit.path):
        return None
    site = visit.url.partition("?")[0].removesuffix(request.path)
    return LabRequest(visit, policy, setup, site, request.read_body)


@dataclass(frozen=True)
class LabRequest:
    """One request to the lab: its facts, the policy, the lab's own part, the site's URL, a body."""

    visit: Visit
    policy: Policy
    setup: LabSetup
    site: str
    read_body: Callable[[int], bytes | None]

    @cached_property
    def given(self) -> dict[str, str]:
        """The request's parameters; of several with one name, the first."""
        return first_values(self.visit.query)

    @cached_property
    def visitor(self) -> Visitor:
        """Who asks."""
        return self.policy.detector.visitor(self.visit.user_agent, self.visit.headers)

    @property
    def has_token(self) -> bool:
        """Whether the request has the lab's token."""
        given = self.given.get("token", "").encode("utf-8", "replace")
        return hmac.compare_digest(given, self.setup.tokens.link.encode())

    def page(self) -> Answer | None:
        """Every technique for a visitor in a webview on a phone; elsewhere, how to get there."""
        if not self.has_token:
            return None
        is_in_webview = self.visitor.kind in ("in-app", "webview")
        if not is_in_webview or self.visitor.platform not in PHONES:
            link = f"{self.site}{LAB}?token={self.setup.tokens.link}"
            is_desktop = platform(self.visit.user_agent) == "desktop"
            return notice("Try techniques on a phone", HOW, link=link, scanned=is_desktop)
        session, run = self._session()
        query = self._query(run)
        here = f"{self.site}{LAB}{query}"
        fired = self.given.get("fire", "")
        at = Place(self.site, here, self.visit.moment)
        every = rows(session, self.policy, self.setup, at, fired)
        title = f"Techniques in {self._name(session)}"
        return trial_page(title, every, token=self.setup.tokens.link, query=query)

    def arrived(self) -> Answer | None:
        """What an arrival is told, and its record; None for a trial that was not signed here."""
        trial = self.setup.tokens.read_trial(self.given.get("m", ""), self.visit.moment)
        if trial is None:
            return None
        if not trial.fresh:
            text = (
                f"This link was good for {LIFE // 60} minutes. Go back to the lab and load it anew."
            )
            return notice("Too late", text, status="410 Gone")
        title = TECHNIQUES[trial.technique].title
        if self.visitor.kind in ("in-app", "webview"):
            text = f"{title}: not out. Go back to the lab and say that you saw the web page."
            return notice(f"Still inside {self._name(trial.session)}", text)
        if not self._counts(trial):
            text = f"{title}: only the browser of the phone that tried it counts."
            return notice("Not counted", text)
        return self._confirmed(trial)

    def saw(self) -> Answer | None:
        """Record what the visitor saw, and go back to the page."""
        if not self.has_token:
            return None
        body = self.read_body(MAX_BODY)
        if body is None:
            text = "That is not an answer of this page."
            return notice("Not taken", text, status="413 Content Too Large")
        run = self.given.get("run", "")
        session = self.setup.tokens.read_session(run, self.visit.moment)
        name, sighting = next(iter(parse_qsl(body.decode("latin-1"))), ("", ""))
        every = candidates(session, self.policy) if session else ()
        asked = next((candidate for candidate in every if candidate.name == name), None)
        if session is None or asked is None or sighting not in dict(asked.sightings):
            text = "The page is too old, or that is not an answer of it. Load the lab anew."
            return notice("Not taken", text, status="400 Bad Request")
        trial = Trial(session, asked.goal, asked.step.technique, asked.step.trigger)
        self._record(trial, sighting)
        return see_other(f"{self.site}{LAB}{self._query(run)}#{asked.name}")

    def _counts(self, trial: Trial) -> bool:
        """Whether this is the other side of the hand-off.

        That is a person's navigation, in a browser of the same platform: host apps have links
        looked at by programs with a desktop browser's agent. An iPad calls itself a Mac.
        """
        agent, tried_on = self.visit.user_agent, trial.session.platform
        is_ipad = tried_on == "ios" and "(Macintosh;" in agent
        is_same = is_ipad or platform(agent) == tried_on
        return self.visitor.kind == "browser" and is_same and is_navigation(self.visit)

    def _confirmed(self, trial: Trial) -> Answer:
        name = self._name(trial.session)
        title = TECHNIQUES[trial.technique].title
        text = f"{title}: out of {name}. Go back there for the next one."
        if self.visit.method == "HEAD":
            return notice("It worked", text)
        new = self._record(trial, WORKED)
        if new is None:
            why = "The lab's file cannot be used; the site's log says why."
            return notice("It worked: not recorded", text, why)
        return notice("It worked: recorded" if new else "It worked: already recorded", text)

    def _record(self, trial: Trial, sighting: str) -> bool | None:
        new = self.setup.store.record(trial, sighting, self.visit.moment)
        if new:
            session = trial.session
            logger.info(
                "lab: %s (%s) in %s %s on %s, goal %s: %s",
                trial.technique,
                trial.trigger,
                session.app,
                session.app_version,
                session.platform,
                trial.goal,
                sighting,
                extra={
                    "app": session.app,
                    "platform": session.platform,
                    "technique": trial.technique,
                    "trigger": trial.trigger,
                    "outcome": sighting,
                },
            )
        return new

    def _session(self) -> tuple[Session, str]:
        """The session that the link names, if it is this visitor's, else a new one.

        With it, how it is signed, with its own date.
        """
        visitor = self.visitor
        fresh = new_session(visitor.app or DEFAULT, visitor.app_version, visitor.platform)
        run = self.given.get("run", "")
        named = self.setup.tokens.read_session(run, self.visit.moment)
        if named and named.place == fresh.place:
            return named, run
        return fresh, self.setup.tokens.sign_session(fresh, self.visit.moment)

    def _query(self, run: str) -> str:
        return f"?token={self.setup.tokens.link}&run={run}"

    def _name(self, session: Session) -> str:
        app = self.policy.detector.apps.get(session.app)
        return f"{app.name} {session.app_version}".rstrip() if app else "this app"
