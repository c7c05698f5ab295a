"""The report as a few lines for a mail or a webhook: the main results, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from . import words
from .figures import Names
from .summary import Summary
from .tasks import tasks

RESULTS, TASKS = 5, 4  # lines; with those around them, 12


def digest(summary: Summary, names: Names, where: str) -> str:
    """At most 12 lines, one for each sentence; `where` says where the whole report is."""
    to_do = [f"- {task.sentence} {task.line}".rstrip() for task in tasks(summary, names)]
    lines = chain(
        [f"{words.scope(summary)}."],
        _at_most(RESULTS, words.happened(summary, names)),
        ["To do:" if to_do else words.NOTHING_TO_DO],
        _at_most(TASKS, to_do),
        [f"The whole report: {where}"],
    )
    return "\n".join(" ".join(line.split()) for line in lines)


def _at_most(number: int, lines: list[str]) -> Iterable[str]:
    if len(lines) <= number:
        return lines
    return [*lines[: number - 1], f"And {len(lines) - number + 1} more."]
