"""What own results amount to: counted, and as rows of the techniques table to paste."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import NamedTuple, get_args

from ..decision.entries import ID
from ..decision.handoffs import MENU, TECHNIQUES
from ..decision.ladder import DEFAULT, LAST, Ladders
from ..decision.model import GOALS, Goal, Phone, Platform, StepSpec, Trigger, Visitor
from .marks import Trial
from .store import SIGHTINGS, WORKED, Result

SUCCESS = (WORKED, "opened")
TRIGGERS = ("tap", "auto", "written")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class Key(NamedTuple):
    """What results are counted by."""

    app: str
    platform: Platform
    goal: Goal
    technique: str
    trigger: str = "tap"

    @property
    def row(self) -> tuple[str, Platform, Goal]:
        """The row of the techniques table that it belongs to."""
        return self.app, self.platform, self.goal


class Tally(NamedTuple):
    """How often something was tried and worked.

    `last` is the day it worked last, or was tried if it never did.
    """

    tries: int
    worked: int
    last: str
    sightings: Counter[str]

    @property
    def rate(self) -> float:
        """The share of tries that worked."""
        return self.worked / self.tries

    def __str__(self) -> str:
        return f"worked {self.worked}/{self.tries}, {self.last[:7]}"


# By technique: how it is best fired ("" where nobody tried another way), and how that went.
Own = Mapping[str, tuple[str, Tally]]


def key_of(trial: Trial | Result) -> Key:
    """What a try is counted by."""
    where = trial.session if isinstance(trial, Trial) else trial
    return Key(where.app, where.platform, trial.goal, trial.technique, trial.trigger)  # type: ignore[arg-type]  # sound words


def tallies(results: Iterable[Result]) -> dict[Key, Tally]:
    """Results counted, in the order of their first tries.

    Rows that no lab of this version writes are left out.
    """
    rows: dict[Key, list[Result]] = {}
    for result in filter(_is_sound, results):
        rows.setdefault(key_of(result), []).append(result)
    return {key: _tally(tries) for key, tries in rows.items()}


def as_yaml(counted: Mapping[Key, Tally], ladders: Ladders) -> Iterator[str]:
    """The lines of a list that stands under `techniques:`.

    What worked comes first, then the rest in its shipped order; of two ways to fire a technique,
    the one that worked more often. What failed in every try is left out, with a comment. `ladders`
    is the shipped table.
    """
    for app, platform, goal in sorted({key.row for key in counted}):
        own = {key: tally for key, tally in counted.items() if key.row == (app, platform, goal)}
        if app == DEFAULT:
            yield from (
                f"# {_named(key)} in a webview that names no host app, {platform}, {goal}: {tally}"
                for key, tally in own.items()
            )
            continue
        best = _best(own)
        yield from _others(own, best)
        yield from (f"- app: {app}", f"  platform: {platform}", f"  goal: {goal}", "  steps:")
        steps = ladders.steps_for(Visitor("in-app", app, platform), goal)
        yield from (f"    - {_step(step)}" for step in ranked(steps, best))


def ranked(steps: Iterable[StepSpec], own: Own) -> list[StepSpec]:
    """A ladder as own results would have it.

    The surest comes first, then what was not tried; what always failed is left out, and the menu
    stands at the end.
    """
    shipped = {step.technique: step for step in steps}
    order = [*shipped, *(technique for technique in own if technique not in shipped)]
    sure = [technique for technique in order if technique in own and own[technique][1].worked]
    sure.sort(key=lambda technique: -own[technique][1].rate)
    confirmed = [
        _confirmed(shipped.get(technique, StepSpec(technique, "tap")), *own[technique])
        for technique in sure
    ]
    every = [*confirmed, *(step for name, step in shipped.items() if name not in own)]
    menu = [step for step in every if step.trigger == "written"] or [LAST]
    return [*(step for step in every if step.trigger != "written"), *menu]


def _best(own: Mapping[Key, Tally]) -> Own:
    """How each technique is fired best: by itself, unless a tap worked more often."""
    best: dict[str, tuple[str, Tally]] = {
        key.technique: ("", tally) for key, tally in own.items() if key.trigger != "auto"
    }
    for key, tally in own.items():
        if key.trigger == "auto":
            tap = best.get(key.technique)
            taps_more = tap is not None and tap[1].rate > tally.rate
            best[key.technique] = ("tap", tap[1]) if tap and taps_more else ("auto", tally)
    return best


def _confirmed(step: StepSpec, how: str, tally: Tally) -> StepSpec:
    """A step as the lab found it; what fires by itself may do so by a bare redirect too."""
    fired: Trigger = step.trigger
    if how == "tap" or (how == "auto" and fired == "tap"):
        fired = how  # type: ignore[assignment]
    return StepSpec(step.technique, fired, "single", tally.last, step.settle_ms, "lab")


def _others(own: Mapping[Key, Tally], best: Own) -> Iterator[str]:
    """Comments on what is not in the row: what always failed, and the other way to fire."""
    for key, tally in own.items():
        if key.technique == MENU:
            continue
        if not tally.worked:
            counted = (f"{sighting} {count}" for sighting, count in sorted(tally.sightings.items()))
            often = f"{_named(key)} failed {tally.tries} of {tally.tries}"
            yield f"# left out: {often} ({', '.join(counted)}; last {tally.last})"
        elif best[key.technique][0] not in ("", key.trigger):
            yield f"# {_named(key)}: {tally}"


def _named(key: Key) -> str:
    return f"{key.technique} by itself" if key.trigger == "auto" else key.technique


def _step(step: StepSpec) -> str:
    """A step in one line; a JSON string is a YAML string."""
    facts = {"verified": step.verified, "source": step.source, "note": step.note}
    parts = [f"{step.technique}: {step.trigger}", f"confidence: {step.confidence}"]
    parts += [f"{name}: {json.dumps(text)}" for name, text in facts.items() if text]
    if step.settle_ms:
        parts.append(f"settle_ms: {step.settle_ms}")
    return f"{{{', '.join(parts)}}}"


def _tally(tries: list[Result]) -> Tally:
    worked = [result for result in tries if result.sighting in SUCCESS]
    last = max(result.day for result in worked or tries)
    return Tally(len(tries), len(worked), last, Counter(result.sighting for result in tries))


def _is_sound(result: Result) -> bool:
    """Whether a row is one that this version writes: a file can be anybody's."""
    return (
        result.platform in get_args(Phone)
        and result.goal in GOALS
        and result.technique in TECHNIQUES
        and result.sighting in SIGHTINGS
        and result.trigger in TRIGGERS
        and ID.fullmatch(result.app) is not None
        and DAY.fullmatch(result.day) is not None
        and _is_date(result.day)
    )


def _is_date(day: str) -> bool:
    try:
        return bool(date.fromisoformat(day))
    except ValueError:
        return False
