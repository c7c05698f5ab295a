"""The report for people: one HTML document with inline charts, no script and no requests."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace

import jinja2
from markupsafe import Markup

from ..web.answers import source_hash, template_text
from . import figures, sentences, words
from .charts import lift_chart
from .figures import Names
from .funnel import Funnel, Line
from .parts import outcome_names
from .readings import Reading
from .statistics import Share, wilson
from .summary import Summary
from .tasks import CHECK, STATUS, tasks

POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'"


def html(summary: Summary, names: Names) -> str:
    """The whole document. The template escapes every name from the database (Jinja2 autoescape)."""
    style = template_text(__package__, "report.css").strip()
    return _template().render(
        summary=summary,
        names=names,
        style=Markup(style),  # noqa: S704 - a file of this package
        policy=f"{POLICY}; style-src {source_hash(style)}",
        tasks=tasks(summary, names),
        outcomes=outcome_names(summary.parts),
    )


def _bars(funnel: Funnel) -> list[tuple[str, str, Share | None]]:
    """The stages of a funnel's total: CSS class, label, and share of the eligible visits."""
    total = funnel.total
    stages = [
        ("eligible", "opened the link inside an app", Share(total.eligible, total.eligible)),
        ("tried", "tried a technique", total.tried),
    ]
    return [
        *stages,
        ("weak", "left the page (weak evidence)", total.left),
        ("arrived", f"arrived in the {figures.GOALS.get(funnel.goal, funnel.goal)}", total.arrived),
    ]


def _apps(funnel: Funnel) -> list[Line]:
    """The host apps with the most visits; the table lists all of them."""
    found = [line for line in funnel.lines if line.eligible and not line.technique]
    return found[: words.SHOWN]


def _arms(reading: Reading) -> list[tuple[str, str, Share]]:
    """The groups of an experiment: CSS class, name, and share with the outcome."""
    parts = [("escape", "of them arrived", reading.arrived), ("escape", "stayed", reading.stayed)]
    return [
        ("holdout", "held out", reading.holdout),
        ("escape", "with escapes", reading.escape),
        *(parts if reading.arrived.of else ()),
    ]


def _scale_end(reading: Reading) -> float:
    """The right end of the arms' scale: a tenth beyond the highest interval."""
    found = [wilson(share) for _, _, share in _arms(reading)]
    return (
        min(1.0, max([interval.high for interval in found if interval], default=1.0) * 1.1) or 1.0
    )


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    charts = SimpleNamespace(
        bars=_bars, apps=_apps, arms=_arms, scale_end=_scale_end, lift=lift_chart
    )
    environment.globals |= {
        "f": figures,
        "w": words,
        "s": sentences,
        "charts": charts,
        "wilson": wilson,
        "CHECK": CHECK,
        "STATUS": STATUS,
    }
    return environment.from_string(template_text(__package__, "report.html"))
