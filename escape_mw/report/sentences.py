"""The sentences about an experiment, for people who run campaigns.

The range comes before the estimate: on the day on which a lift is first seen, the estimate is too
high on average.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .figures import change, count, day, percent, visits
from .power import Size
from .readings import Lift, Reading
from .statistics import ENOUGH

DOUBTS = {
    "holdout": "Held-out visits had an escape all the same, so there is nothing to compare with.",
    "hints": (
        "Visits on Android without client hints (programs, old browsers) are not split between "
        "the two groups as planned, so something adds or removes them in one: a cache, or a bot."
    ),
    "hasty": (
        "Outcomes that came within a second of the visit are not split between the two groups as "
        "planned. No visitor is that fast: the site reports the outcome by itself, or a program."
    ),
}
HUGE = 20  # a lift above which only "at least" is said
SHARE_FROM = {
    "given": "as given",
    "rules": "as in the rules",
    "assumed": "assumed; if another share was planned, give it with --holdout or --rules",
}


def verdict(reading: Reading) -> str:
    """What the experiment shows."""
    name = f"Experiment {reading.experiment}{f', {reading.outcome}' if reading.outcome else ''}"
    return f"{name}: {_missing(reading) or _found(reading, reading.lift)}"


def _missing(reading: Reading) -> str:
    """Why no lift can be read; "" if one can."""
    match reading.said:
        case "no-day":
            return f"too early to say. {_waiting(reading).strip()}"
        case "no-holdout":
            return "nothing to compare. Every visit had an escape, and none was held out."
        case "no-escape":
            return "nothing to compare. Every visit was held out, and none had an escape."
        case "no-outcomes":
            return f"too early to say. No outcome was recorded in {visits(reading.visits)}."
        case "refused" if reading.refused_for != "sizes":
            return f"no result. {DOUBTS[reading.refused_for]}"
        case "refused":
            return (
                "no result, for the two groups do not have the planned sizes. "
                f"{percent(reading.share)} of visits should have been held out "
                f"({SHARE_FROM[reading.share_from]}); {_held_out(reading)} of "
                f"{count(reading.visits)} were. Chance does that in fewer than 1 of 200 sound "
                "experiments, so something adds or removes visits in one group: a share that was "
                "changed, a cache, or a bot."
            )
        case "too-early" if reading.planned and reading.reached is None:
            return (
                f"too early to say: {count(reading.visits)} of {count(reading.planned)} planned "
                "visits. The result comes with the last of them."
            )
        case "too-early":
            return (
                f"too early to say. Of {visits(reading.visits)} so far, one of the two groups has "
                f"{_fewest(reading)}; each needs at least {ENOUGH}."
            )
    return ""


def _found(reading: Reading, lift: Lift | None) -> str:
    """The lift, in things and relative, or what may still be hidden; "" without one."""
    if lift is None:
        return ""
    escape, holdout = reading.escape.rate, reading.holdout.rate
    of = 1000 if min(escape, holdout) >= 0.02 else 10_000
    rates = (
        f"of {count(of)} visits with escapes {escape * of:.0f} end in {reading.outcome}, "
        f"of {count(of)} held out {holdout * of:.0f}"
    )
    if reading.more is None:
        seen = "found" if reading.planned else "seen so far"
        low, high = (
            f"{abs(limit) * of:.0f} {'more' if limit > 0 else 'fewer'}" for limit in lift.interval
        )
        return (
            f"{_when(reading)}no difference {seen}: {rates}. "
            f"The true effect may be anything from {low} to {high} in {count(of)}."
        )
    word = "more" if reading.said == "better" else "fewer"
    looks = "" if reading.planned else " You may look every day; that is allowed for."
    return (
        f"{_when(reading)}escapes do {reading.said}: {_things(reading, reading.more, word)} "
        f"That is {_span(lift, word)}: {rates}.{looks}"
    )


def _things(reading: Reading, more: Sequence[float], word: str) -> str:
    """How many visits the lift is: "about 98 more visits ended in presave (34 to 160)"."""
    now, *limits = (abs(number) for number in more)
    low, high = (f"{limit:,.0f}" if limit >= 1 else "under 1" for limit in sorted(limits))
    return (
        f"about {now:,.0f} {word} visits ended in {reading.outcome} than without them "
        f"({low} to {high}, at {level(reading)} confidence)."
    )


def _span(lift: Lift, word: str) -> str:
    """The relative lift: "between 9% and 87% more (now 42%)"."""
    now, *limits = (abs(ratio - 1) for ratio in (lift.ratio, *lift.ratio_interval))
    low, high = sorted(limits)
    form = ".1%" if high < 0.1 else ".0%"
    span = f"between {low:{form}} and {high:{form}}" if high < HUGE else f"at least {low:{form}}"
    return f"{span} {word} (now {now:{form}})"


def _when(reading: Reading) -> str:
    """Whether a plan's result is final."""
    if reading.reached is not None:
        return f"planned size reached on {day(reading.reached)}, so this result is final; "
    return "before the planned size, but beyond doubt, " if reading.planned else ""


