"""What own results amount to: counted by technique, and as rows of the techniques table, ready to be pasted."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import NamedTuple

from ..fields import ID
from ..handoffs import TECHNIQUES
from ..ladder import DEFAULT, Ladders
from ..model import Goal, Platform, Rung, Visitor
from .store import OUTCOMES, WORKED, Result

SUCCESS = (WORKED, "opened")
SETTLE = Rung("", "tap").settle_ms
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
    """How often something was tried and worked, and when last: the day it worked, or was tried if it never did."""

    tries: int
    worked: int
    last: str
    outcomes: Counter[str]

    def __str__(self) -> str:
        return f"worked {self.worked}/{self.tries}, {self.last[:7]}"


def tallies(results: Iterable[Result]) -> dict[Key, Tally]:
    """Results counted, in the order of their first tries; rows that no lab of this version writes are left out."""
    rows: dict[Key, list[Result]] = {}
    for result in filter(_is_sound, results):
        rows.setdefault(Key(result.app, result.platform, result.goal, result.technique), []).append(
            result
        )  # type: ignore[arg-type]
    return {key: _tally(tries) for key, tries in rows.items()}


def as_yaml(counted: Mapping[Key, Tally], ladders: Ladders) -> Iterator[str]:
    """The lines of a list that stands under `techniques:`: what worked first, then the rest in its shipped order.

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
            f"    - {_step(rung)}"
            for rung in ranked(ladders.rungs(Visitor("in-app", app, platform), goal), own)
        )


def ranked(rungs: Iterable[Rung], own: Mapping[str, Tally]) -> list[Rung]:
    """A ladder as own results would have it: the surest first, what always failed left out, the menu at the end."""
    shipped = {rung.technique: rung for rung in rungs}
    order = [*shipped, *(technique for technique in own if technique not in shipped)]
    sure = [technique for technique in order if technique in own and own[technique].worked]
    sure.sort(key=lambda technique: -own[technique].worked / own[technique].tries)
    confirmed = [
        _confirmed(shipped.get(technique, Rung(technique, "tap")), own[technique])
        for technique in sure
    ]
    untried = [rung for technique, rung in shipped.items() if technique not in own]
    menu = [rung for rung in (*confirmed, *untried) if rung.trigger == "written"] or [
        Rung("menu", "written")
    ]
    return [*(rung for rung in (*confirmed, *untried) if rung.trigger != "written"), *menu]


def _confirmed(rung: Rung, tally: Tally) -> Rung:
    trigger = "written" if rung.technique == "menu" else rung.trigger
    return Rung(rung.technique, trigger, "single", tally.last, rung.settle_ms, "lab")


def _failures(own: Mapping[str, Tally]) -> Iterator[str]:
    for technique, tally in own.items():
        if not tally.worked and technique != "menu":
            told = ", ".join(
                f"{outcome} {count}" for outcome, count in sorted(tally.outcomes.items())
            )
            yield f"# left out: {technique} failed {tally.tries} of {tally.tries} ({told}; last {tally.last})"


def _step(rung: Rung) -> str:
    """A step in one line; a JSON string is a YAML string."""
    said = {"verified": rung.verified, "source": rung.source, "note": rung.note}
    words = [
        f"{rung.technique}: {rung.trigger}",
        f"confidence: {rung.confidence}",
        *(f"{name}: {json.dumps(text)}" for name, text in said.items() if text),
    ]
    return f"{{{', '.join(words if rung.settle_ms == SETTLE else [*words, f'settle_ms: {rung.settle_ms}'])}}}"


def _tally(tries: list[Result]) -> Tally:
    worked = [result for result in tries if result.outcome in SUCCESS]
    return Tally(
        len(tries),
        len(worked),
        max(result.day for result in worked or tries),
        Counter(result.outcome for result in tries),
    )


def _is_sound(result: Result) -> bool:
    """Whether a row is one that we write: a file can be anybody's."""
    known = (
        result.platform in PHONES
        and result.goal in GOALS
        and result.technique in TECHNIQUES
        and result.outcome in OUTCOMES
    )
    return (
        known
        and ID.fullmatch(result.app) is not None
        and DAY.fullmatch(result.day) is not None
        and _is_date(result.day)
    )


def _is_date(day: str) -> bool:
    try:
        return bool(date.fromisoformat(day))
    except ValueError:
        return False
