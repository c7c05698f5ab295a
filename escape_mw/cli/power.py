"""`escape-mw power`: how many visits an experiment needs.

SciPy is imported once the command has its options.
"""

from __future__ import annotations

import click

from .options import LIFT, SHARE, report_extra
from .terminal import say


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
    with report_extra():
        from ..report.power import visits_needed  # noqa: PLC0415 - an extra, and slow to import
        from ..report.sentences import planned_size  # noqa: PLC0415
    try:
        size = visits_needed(baseline, lift, holdout)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    say("\n".join(planned_size(size, baseline, lift, holdout, per_day)))
