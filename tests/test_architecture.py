"""Imports point down, and each module keeps to its own world."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import escape_mw

PACKAGE = Path(escape_mw.__file__).parent
LAYERS = [
    [
        "model",
        "paths",
        "handoffs",
        "document",
        "logs",
        "lab",
        "events",
        "events.event",
        "events.period",
        "report",
    ],
    ["fields"],
    ["entries"],
    [
        "schema",
        "catalogue",
        "visitors",
        "destinations",
        "markers",
        "languages",
        "problems",
        "experiment",
        "lab.marks",
        "events.tables",
    ],
    [
        "ladder",
        "page",
        "lab.store",
        "events.database",
        "events.prometheus",
        "events.opentelemetry",
        "report.counts",
        "report.statistics",
    ],
    [
        "policy",
        "lab.page",
        "lab.results",
        "events.sinks",
        "report.power",
        "report.daily",
        "report.funnel",
        "report.health",
        "report.reader",
    ],
    [
        "decide",
        "environ",
        "lab.rows",
        "compiled",
        "events.recorder",
        "report.readings",
        "report.figures",
    ],
    ["rules", "lab.places", "events.stages", "report.charts", "report.summary"],
    ["reload", "lab.cli", "events.places", "events.cli", "report.words"],
    ["events.measurement", "report.text", "report.machine", "report.html"],
    ["engine", "report.cli"],
    ["middleware", "explain", "demo", "tables", "outcomes"],
    ["preview"],
    ["cli", "flask", "django", "escape_mw"],
    ["__main__"],
]
ONLY = {
    "yaml": {"document", "catalogue", "languages"},
    "jinja2": {"page", "preview", "lab.page", "report.html"},
    "pydantic": {"fields", "entries", "schema", "problems", "rules"},
    "click": {"cli", "lab.cli", "events.cli", "report.cli"},
    "sqlalchemy": {
        "events.tables",
        "events.database",
        "events.sinks",
        "events.cli",
        "report.counts",
        "report.reader",
        "report.summary",
    },
    "prometheus_client": {"events.prometheus"},
    "opentelemetry": {"events.opentelemetry"},
    "statsmodels": {"report.statistics", "report.power"},
    "scipy": {"report.statistics", "report.power"},
    "numpy": {"report.power"},
    "itsdangerous": {"markers", "lab.marks"},
    "sqlite3": {"lab.store", "lab.cli", "events.database"},
    "ua_parser": {"visitors"},
    "werkzeug": {"policy", "languages", "page", "demo"},
    "waitress": {"cli"},
    "flask": {"flask"},
    "django": {"django"},
}
LAYER = {module: number for number, layer in enumerate(LAYERS) for module in layer}


def name_of(path):
    """A module's name below the package; the package itself by its own."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts) or PACKAGE.name


MODULES = {name_of(path): path for path in PACKAGE.rglob("*.py")}


def imported(path):
    """Modules of ours, and packages of others, that a module imports."""
    ours, others = set(), set()
    folder = list(path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = folder[: len(folder) - node.level + 1] + (
                node.module.split(".") if node.module else []
            )
            names = {".".join([*base, name.name]) for name in node.names}
            ours |= (names & set(MODULES)) or ({".".join(base)} if base else set())
        elif isinstance(node, ast.ImportFrom) and node.module:
            others.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Import):
            others |= {name.name.partition(".")[0] for name in node.names}
    return ours, others


def test_every_module_has_its_layer():
    assert set(MODULES) == set(LAYER)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_down(module):
    for other in imported(MODULES[module])[0]:
        assert LAYER[other] < LAYER[module], f"{module} imports {other}"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_each_library_has_its_rooms(module):
    for library in imported(MODULES[module])[1] & set(ONLY):
        assert module in ONLY[library], f"{module} imports {library}"


def test_no_check_is_an_assert():
    """`python -O` takes asserts away; none of ours may guard anything."""
    allowed = {"middleware": 1}
    for module, path in MODULES.items():
        asserts = [
            node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Assert)
        ]
        assert len(asserts) <= allowed.get(module, 0), module
