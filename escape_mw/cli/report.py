"""`escape-mw report` and `escape-mw power`: what events say, and what it takes to say more.

SQLAlchemy and SciPy are imported once a command has its options.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import catalogue
from .options import database_options, database_url, load_or_exit, open_database, since_option
from .pages import require_replaceable, write_page
from .terminal import bar, say

if TYPE_CHECKING:
    from ..rules import Rules

MISSING = "the report needs more: python -m pip install 'escape-mw[report]'"
EXTRAS = {"sqlalchemy", "scipy", "numpy"}
SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
LIFT = click.FloatRange(0, min_open=True)


@click.command()
@database_options
@click.option("--rule", metavar="NAME", help="Only visits of this rule.")
@since_option("visits")
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
@click.option(
    "--html",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write an HTML report to FILE.",
)
@click.option("--force", is_flag=True, help="Let --html replace a file that is not a report.")
def report(  # noqa: PLR0913, PLR0917 - one for each option
    url: str | None,
    rules_file: str | None,
    rule: str | None,
    since: int,
    lift: float,
    holdout: float | None,
    as_json: bool,
    page: Path | None,
    force: bool,
) -> None:
    """Report who reached the app or browser, by which technique, and the lift."""
    if as_json and page:
        raise click.UsageError("give either --json or --html")
    if page:
        require_replaceable(page, force=force)
    rules = load_or_exit(rules_file) if rules_file else None
    source = database_url(url, rules, rules_file)
    with _extra():
        from ..report.counts import Scope  # noqa: PLC0415 - an extra, and slow to import
        from ..report.readings import Plan  # noqa: PLC0415
        from ..report.summary import QUERIES, summary  # noqa: PLC0415
    plan = Plan(lift, holdout, _holdouts(rules))
    scope = Scope(rule, since)
    with (
        bar(lambda: QUERIES, "reading events") as progress,
        open_database(source) as database,
        database.reading() as connection,
    ):
        found = summary(connection, scope, plan, int(time.time()), lambda: progress.update(1))
    text = _form(as_json, page)(found, _names(rules))
    if page is None:
        say(text)
        return
    write_page(page, text)
    say(f"{page} is written; it is one file and asks nothing of any server.")


@click.command()
@click.option(
    "--baseline",
    required=True,
    type=SHARE,
    help="The rate of the outcome without escapes; 0.10 is one visit in ten.",
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
    default=0.5,
    show_default=True,
    type=SHARE,
    help="The share of visits that is held out.",
)
@click.option(
    "--per-day",
    type=click.FloatRange(0, min_open=True),
    metavar="VISITS",
    help="Eligible visits a day; says how many days it takes.",
)
def power(
    baseline: float,
    lift: float,
    holdout: float,
    per_day: float | None,
) -> None:
    """Say how many visits an experiment needs."""
    with _extra():
        from ..report.power import visits_needed  # noqa: PLC0415 - an extra, and slow to import
        from ..report.sentences import planned_size  # noqa: PLC0415
    try:
        size = visits_needed(baseline, lift, holdout)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    say("\n".join(planned_size(size, baseline, lift, holdout, per_day)))


@contextmanager
def _extra() -> Iterator[None]:
    """A missing library of the extra ends the command with what to install."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRAS:
            raise
        raise click.ClickException(MISSING) from None


def _holdouts(rules: Rules | None) -> dict[str, float]:
    experiments = [rule.experiment for rule in rules.policy.rules] if rules else []
    return {one.name: one.holdout for one in experiments if one and 0 < one.holdout < 1}


def _names(rules: Rules | None) -> dict[str, str]:
    """Host apps' names, those of the rules' own included."""
    known = rules.policy.detector.apps.values() if rules else catalogue.load().apps
    return {app.id: app.name for app in known}


def _form(as_json: bool, page: Path | None) -> Callable[[Any, dict[str, str]], str]:
    if as_json:
        from ..report.machine import as_json as form  # noqa: PLC0415 - needs what the extra brings
    elif page:
        from ..report.html import html as form  # noqa: PLC0415
    else:
        from ..report.text import text as form  # noqa: PLC0415
    return form
