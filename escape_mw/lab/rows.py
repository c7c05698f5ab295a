"""The lab's rows: what there is to try, what each button opens, and how it went so far."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote

from ..decision.handoffs import TECHNIQUES, Handoff
from ..decision.ladder import DEFAULT
from ..decision.model import Goal, StepSpec, Visitor
from ..decision.policy import Policy
from ..web.addresses import LAB_ARRIVED
from .marks import Session, Trial
from .page import Row
from .results import GOALS, Key, tallies
from .setup import LabSetup
from .store import WORKED

ANSWERS = (
    ("nothing", "Nothing"),
    ("error", "An error"),
    ("question", "A question"),
    ("page", "The web page"),
)
SAID = {WORKED: "Worked: recorded.", "opened": "You said: it opened."} | {
    name: f"You said: {label.lower()}." for name, label in ANSWERS
}
TRIGGERS = {"redirect": "by itself", "auto": "by itself", "tap": "a tap", "written": "in words"}


class Candidate(NamedTuple):
    """One thing to try; `listed` says whether this host app's ladder has it."""

    goal: Goal
    step: StepSpec
    listed: bool

    @property
    def name(self) -> str:
        """Its id on the page and in an answer."""
        return f"{self.goal}.{self.step.technique}"

    @property
    def only_asks(self) -> bool:
        """Whether nothing comes back from it.

        The music app never does, nor does the menu's way bring a trial.
        """
        technique = self.step.technique
        if technique in ("intent-app", "app-scheme", "menu"):
            return True
        return technique == "https-link" and self.goal == "app"

    @property
    def answers(self) -> tuple[tuple[str, str], ...]:
        """What a person may have seen: outcome and label."""
        opened = "My browser" if self.step.technique == "menu" else "The music app"
        return (("opened", opened), *ANSWERS) if self.only_asks else ANSWERS


def candidates(session: Session, policy: Policy) -> Iterator[Candidate]:
    """Each goal's ladder, then what the platform knows besides; the menu once.

    What hands over this site's own address does the same whatever the goal: beyond the ladder it
    stands below the browser.
    """
    app = None if session.app == DEFAULT else session.app
    visitor = Visitor("in-app", app, session.platform)  # type: ignore[arg-type]  # a signed word
    for goal in GOALS:
        steps = policy.ladders.steps_for(visitor, goal)
        ladder = [step for step in steps if step.technique != "menu" or goal == "browser"]
        listed = {step.technique for step in ladder} | {"menu"}
        yield from (Candidate(goal, step, True) for step in ladder)
        for step in _of_platform(policy, session.platform, goal):
            other = Candidate(goal, step, False)
            if step.technique not in listed and other.only_asks == (goal == "app"):
                yield other


def rows(session: Session, policy: Policy, setup: LabSetup, site: str, here: str) -> list[Row]:
    """The rows of a page. `site` is this site's URL, `here` the page's own."""
    trials = [
        (candidate, Trial(session, candidate.goal, candidate.step.technique))
        for candidate in candidates(session, policy)
    ]
    outcomes = setup.store.outcomes([trial for _, trial in trials])
    before = tallies(setup.store.results())
    made = []
    for candidate, trial in trials:
        uri = _uri(candidate, trial, setup, site, here)
        if uri or candidate.step.technique == "menu":
            key = Key(session.app, session.platform, *trial[1:3])  # type: ignore[arg-type]
            known = _known(candidate) + (f" Here: {before[key]}." if key in before else "")
            words = "" if uri else _menu(session, policy)
            made.append(_row(candidate, known, uri, words, outcomes.get(trial.key)))
    return made


def _row(candidate: Candidate, known: str, uri: str | None, words: str, outcome: str | None) -> Row:
    return Row(
        name=candidate.name,
        goal=candidate.goal,
        technique=candidate.step.technique,
        known=known,
        uri=uri,
        words=words,
        settle_ms=candidate.step.settle_ms,
        answers=candidate.answers,
        result=SAID.get(outcome or "", ""),
        worked=outcome == WORKED,
    )


def _uri(candidate: Candidate, trial: Trial, setup: LabSetup, site: str, here: str) -> str | None:
    """What the button opens: an arrival address, or a song where only the music app could tell."""
    make, song, app = TECHNIQUES[trial.technique], setup.song, trial.session.app
    if candidate.only_asks:
        return make(Handoff(song.url, here, app, song.android_package, song.app_uri))
    arrival = f"{site}{LAB_ARRIVED}?m={quote(setup.tokens.sign_trial(trial), safe='~')}"
    return make(Handoff(arrival, arrival, app))


def _of_platform(policy: Policy, platform: str, goal: Goal) -> list[StepSpec]:
    """Every technique that some ladder of this platform and goal has, as a tap.

    Those that the rules switch off are among them.
    """
    ladders = policy.ladders
    own = ((row[1], row[2], row[3]) for row in ladders.rows())
    shipped = ((row.platform, row.goal, row.steps) for row in ladders.shipped)
    settle = {
        step.technique: step.settle_ms
        for where, aim, steps in (*own, *shipped)
        if (where, aim) == (platform, goal)
        for step in steps
    }
    return [
        StepSpec(technique, "tap", settle_ms=settle[technique])
        for technique in TECHNIQUES
        if technique in settle
    ]


def _known(candidate: Candidate) -> str:
    if not candidate.listed:
        return "Not in the ladder of this app."
    step = candidate.step
    when = f" {step.verified}" if step.verified else ""
    return f"In the ladder: {TRIGGERS[step.trigger]}, {step.confidence}{when}."


def _menu(session: Session, policy: Policy) -> str:
    app = policy.visitors.apps.get(session.app)
    known = app.menu.get(session.platform) if app else None
    if known is None:
        return "By hand: open this app's menu and choose the browser."
    return f"By hand: tap {known.sign} and choose “{known.label}”."
