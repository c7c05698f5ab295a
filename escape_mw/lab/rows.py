"""The lab's rows: what there is to try, what each button opens, and how it went so far."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import quote

from ..decision.handoffs import MENU, TECHNIQUES, Handoff, Technique
from ..decision.ladder import DEFAULT
from ..decision.model import GOALS, Goal, StepSpec, Visitor
from ..decision.policy import Policy
from ..web.addresses import LAB_ARRIVED
from .marks import Session, Trial
from .page import Row
from .results import key_of, tallies
from .setup import LabSetup
from .store import WORKED

ASKED_FOR = (
    ("nothing", "Nothing"),
    ("error", "An error"),
    ("question", "A question"),
    ("page", "The web page"),
)
SAID = {WORKED: "Worked: recorded.", "opened": "You said: it opened."} | {
    name: f"You said: {label.lower()}." for name, label in ASKED_FOR
}
TRIGGERS = {"redirect": "by itself", "auto": "by itself", "tap": "by a tap", "written": "in words"}


class Candidate(NamedTuple):
    """One thing to try: `step` as it is tried here, `listed` as this host app's ladder has it."""

    goal: Goal
    step: StepSpec
    listed: StepSpec | None = None

    @property
    def name(self) -> str:
        """Its id on the page and in an answer."""
        return f"{self.goal}.{self.step.technique}.{self.step.trigger}"

    @property
    def technique(self) -> Technique:
        """What is known of its way out."""
        return TECHNIQUES[self.step.technique]

    @property
    def only_asks(self) -> bool:
        """Whether nothing comes back from it, so that a person has to say how it went."""
        return self.goal not in self.technique.arrives

    @property
    def sightings(self) -> tuple[tuple[str, str], ...]:
        """What a person may have seen: sighting and label."""
        opened = "My browser" if self.step.technique == MENU else "The music app"
        return (("opened", opened), *ASKED_FOR) if self.only_asks else ASKED_FOR


def candidates(session: Session, policy: Policy) -> Iterator[Candidate]:
    """Each goal's ladder, then what the platform knows besides; the menu once.

    The first step is tried by a tap and by itself, for there the evidence differs. What hands over
    this site's own address does the same whatever the goal: beyond the ladder it stands below the
    browser.
    """
    app = None if session.app == DEFAULT else session.app
    visitor = Visitor("in-app", app, session.platform)  # type: ignore[arg-type]  # a signed word
    for goal in GOALS:
        steps = policy.ladders.steps_for(visitor, goal)
        ladder = [step for step in steps if step.technique != MENU or goal == "browser"]
        for at, step in enumerate(ladder):
            yield from (Candidate(goal, one, step) for one in _ways(step, is_first=at == 0))
        listed = {step.technique for step in ladder} | {MENU}
        for technique in _of_platform(session):
            other = Candidate(goal, StepSpec(technique, "tap", asks=steps[0].asks))
            if technique not in listed and other.only_asks == (goal == "app"):
                yield other


def _ways(step: StepSpec, *, is_first: bool) -> Iterator[StepSpec]:
    if step.trigger == "written":
        yield step
        return
    yield replace(step, trigger="tap")
    if is_first and TECHNIQUES[step.technique].opens == "link":
        yield replace(step, trigger="auto")


class Place(NamedTuple):
    """Where and when a page is: this site's URL, the page's own, the time in seconds since 1970."""

    site: str
    here: str
    moment: int


def rows(
    session: Session, policy: Policy, setup: LabSetup, at: Place, fired: str = ""
) -> list[Row]:
    """The rows of a page; `fired` names the candidate that this page tries by itself."""
    trials = [
        (one, Trial(session, one.goal, one.step.technique, one.step.trigger))
        for one in candidates(session, policy)
    ]
    sightings = setup.store.sightings([trial for _, trial in trials])
    before = tallies(setup.store.results())
    made = []
    for candidate, trial in trials:
        uri = _uri(candidate, trial, setup, at)
        if uri or candidate.step.technique == MENU:
            tally = before.get(key_of(trial))
            known = _known(candidate) + (f" Here: {tally}." if tally else "")
            row = Row(
                name=candidate.name,
                goal=candidate.goal,
                title=_title(candidate),
                known=known,
                uri=uri,
                opens=candidate.technique.opens,
                words="" if uri else _menu(session, policy),
                wait=candidate.step.wait,
                sightings=candidate.sightings,
                result=SAID.get(sightings.get(trial.key, ""), ""),
                worked=sightings.get(trial.key) == WORKED,
            )
            made.append(_by_itself(row, at.here, fired) if trial.trigger == "auto" else row)
    return made


def _by_itself(row: Row, here: str, fired: str) -> Row:
    """A row whose button loads the page anew, which then opens the URI without a tap."""
    fires = row.uri if row.name == fired and not row.worked else None
    return replace(row, uri=f"{here}&fire={row.name}", fires=fires)


def _uri(candidate: Candidate, trial: Trial, setup: LabSetup, at: Place) -> str | None:
    """What the button opens: an arrival address, or a song where only the music app could tell."""
    make, song, app = candidate.technique.make, setup.song, trial.session.app
    if candidate.only_asks:
        return make(Handoff(song.url, at.here, app, song.android_package, song.app_uri))
    token = setup.tokens.sign_trial(trial, at.moment)
    arrival = f"{at.site}{LAB_ARRIVED}?m={quote(token, safe='~')}"
    return make(Handoff(arrival, arrival, app))


def _of_platform(session: Session) -> list[str]:
    """Every technique for the platform, except those that belong to another host app."""
    return [
        name
        for name, technique in TECHNIQUES.items()
        if technique.is_of(session.app, session.platform)
    ]


def _title(candidate: Candidate) -> str:
    return candidate.technique.title + (", by itself" if candidate.step.trigger == "auto" else "")


def _known(candidate: Candidate) -> str:
    step, listed = candidate.step, candidate.listed
    if listed is None:
        return f"{step.technique}: not in the ladder of this app."
    when = f" {listed.verified}" if listed.verified else ""
    how = TRIGGERS[listed.trigger]
    return f"{step.technique}: in the ladder {how}, {listed.confidence}{when}."


def _menu(session: Session, policy: Policy) -> str:
    app = policy.detector.apps.get(session.app)
    known = app.menu.get(session.platform) if app else None
    if known is None:
        return "By hand: open this app's menu and choose the browser."
    return f"By hand: tap {known.sign} and choose “{known.label}”."