def _fewest(reading: Reading) -> str:
    """The smallest of the four numbers that must be large enough: "9 with presave"."""
    arms = reading.escape, reading.holdout
    few, word = min((min(arm.count, arm.of - arm.count), arm.count) for arm in arms)
    return f"{few} {'with' if few == word else 'without'} {reading.outcome}"


def about(reading: Reading) -> list[str]:
    """What else there is to know of an experiment."""
    told = groups, size, sample_ratio, programs, begun
    return [sentence for one in told if (sentence := one(reading))]


def size(reading: Reading) -> str:
    """How far the experiment has come, and how long it still takes."""
    if reading.said == "no-day" or reading.reached is not None:
        return ""
    if reading.planned or reading.needed is None:
        so_far = f" of {count(reading.planned)} planned" if reading.planned else ""
        return f"{count(reading.visits)}{so_far} visits so far.{_wait(reading)}{_waiting(reading)}"
    return (
        f"{visits(reading.visits)} so far. {change(1 + reading.target)} over the holdout's "
        f"{percent(reading.holdout.rate)} is found by {count(reading.needed)} visits in four of "
        f"five experiments.{_wait(reading)}{_waiting(reading)}"
    )


def level(reading: Reading) -> str:
    """How sure the interval is: more before a planned size is reached, as a guard."""
    return "99.9%" if reading.planned and reading.reached is None else "95%"


def groups(reading: Reading) -> str:
    """How the groups may be compared; "" where nobody arrived."""
    if not reading.arrived.of:
        return ""
    return (
        "Only visits with escapes against those held out show an effect: visitors who arrived, or "
        "stayed, chose so themselves, and differ for that reason."
    )


def programs(reading: Reading) -> str:
    """How many visits of each arm look like those of programs; "" without one."""
    day = reading.read
    if day is None or not any((*day.hintless, *day.hasty)):
        return ""
    (escape, holdout), (fast, held) = day.hintless, day.hasty
    return (
        f"On Android without client hints: {visits(escape)} with escapes, {visits(holdout)} held "
        f"out. With the outcome within a second: {count(fast)} and {count(held)}."
    )


def begun(reading: Reading) -> str:
    """Which visits do not count, and why; "" if all do."""
    if not reading.earlier:
        return ""
    return (
        f"The rule was changed, so the experiment began anew on {day(reading.begun)}: "
        f"{visits(reading.earlier)} by earlier versions of it are not counted."
    )


def sample_ratio(reading: Reading) -> str:
    """The arms' sizes against the plan; "" before there are any."""
    if not reading.visits:
        return ""
    return (
        f"Sample ratio: {percent(reading.share)} planned for the holdout "
        f"({SHARE_FROM[reading.share_from]}), {_held_out(reading)} found."
    )


def _held_out(reading: Reading) -> str:
    return percent(reading.holdout.of / reading.visits)


def _wait(reading: Reading) -> str:
    """The time until the needed size is reached, unless a difference is said already."""
    if reading.needed is None or reading.said in ("better", "worse"):
        return ""
    if reading.days_left is None:
        return " No visit came in the last week, so it is unknown when that size will be reached."
    if not reading.days_left:
        return ""
    days = "one more day" if reading.days_left == 1 else f"{count(reading.days_left)} more days"
    return f" At {reading.pace:,.0f} visits a day, reaching {count(reading.needed)} takes {days}."


def _waiting(reading: Reading) -> str:
    """The visits that are not read yet."""
    if not reading.waiting:
        return ""
    return f" {visits(reading.waiting)} of days that are not closed yet are not read."


def planned_size(
    size: Size, baseline: float, lift: float, holdout: float, per_day: float | None
) -> list[str]:
    """The size of a future experiment, with and without a plan, and what it can show."""
    return [
        f"To find {percent(baseline * (1 + lift))} beside {percent(baseline)} "
        f"({change(1 + lift)}) in four of five experiments, with {holdout:.0%} held out:",
        f"- looking every day: within {_eligible(size.daily, per_day)}, often much sooner.",
        f"- one look, at a size planned in advance: {_eligible(size.planned, per_day)}.",
        "Either way, a difference that is not there is said in at most 5% of experiments.",
        f"For one look, write it beside the holdout before the start: planned: {size.planned}",
    ]


def _eligible(size: int, per_day: float | None) -> str:
    days = f" ({count(math.ceil(size / per_day))} days)" if per_day else ""
    return f"{count(size)} eligible visits{days}"
