"""The report for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap

from ..web.days import date_of
from . import words
from .figures import (
    GOALS,
    NOTHING,
    Names,
    audience,
    change,
    count,
    goal,
    percent,
    points,
    rate,
    share,
)
from .funnel import Funnel
from .health import Health
from .parts import outcome_names
from .readings import Reading
from .sentences import about, level
from .summary import Summary
from .tasks import CHECK, STATUS, Task, tasks

WIDTH = 100
MARK = "!"


def text(summary: Summary, names: Names) -> str:
    """The whole report, without a line break at the end."""
    return "\n".join(_lines(summary, names)).rstrip()


def _lines(summary: Summary, names: Names) -> Iterator[str]:
    yield f"{words.scope(summary)}. Made on {date_of(summary.made)}."
    yield words.PRIVACY
    yield from _section("What happened", _prose(words.happened(summary, names)))
    yield from _section("What to do", _tasks(tasks(summary, names)))
    if summary.parts:
        yield from _section(f"By {summary.by}", _parts(summary))
    if summary.first is not None:
        for funnel in summary.funnels:
            yield from _section(f"Funnel {goal(funnel.goal)}", _funnel(funnel, names))
        yield from _notes(summary)
        for reading in summary.readings:
            outcome = reading.outcome or "none yet"
            yield from _section(
                f"Experiment {reading.experiment!r}, outcome {outcome!r}", _experiment(reading)
            )
        yield from _section("Do the techniques still work?", _health(summary.health, names))
    yield from _section("Other counts", _tallies(summary))
    notes = words.HOW_TO_READ + (words.HOW_TO_READ_LIFT if summary.readings else ())
    yield from _section("How to read this", _prose(notes))


def _prose(sentences: Iterable[str]) -> Iterator[str]:
    return (line for sentence in sentences for line in wrap(sentence, WIDTH))


def _tasks(found: Sequence[Task]) -> Iterator[str]:
    """Each sentence, and what to paste on a line of its own."""
    for task in found:
        yield from wrap(f"{MARK} {task.sentence}", WIDTH, subsequent_indent="  ")
        if task.line:
            yield f"    {task.line}"
    if not found:
        yield words.NOTHING_TO_DO


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield from ("", title, "-" * len(title), *lines)


def _funnel(funnel: Funnel, names: Names) -> Iterator[str]:
    rows = [
        (
            "",
            "eligible",
            "tried",
            "",
            "left",
            "(weak)",
            *(("arrived", "(proof)") if funnel.goal == "browser" else ("arrived", "")),
        )
    ]
    for line in (*funnel.lines, funnel.total):
        title = f"  {line.technique}" if line.technique else audience(line, names)
        arrived = (
            (NOTHING, "")
            if line.arrived is None
            else (count(line.arrived.count), rate(line.arrived))
        )
        eligible = "" if line.technique else count(line.eligible)
        rows.append(
            (
                title,
                eligible,
                count(line.tried.count),
                rate(line.tried),
                count(line.left.count),
                rate(line.left),
                *arrived,
            )
        )
    yield from _table(rows)


def _parts(summary: Summary) -> Iterator[str]:
    found = outcome_names(summary.parts)
    table = [("", "meant for", "eligible", "left", "(weak)", "arrived", "(proof)", *found)]
    for name, total, done in summary.parts[: words.SHOWN]:
        known = None if total.arrived is None else count(total.arrived.count)
        arrived = (known, share(total.reached)) if known else (NOTHING, "")
        left = count(total.left.count), share(total.left)
        numbers = (count(done.get(outcome, 0)) for outcome in found)
        where = GOALS.get(total.goal, total.goal)
        table.append((name or NOTHING, where, count(total.eligible), *left, *arrived, *numbers))
    yield from _table(table)
    if len(summary.parts) > words.SHOWN:
        yield f"And {count(len(summary.parts) - words.SHOWN)} more; --json has them all."


def _notes(summary: Summary) -> Iterator[str]:
    yield ""
    yield from _prose([words.RATES])
    if summary.held_out:
        held_out = f"{count(summary.held_out)} eligible visits were held out for comparison"
        yield f"In addition, {held_out}."


def _experiment(reading: Reading) -> Iterator[str]:
    parts = (("  arrived", reading.arrived), ("  stayed", reading.stayed))
    arms = (
        ("held out", reading.holdout),
        ("with escapes", reading.escape),
        *(parts if reading.arrived.of else ()),
    )
    yield from _table(
        [
            ("", "visits", "with the outcome", "rate"),
            *((name, count(arm.of), count(arm.count), rate(arm)) for name, arm in arms),
        ]
    )
    if lift := reading.lift:
        yield from _table(
            [
                ("", "points", "relative"),
                ("lift", points(lift.difference), change(lift.ratio)),
                (f"{level(reading)} interval", *_spans(lift.interval, lift.ratio_interval)),
            ]
        )
    yield from _prose(about(reading))


def _spans(difference: Sequence[float], ratio: Sequence[float]) -> tuple[str, str]:
    return " to ".join(map(points, difference)), " to ".join(map(change, ratio))


def _health(rows: Sequence[Health], names: Names) -> Iterator[str]:
    table = [("", "technique", "before", "last 7 days", "of visits", "")]
    for row in rows:
        if row.status in CHECK:
            before = NOTHING if row.before is None else percent(row.before)
            weak = " (by departures: weak)" if row.is_weak else ""
            where = f"{audience(row, names)}, {goal(row.goal)}"
            now = share(row.now), count(row.now.of)
            table.append((where, row.technique, before, *now, STATUS[row.status] + weak))
    if len(table) > 1:
        yield from _table(table)
    yield from words.folded(rows)


def _tallies(summary: Summary) -> Iterator[str]:
    width = max(len(count(number)) for number in summary.tallies.values())
    for name, meaning in words.TALLIES.items():
        mark = f"{MARK} " if name == "dropped" and summary.tallies[name] else ""
        yield f"{count(summary.tallies[name]):>{width}} {mark}{meaning}"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Aligned columns: text to the left, figures to the right."""
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    is_right = [all(_is_figure(cell) for cell in column[1:]) for column in columns]
    for row in rows:
        yield "  ".join(
            f"{cell:{'>' if right else '<'}{width}}"
            for cell, width, right in zip(row, widths, is_right, strict=True)
        ).rstrip()


def _is_figure(cell: str) -> bool:
    return not cell or cell == NOTHING or (cell[0].isdigit() and " " not in cell)
