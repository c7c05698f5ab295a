"""What own results amount to: counted, and as rows of the techniques table to paste."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import NamedTuple

from ..decision.entries import ID
from ..decision.handoffs import TECHNIQUES
from ..decision.ladder import DEFAULT, MENU, Ladders
from ..decision.model import Goal, Platform, StepSpec, Visitor
from .store import OUTCOMES, WORKED, Result

SUCCESS = (WORKED, "opened")
SETTLE = StepSpec("", "tap").settle_ms
PHONES = ("ios", "android")
GOALS: tuple[Goal, ...] = ("app", "browser")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class Key(NamedTuple):
    """What results are counted by."""

    app: str
    platform: Platform
    goal: Goal
    technique: str


class Tally(NamedTuple):
    """How often something was tried and worked.

    `last` is the day it worked last, or was tried if it never did.
    """

    tries: int
    worked: int
    last: str
    outcomes: Counter[str]

    def __str__(self) -> str:
        return f"worked {self.worked}/{self.tries}, {self.last[:7]}"


def tallies(results: Iterable[Result]) -> dict[Key, Tally]:
    """Results counted, in the order of their first tries.

    Rows that no lab of this version writes are left out.
    """
    rows: dict[Key, list[Result]] = {}
    for result in filter(_is_sound, results):
        key = Key(*result[1:2], *result[3:6])  # type: ignore[arg-type]  # sound words
        rows.setdefault(key, []).append(result)
    return {key: _tally(tries) for key, tries in rows.items()}


def as_yaml(counted: Mapping[Key, Tally], ladders: Ladders) -> Iterator[str]:
    """The lines of a list that stands under `techniques:`.

    What worked comes first, then the rest in its shipped order.
    What failed in every try is left out, with a comment. `ladders` is the shipped table.
    """
    groups = dict.fromkeys(key[:3] for key in counted)
    for app, platform, goal in sorted(groups):
        own = {
            key.technique: tally
            for key, tally in counted.items()
            if key[:3] == (app, platform, goal)
        }
        yield from _failures(own)
        if app == DEFAULT:
            yield from (
                f"# {technique} in a webview that names no host app, {platform}, {goal}: {tally}"
                for technique, tally in own.items()
            )
            continue
        yield from (f"- app: {app}", f"  platform: {platform}", f"  goal: {goal}", "  steps:")
        yield from (
            f"    - {_step(step)}"
            for step in ranked(ladders.steps_for(Visitor("in-app", app, platform), goal), own)
        )


def ranked(steps: Iterable[StepSpec], own: Mapping[str, Tally]) -> list[StepSpec]:
    """A ladder as own results would have it.

    The surest comes first, then what was not tried; what always failed is left out, and the menu
    stands at the end.
    """
    shipped = {step.technique: step for step in steps}
    order = [*shipped, *(technique for technique in own if technique not in shipped)]
    sure = [technique for technique in order if technique in own and own[technique].worked]
    sure.sort(key=lambda technique: -own[technique].worked / own[technique].tries)
    confirmed = [
        _confirmed(shipped.get(technique, StepSpec(technique, "tap")), own[technique])
        for technique in sure
    ]
    every = [*confirmed, *(step for name, step in shipped.items() if name not in own)]
    menu = [step for step in every if step.trigger == "written"] or [MENU]
    return [*(step for step in every if step.trigger != "written"), *menu]


def _confirmed(step: StepSpec, tally: Tally) -> StepSpec:
    trigger = "written" if step.technique == "menu" else step.trigger
    return StepSpec(step.technique, trigger, "single", tally.last, step.settle_ms, "lab")


def _failures(own: Mapping[str, Tally]) -> Iterator[str]:
    for technique, tally in own.items():
        if not tally.worked and technique != "menu":
            counted = (f"{outcome} {count}" for outcome, count in sorted(tally.outcomes.items()))
            often = f"{technique} failed {tally.tries} of {tally.tries}"
            yield f"# left out: {often} ({', '.join(counted)}; last {tally.last})"


def _step(step: StepSpec) -> str:
    """A step in one line; a JSON string is a YAML string."""
    facts = {"verified": step.verified, "source": step.source, "note": step.note}
    parts = [f"{step.technique}: {step.trigger}", f"confidence: {step.confidence}"]
    parts += [f"{name}: {json.dumps(text)}" for name, text in facts.items() if text]
    if step.settle_ms != SETTLE:
        parts.append(f"settle_ms: {step.settle_ms}")
    return f"{{{', '.join(parts)}}}"


def _tally(tries: list[Result]) -> Tally:
    worked = [result for result in tries if result.outcome in SUCCESS]
    last = max(result.day for result in worked or tries)
    return Tally(len(tries), len(worked), last, Counter(result.outcome for result in tries))


def _is_sound(result: Result) -> bool:
    """Whether a row is one that this version writes: a file can be anybody's."""
    return (
        result.platform in PHONES
        and result.goal in GOALS
        and result.technique in TECHNIQUES
        and result.outcome in OUTCOMES
        and ID.fullmatch(result.app) is not None
        and DAY.fullmatch(result.day) is not None
        and _is_date(result.day)
    )


def _is_date(day: str) -> bool:
    try:
        return bool(date.fromisoformat(day))
    except ValueError:
        return False
