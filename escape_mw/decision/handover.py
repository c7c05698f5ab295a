"""How a visit is handed over: the ladder's steps made ready, on a page or as a bare redirect."""

from __future__ import annotations

from dataclasses import dataclass

from ..web.addresses import BEACON
from ..web.urls import first_values, path_of
from .decisions import Handover, Page, Redirect
from .dress import Dress
from .handoffs import MENU, TECHNIQUES, Handoff
from .ladder import make_steps
from .model import Destination, Journey, Marker, Step, StepSpec, Subject
from .policy import Case, Rule
from .signals import is_one_time

FIRST = "first"  # what a tap's script calls the step that it did not see
TAGS = frozenset(("utm_source", "utm_medium"))


@dataclass(frozen=True, slots=True)
class HandOver:
    """One visit handed over to one destination.

    The music app gets the destination, the browser this site's own page with a marker.
    """

    case: Case
    destination: Destination
    journey: Journey | None = None

    def decision(self) -> Redirect | Page:
        """The ladder made ready, as a bare redirect where its first step needs no page."""
        name, steps = self.case.rule.name, self._steps()
        handover: Handover = "destination" if self.is_direct else "own"
        location = steps[0].uri
        if location and (steps[0].trigger == "redirect" or self._opens_by_tap(steps[0], location)):
            return Redirect(
                "escape",
                location,
                self.case.visitor,
                self.destination,
                name,
                steps,
                self.journey,
                handover,
            )
        return Page(
            reason="escape",
            visitor=self.case.visitor,
            destination=self.destination,
            rule=name,
            steps=steps,
            stay=self._stay(),
            link=self._link(),
            token=self._beacon_token(),
            retry=self._start > 0 or self._is_after_first,
            journey=self.journey,
            beacon=f"{self.case.visit.root}{BEACON}" if self.journey else "",
            menu_marker=self._menu_marker(),
            dress=self._dress(),
            address=self.own_url,
            home=path_of(self.own_url) if self.case.visit.is_tap else "",
            handover=handover,
        )

    def _opens_by_tap(self, step: Step, uri: str) -> bool:
        """Whether the tap on a plain link opens the step: by a redirect, which keeps its gesture.

        So it is in WebKit and in Chromium (measured 2026-11). A page of the web would load in here.
        """
        marker = self.case.visit.marker
        is_first = marker is None or not marker.technique
        is_link = TECHNIQUES[step.technique].opens == "link" and not uri.startswith("http")
        return self.case.visit.is_tap and self.is_direct and is_first and is_link

    @property
    def is_in_words(self) -> bool:
        """Whether no step is left but the menu in words."""
        return self._steps()[0].trigger == "written"

    def _steps(self) -> tuple[Step, ...]:
        automatic = self.case.visit.marker is None and not self._is_one_time
        steps = make_steps(
            self._specs, self.case.visitor, self._handoff, self._start, automatic=automatic
        )
        if not self._is_after_first:
            return steps
        return steps[1:] if any(step.uri for step in steps[1:]) else steps

    @property
    def _specs(self) -> tuple[StepSpec, ...]:
        return self.case.policy.ladders.steps_for(self.case.visitor, self.destination.goal)

    @property
    def _start(self) -> int:
        return _start(self._specs, self.case.visit.marker, self.case.rule)

    @property
    def _is_after_first(self) -> bool:
        marker = self.case.visit.marker
        return marker is not None and marker.technique == FIRST

    @property
    def is_direct(self) -> bool:
        """Whether the destination itself is handed over: to the music app, and by a tap on it."""
        is_link = self.case.visit.is_tap and not self.case.rule.to.is_page
        return is_link or self.destination.goal == "app"

    @property
    def own_url(self) -> str:
        """This site's own address of the visit."""
        return self.case.visit.url or ""

    @property
    def subject(self) -> Subject:
        """What the visit's tokens say."""
        if self.journey:
            return self.journey.subject
        return Subject(
            "", self.case.rule.key, self.case.visitor.app or "", self.case.visitor.platform
        )

    def _handoff(self, step: StepSpec) -> Handoff:
        page = self._marked(step.technique)
        to = self.destination
        url = to.url if self.is_direct else page
        once = is_one_time(self.case.visit.query)
        return Handoff(url, page, self.case.visitor.app, to.android_package, to.app_uri, once)

    @property
    def _is_one_time(self) -> bool:
        """Whether what is handed over, or falls back, is good for one use: only by a tap, then."""
        query = self.destination.url.partition("?")[2]
        return is_one_time(self.case.visit.query) or is_one_time(query.partition("#")[0])

    def _stay(self) -> str:
        if self.is_direct:
            return self.destination.url
        journey, moment = self.journey, self.case.visit.moment
        token = self.case.policy.tokens.site(self.subject, journey.arm, moment) if journey else ""
        marker = self.case.policy.stays.marker(self.own_url, token, moment)
        return self.case.policy.markers.add_to(self.own_url, marker)

    def _dress(self) -> Dress:
        """What the application says of the visit, over the rule's, over the host's."""
        visit, _, rule, policy = self.case
        dress = policy.dress_of(visit.host)
        captures = rule.path.captures(*visit.paths) if rule.dress else None
        if rule.dress and captures is not None:
            dress = rule.dress.filled(captures).over(dress)
        return visit.dress.over(dress)

    def _link(self) -> str:
        return (
            self.destination.url
            if self.is_direct or self.case.rule.to.is_of_rules
            else self.own_url
        )

    def _menu_marker(self) -> str:
        if self.journey is None or self.is_direct:
            return ""
        return self._marker(MENU)

    def _beacon_token(self) -> str:
        if self.journey is None:
            return ""
        return self.case.policy.tokens.beacon(self.subject, self.case.visit.moment)

    def _marked(self, technique: str) -> str:
        return self.case.policy.markers.add_to(self._tagged_url, self._marker(technique))

    @property
    def _tagged_url(self) -> str:
        """This site's own address, with the words of campaigns where the rule wants them.

        Never beside the site's own, and never on a destination's.
        """
        url, app = self.own_url, self.case.visitor.app
        if not self.case.rule.tag or self.is_direct or app is None:
            return url
        if not TAGS.isdisjoint(first_values(self.case.visit.query, keep_blank=True)):
            return url
        return f"{url}{'&' if '?' in url else '?'}utm_source={app}&utm_medium=in-app"

    def _marker(self, technique: str) -> str:
        moment = self.case.visit.moment
        return self.case.policy.markers.value(self.own_url, technique, self.subject, moment)


def _start(specs: tuple[StepSpec, ...], marker: Marker | None, rule: Rule) -> int:
    """The number of the step to begin with: behind the one that a marker says was tried.

    What another rule's marker says, or that of one that is gone, counts for nothing here.
    """
    if marker is None or marker.technique == MENU or marker.subject.rule != rule.key:
        return 0
    tried = [at for at, spec in enumerate(specs) if spec.technique == marker.technique]
    return tried[-1] + 1 if tried else 0
