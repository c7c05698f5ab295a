"""The report for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap

from ..web.days import date_of
from .figures import (
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
from .readings import Reading
from .sentences import begun, level, sample_ratio, size
from .summary import Summary
from .words import HOW_TO_READ, HOW_TO_READ_LIFT, STATUS, TALLIES, headline, scope, warnings

WIDTH = 100
MARK = "!"


def text(summary: Summary, names: Names) -> str:
    """The whole report, without a line break at the end."""
    return "\n".join(_lines(summary, names)).rstrip()


def _lines(summary: Summary, names: Names) -> Iterator[str]:
    yield f"{scope(summary)}. Made on {date_of(summary.made)}."
    yield ""
    for sentence in headline(summary):
        yield from _wrapped(sentence)
    for warning in warnings(summary, names):
        yield from _wrapped(f"{MARK} {warning}", indent="  ")
    if summary.first is not None:
        for funnel in summary.funnels:
            yield from _section(f"Funnel {goal(funnel.goal)}", _funnel(funnel, names))
        yield from _notes(summary)
        for reading in summary.readings:
            outcome = reading.outcome or "none yet"
            yield from _section(
                f"Experiment {reading.experiment!r}, outcome {outcome!r}", _experiment(reading)
            )
        yield from _section(
            "Do the techniques still work? The last 7 days, of visits that were shown them first",
            _health(summary.health, names),
        )
    yield from _section("Other counts", _tallies(summary))
    notes = HOW_TO_READ + (HOW_TO_READ_LIFT if summary.readings else ())
    yield from _section("How to read this", (line for note in notes for line in _wrapped(note)))


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


def _notes(summary: Summary) -> Iterator[str]:
    yield ""
    yield from _wrapped(
        "A host app's rates are of its eligible visits. A technique's rates of visits that left "
        "and arrived are of the visits in which it was tried."
    )
    if summary.held_out:
        yield from _wrapped(
            f"In addition, {count(summary.held_out)} eligible visits were held out for comparison."
        )


def _experiment(reading: Reading) -> Iterator[str]:
    arms = (("with escapes", reading.escape), ("held out", reading.holdout))
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
    for sentence in (size(reading), sample_ratio(reading), begun(reading)):
        yield from _wrapped(sentence)


def _spans(difference: Sequence[float], ratio: Sequence[float]) -> tuple[str, str]:
    return " to ".join(map(points, difference)), " to ".join(map(change, ratio))


def _health(rows: Sequence[Health], names: Names) -> Iterator[str]:
    if not rows:
        yield "No technique was shown yet."
        return
    table = [("", "technique", "before", "now", "of visits", "")]
    for row in rows:
        before = NOTHING if row.before is None else percent(row.before)
        table.append(
            (
                f"{audience(row, names)}, {goal(row.goal)}",
                row.technique,
                before,
                share(row.now),
                count(row.now.of),
                STATUS[row.status] + (" (by departures: weak)" if row.is_weak else ""),
            )
        )
    yield from _table(table)


def _tallies(summary: Summary) -> Iterator[str]:
    width = max(len(count(number)) for number in summary.tallies.values())
    for name, meaning in TALLIES.items():
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


def _wrapped(sentence: str, indent: str = "") -> list[str]:
    return wrap(sentence, WIDTH, subsequent_indent=indent)
