"""The ladder: the steps that a visitor can take, in order.

They depend on the host app, the platform and the goal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from .entries import TechniqueOverride, TechniqueRow
from .handoffs import MENU, TECHNIQUES, Handoff
from .model import Goal, Platform, Step, StepSpec, Visitor

LAST = StepSpec(MENU, "written")  # ends every ladder
DEFAULT = "default"
Key = tuple[str, Platform, Goal]


class Ladders:
    """The techniques table with the rules' overrides, complete for every host app; built once.

    `shipped` holds the rows as they were before any override.
    """

    def __init__(
        self,
        apps: Iterable[str],
        rows: Iterable[TechniqueRow],
        overrides: Iterable[TechniqueOverride] = (),
    ) -> None:
        self.shipped = tuple(rows)
        own: dict[Key, tuple[StepSpec, ...]] = {
            (row.app, row.platform, row.goal): row.steps for row in self.shipped
        }
        goals = [(platform, goal) for app, platform, goal in own if app == DEFAULT]
        self._table = {
            (app, *goal): own.get((app, *goal)) or own[(DEFAULT, *goal)]
            for app in (DEFAULT, *apps)
            for goal in goals
        }
        for override in overrides:
            for key in self._table:
                if _concerns(override, key):
                    self._table[key] = _overridden(self._table[key], override)

    def steps_for(self, visitor: Visitor, goal: Goal) -> tuple[StepSpec, ...]:
        """All steps for this visitor; the last is always the host app's own menu in words."""
        return self._table[visitor.app or DEFAULT, visitor.platform, goal]

    def rows(self) -> Iterator[tuple[str, Platform, Goal, tuple[StepSpec, ...]]]:
        """The whole table: app, platform, goal, steps."""
        return ((*key, steps) for key, steps in self._table.items())


def make_steps(
    specs: tuple[StepSpec, ...],
    visitor: Visitor,
    handoff: Callable[[StepSpec], Handoff],
    start: int = 0,
    *,
    automatic: bool = True,
) -> tuple[Step, ...]:
    """Make the steps from `start` on ready; `handoff` gives what a step hands over.

    A step whose URI cannot be made, or that this system is too old for, is left out. Where it is
    not to be `automatic`, on a return (`start` above 0) and in a webview without a name, nothing
    fires by itself: such steps become taps. Where no button would be left, the ladder begins
    again: an address that was tried to its end may have been shared.
    """
    fires = automatic and visitor.kind == "in-app"
    system = visitor.system_version
    steps = _ready(specs, system, handoff, start, may_fire=fires)
    if start and not any(step.uri for step in steps):
        return _ready(specs, system, handoff, 0, may_fire=False)
    return steps


def _ready(
    specs: tuple[StepSpec, ...],
    system: int | None,
    handoff: Callable[[StepSpec], Handoff],
    start: int,
    *,
    may_fire: bool,
) -> tuple[Step, ...]:
    steps: list[Step] = []
    for number, spec in enumerate(specs):
        is_written = spec.trigger == "written"
        if number < start and not is_written:
            continue
        technique = TECHNIQUES[spec.technique]
        if system is not None and system < technique.since_ios:
            continue
        uri = None if is_written else technique.make(handoff(spec))
        if uri is None and not is_written:
            continue
        fires = spec.trigger in ("auto", "redirect") and may_fire and not start and not steps
        trigger = spec.trigger if fires or is_written else "tap"
        asks = spec.asks and not (uri or "https:").startswith("https:")
        steps.append(Step(spec.technique, trigger, uri, spec.wait, spec.confidence, asks))
    return tuple(steps)


def _concerns(override: TechniqueOverride, key: Key) -> bool:
    wanted = (override.app, override.platform, override.goal)
    return all(want in (None, has) for want, has in zip(wanted, key, strict=True))


def _overridden(steps: tuple[StepSpec, ...], override: TechniqueOverride) -> tuple[StepSpec, ...]:
    if override.steps is not None:
        asks = steps[0].asks if override.asks is None else override.asks
        steps = tuple(replace(step, asks=asks) for step in override.steps)
    else:
        steps = tuple(step for step in steps if step.technique != override.technique)
    return steps if steps and steps[-1].trigger == "written" else (*steps, LAST)
