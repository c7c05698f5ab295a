"""What a wrapped run is judged by: the bare run of the same tests, with the same agent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

PASSED, FAILED, MISSING = "passed", "failed", "missing"
WRONG = ("answered", "errors")  # what the middleware must do to none of these requests


class Run(NamedTuple):
    """What a run of a project's tests came to.

    `outcomes` has each test's. `seen` counts the requests that went through the wrapper, those
    whose response the middleware waited for to see where it leads, those that it answered itself,
    and its internal errors.
    """

    outcomes: Mapping[str, str]
    seen: Mapping[str, int]

    def count(self, outcome: str) -> int:
        return list(self.outcomes.values()).count(outcome)


def ours(bare: Run, wrapped: Run) -> list[str]:
    """The tests that came out worse, were not run, or are new and do not pass."""
    names = sorted({*bare.outcomes, *wrapped.outcomes})
    return [name for name in names if _is_ours(*(_of(run, name) for run in (bare, wrapped)))]


def _of(run: Run, name: str) -> str:
    return run.outcomes.get(name, MISSING)


def _is_ours(before: str, after: str) -> bool:
    return after not in (PASSED, before)


def problems(bare: Run, wrapped: Run, *, is_asked: bool) -> list[str]:
    """Why a wrapped run is no success, in words; none if it is one.

    `is_asked` is for the agent of a host app, for which the middleware asks the site.
    """
    found = [f"{_of(wrapped, name)}: {name}" for name in ours(bare, wrapped)]
    if not wrapped.seen.get("requests"):
        found.append("no request went through the wrapper")
    if is_asked and not wrapped.seen.get("asked"):
        found.append("the middleware asked the site for nothing")
    found += [f"{seen}: {number}" for seen in WRONG if (number := wrapped.seen.get(seen))]
    return found


def bare_problems(bare: Run, least: int) -> list[str]:
    """Why a bare run is nothing to compare with."""
    passed = bare.count(PASSED)
    return [] if passed >= least else [f"only {passed} tests pass bare; {least} should"]
