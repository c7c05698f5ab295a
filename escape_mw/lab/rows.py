"""The lab's rows: what there is to try in this host app, in order, what each button opens, and how it went so far."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote

from .. import catalogue
from ..handoffs import TECHNIQUES, Cargo
from ..ladder import DEFAULT
from ..model import Goal, Rung, Visitor
from ..policy import LabSetup, Rules
from .marks import Mark, Round
from .page import Row
from .results import GOALS, Key, tallies
from .store import WORKED

ARRIVED = "/_escape/lab/arrived"
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


class Try(NamedTuple):
    """One thing to try; `listed` says whether this host app's ladder has it."""

    goal: Goal
    rung: Rung
    listed: bool

    @property
    def name(self) -> str:
        """Its id on the page and in an answer."""
        return f"{self.goal}.{self.rung.technique}"

    @property
    def only_asks(self) -> bool:
        """Whether nothing comes back to us: the music app never does, nor does the menu's way bring a mark."""
        return self.rung.technique in ("intent-app", "app-scheme", "menu") or (
            self.rung.technique == "https-link" and self.goal == "app"
        )

    @property
    def answers(self) -> tuple[tuple[str, str], ...]:
        """What a person may have seen: outcome and label."""
        opened = "My browser" if self.rung.technique == "menu" else "The music app"
        return (("opened", opened), *ANSWERS) if self.only_asks else ANSWERS


def tries(round_: Round, rules: Rules) -> Iterator[Try]:
    """Each goal's ladder, then what the platform knows besides; the menu once.

    What hands over our own address does the same whatever the goal: beyond the ladder it stands below the browser.
    """
    visitor = Visitor("in-app", None if round_.app == DEFAULT else round_.app, round_.platform)  # type: ignore[arg-type]
    for goal in GOALS:
        ladder = [
            rung
            for rung in rules.ladders.rungs(visitor, goal)
            if rung.technique != "menu" or goal == "browser"
        ]
        listed = {rung.technique for rung in ladder} | {"menu"}
        yield from (Try(goal, rung, True) for rung in ladder)
        others = (
            Try(goal, rung, False)
            for rung in _of_platform(rules, round_.platform, goal)
            if rung.technique not in listed
        )
        yield from (other for other in others if other.only_asks == (goal == "app"))


def rows(round_: Round, rules: Rules, setup: LabSetup, site: str, here: str) -> list[Row]:
    """The rows of a page. `site` is our own site's URL, `here` the page's own."""
    every = [(one, Mark(round_, one.goal, one.rung.technique)) for one in tries(round_, rules)]
    outcomes = setup.store.outcomes([mark for _, mark in every])
    before = tallies(setup.store.results())
    made = []
    for one, mark in every:
        uri = _uri(one, mark, setup, site, here)
        if uri or one.rung.technique == "menu":
            tally = before.get(Key(round_.app, round_.platform, one.goal, one.rung.technique))  # type: ignore[arg-type]
            known = _known(one) + (f" Here: {tally}." if tally else "")
            made.append(
                _row(one, known, uri, "" if uri else _menu(round_, rules), outcomes.get(mark.key))
            )
    return made


def _row(one: Try, known: str, uri: str | None, words: str, outcome: str | None) -> Row:
    told = SAID.get(outcome or "", "")
    return Row(
        one.name,
        one.goal,
        one.rung.technique,
        known,
        uri,
        words,
        one.rung.settle_ms,
        one.answers,
        told,
        outcome == WORKED,
    )


def _uri(one: Try, mark: Mark, setup: LabSetup, site: str, here: str) -> str | None:
    """What the button opens: our own arrival address, or a song where only the music app could tell."""
    make, song = TECHNIQUES[mark.technique], setup.song
    if one.only_asks:
        return make(Cargo(song.url, here, mark.round.app, song.android_package, song.app_uri))
    arrival = f"{site}{ARRIVED}?m={quote(setup.marks.sign_mark(mark), safe='~')}"
    return make(Cargo(arrival, arrival, mark.round.app))


def _of_platform(rules: Rules, platform: str, goal: Goal) -> list[Rung]:
    """Every technique that some ladder of this platform and goal has, as a tap; those that the rules switch off, too."""
    shipped = (
        (row.platform, row.goal, step.technique, step.settle_ms)
        for row in catalogue.load().techniques
        for step in row.steps
    )
    own = (
        (row[1], row[2], rung.technique, rung.settle_ms)
        for row in rules.ladders.rows()
        for rung in row[3]
    )
    settle = {
        technique: settle_ms
        for where, aim, technique, settle_ms in (*own, *shipped)
        if (where, aim) == (platform, goal)
    }
    return [
        Rung(technique, "tap", settle_ms=settle[technique])
        for technique in TECHNIQUES
        if technique in settle
    ]


def _known(one: Try) -> str:
    if not one.listed:
        return "Not in the ladder of this app."
    when = f" {one.rung.verified}" if one.rung.verified else ""
    return f"In the ladder: {TRIGGERS[one.rung.trigger]}, {one.rung.confidence}{when}."


def _menu(round_: Round, rules: Rules) -> str:
    app = rules.visitors.apps.get(round_.app)
    known = app.menu.get(round_.platform) if app else None  # type: ignore[call-overload]
    return (
        f"By hand: tap {known.sign} and choose “{known.label}”."
        if known
        else "By hand: open this app's menu and choose the browser."
    )
