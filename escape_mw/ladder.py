"""The ladder: the steps that a visitor in this host app, on this platform, with this goal can take, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta

from .entries import StepForm, TechniqueRow
from .handoffs import TECHNIQUES, Cargo
from .model import Goal, Platform, Rung, Step, Visitor
from .schema import TechniqueOverride

MENU = Rung("menu", "written")
DEFAULT = "default"
Key = tuple[str, Platform, Goal]


class Ladders:
    """The techniques table with the rules' overrides, complete for every host app; built once."""

    def __init__(
        self,
        apps: Iterable[str],
        rows: Iterable[TechniqueRow],
        overrides: Iterable[TechniqueOverride] = (),
    ) -> None:
        shipped: dict[Key, tuple[Rung, ...]] = {
            (row.app, row.platform, row.goal): tuple(map(_rung, row.steps)) for row in rows
        }
        keys: list[Key] = [
            (app, platform, goal)
            for app in (DEFAULT, *apps)
            for row, platform, goal in shipped
            if row == DEFAULT
        ]
        self._table = {key: shipped.get(key) or shipped[DEFAULT, key[1], key[2]] for key in keys}
        for override in overrides:
            for key in self._table:
                if _concerns(override, key):
                    self._table[key] = _overridden(self._table[key], override)

    def rungs(self, visitor: Visitor, goal: Goal) -> tuple[Rung, ...]:
        """Every rung for this visitor; the last is always the host app's own menu in words."""
        return self._table[visitor.app or DEFAULT, visitor.platform, goal]

    def rows(self) -> Iterator[tuple[str, str, str, tuple[Rung, ...]]]:
        """The whole table: app, platform, goal, rungs."""
        return ((*key, rungs) for key, rungs in self._table.items())


def climb(
    rungs: tuple[Rung, ...],
    visitor: Visitor,
    cargo: Callable[[int], Cargo],
    start: int = 0,
    *,
    automatic: bool = True,
) -> tuple[Step, ...]:
    """Make the rungs from `start` on ready: `cargo` gives what the rung of that number hands over.

    A rung whose URI cannot be made is left out. Where it is not to be `automatic`, on a return (`start` above 0) and in
    a webview that nobody named, nothing happens by itself: such steps become taps.
    """
    steps: list[Step] = []
    for number, rung in enumerate(rungs):
        if number < start and rung.trigger != "written":
            continue
        uri = TECHNIQUES[rung.technique](cargo(number))
        if uri is None and rung.trigger != "written":
            continue
        by_itself = (
            rung.trigger in ("auto", "redirect")
            and automatic
            and not start
            and visitor.kind == "in-app"
            and not steps
        )
        trigger = rung.trigger if by_itself or rung.trigger == "written" else "tap"
        steps.append(Step(rung.technique, trigger, uri, rung.settle_ms, rung.confidence))
    return tuple(steps)


def stale(verified: str | None, today: date | None = None) -> bool:
    """Whether a technique was last seen to work (YYYY-MM or YYYY-MM-DD) longer than a year ago."""
    if verified is None:
        return False
    seen = date.fromisoformat(verified if len(verified) > 7 else f"{verified}-28")
    return (today or date.today()) - seen > timedelta(days=365)


def _rung(form: StepForm) -> Rung:
    return Rung(
        form.technique,
        form.trigger,
        form.confidence,
        form.verified,
        form.settle_ms,
        form.source,
        form.note,
    )


def _concerns(override: TechniqueOverride, key: Key) -> bool:
    return all(
        wanted in (None, had)
        for wanted, had in zip((override.app, override.platform, override.goal), key, strict=True)
    )


def _overridden(rungs: tuple[Rung, ...], override: TechniqueOverride) -> tuple[Rung, ...]:
    if override.steps is not None:
        rungs = tuple(map(_rung, override.steps))
    elif override.enabled is False:
        rungs = tuple(rung for rung in rungs if rung.technique != override.technique)
    return rungs if rungs and rungs[-1].trigger == "written" else (*rungs, replace(MENU))
