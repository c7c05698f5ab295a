"""`escape-mw report`: what the events say happened, and what to do.

SQLAlchemy and SciPy are imported once the command has its options.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import catalogue
from ..web.days import DAY, date_of
from .options import (
    LIFT,
    SHARE,
    database_options,
    database_url,
    load_or_exit,
    open_database,
    report_extra,
    since_option,
    until_option,
)
from .pages import require_replaceable, write_page
from .terminal import bar, say

if TYPE_CHECKING:
    from ..report.counts import Scope
    from ..report.readings import Plan
    from ..report.summary import Summary
    from ..rules import Rules


@click.command()
@database_options
@click.option("--rule", metavar="NAME", help="Only visits of this rule.")
@since_option("visits")
@until_option("visits")
@click.option(
    "--compare", is_flag=True, help="Compare with the period of the same length before --since."
)
@click.option(
    "--by",
    type=click.Choice(["app", "rule", "word"]),
    default="app",
    show_default=True,
    help="Break the visits down by this; word is the site's own (events: {by: ...}).",
)
@click.option(
    "--lift",
    default=0.5,
    show_default=True,
    type=LIFT,
    help="Minimum lift to detect (0.5 = +50 %).",
)
@click.option(
    "--holdout",
    type=SHARE,
    help="Planned share of the holdout. Default: that of --rules, or 0.5.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--digest", "is_short", is_flag=True, help="Print at most 12 lines, for a mail.")
@click.option(
    "--html",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write an HTML report to FILE.",
)
@click.option("--force", is_flag=True, help="Let --html replace a file that is not a report.")
@click.option(
    "--fail-on",
    "faults",
    type=click.Choice(["stopped", "refused"]),
    multiple=True,
    help="Exit with 1 if a technique has stopped, or an experiment is refused; may be repeated.",
)
def report(  # noqa: PLR0913, PLR0917 - one for each option
    url: str | None,
    rules_file: str | None,
    rule: str | None,
    since: int,
    until: int,
    compare: bool,
    by: str,
    lift: float,
    holdout: float | None,
    as_json: bool,
    is_short: bool,
    page: Path | None,
    force: bool,
    faults: tuple[str, ...],
) -> None:
    """Report what happened, what to do, and the details: who arrived, and the lift."""
    now = int(time.time())
    _require_one_form(as_json, is_short, page)
    _require_period(since, until, now, compare)
    if page:
        require_replaceable(page, force=force)
    rules = load_or_exit(rules_file) if rules_file else None
    source = database_url(url, rules, rules_file)
    with report_extra():
        from ..report.counts import Scope  # noqa: PLC0415 - an extra, and slow to import
        from ..report.readings import Plan  # noqa: PLC0415
        from ..report.tasks import tasks  # noqa: PLC0415
    plan = Plan(lift, holdout, _holdouts(rules))
    tomorrow = (now // DAY + 1) * DAY
    end = min(until or tomorrow, tomorrow)
    before = Scope(rule, max(0, 2 * since - end), since) if compare else None
    found = _found(source, Scope(rule, since, until), plan, now, before, by)
    names = _names(rules)
    if page:
        write_page(page, _form("html")(found, names))
    if is_short:
        say(_form("digest")(found, names, _where(page, rules_file)))
    elif page:
        say(f"{page} is written; it is one file and asks nothing of any server.")
    else:
        say(_form("machine" if as_json else "text")(found, names))
    kinds = {task.kind for task in tasks(found, names)}
    if kinds & {*faults, *(["holdout"] if "refused" in faults else [])}:
        sys.exit(1)


def _require_one_form(as_json: bool, is_short: bool, page: Path | None) -> None:
    if as_json and (page or is_short):
        raise click.UsageError(f"give either --json or {'--html' if page else '--digest'}")


def _require_period(since: int, until: int, now: int, compare: bool) -> None:
    """Raise click.UsageError for days between which no visit can lie."""
    if since > now:
        raise click.UsageError(
            f"--since {date_of(since)} is in the future; today is {date_of(now)} (UTC)"
        )
    if until and until <= since:
        raise click.UsageError(
            f"--until {date_of(until)} must be a later day than --since {date_of(since)}: "
            "only visits before it are read"
        )
    if compare and not since:
        raise click.UsageError(
            "--compare needs --since: it compares with the period of the same length before"
        )


def _require_rule(rule: str, known: list[str]) -> None:
    """Raise click.UsageError for a rule of which no visit was recorded."""
    if rule not in known:
        there = f"only of {', '.join(map(repr, known))}" if known else "nor of any other yet"
        raise click.UsageError(f"--rule {rule!r}: no visit of this rule is recorded, {there}")


def _found(
    source: str, scope: Scope, plan: Plan, now: int, before: Scope | None, by: str
) -> Summary:
    """The summary of the events in a database; a rule that these do not know ends the command."""
    from ..report.parts import rules  # noqa: PLC0415 - needs what the extra brings
    from ..report.summary import QUERIES, summary  # noqa: PLC0415

    queries = QUERIES + bool(before)
    with (
        bar(lambda: queries, "reading events") as progress,
        open_database(source) as database,
        database.reading() as connection,
    ):
        if scope.rule is not None:
            _require_rule(scope.rule, rules(connection))
        return summary(
            connection, scope, plan, now, lambda: progress.update(1), before=before, by=by
        )


def _where(page: Path | None, rules_file: str | None) -> str:
    """Where the whole report is; the database's URL may hold a password, so it is not repeated."""
    rules = f" --rules {rules_file}" if rules_file else ""
    return str(page.resolve()) if page else f"escape-mw report{rules}"


def _holdouts(rules: Rules | None) -> dict[str, float]:
    experiments = [rule.experiment for rule in rules.policy.rules] if rules else []
    return {one.name: one.holdout for one in experiments if one and 0 < one.holdout < 1}


def _names(rules: Rules | None) -> dict[str, str]:
    """Host apps' names, those of the rules' own included."""
    known = rules.policy.detector.apps.values() if rules else catalogue.load().apps
    return {app.id: app.name for app in known}


def _form(name: str) -> Callable[..., str]:
    """A form of the report, by its module; each needs what the extra brings."""
    module = import_module(f"..report.{name}", __package__)
    form: Callable[..., str] = getattr(module, "as_json" if name == "machine" else name)
    return form
