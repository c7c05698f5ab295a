"""Imports point down, and each module keeps to its own world."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import escape_mw

PACKAGE = Path(escape_mw.__file__).parent
LAYERS = [
    ["model", "paths", "handoffs", "document"],
    ["schema"],
    ["catalogue", "visitors", "destinations", "markers", "languages", "problems"],
    ["ladder", "page"],
    ["policy"],
    ["decide"],
    ["rules"],
    ["reload"],
    ["engine"],
    ["middleware", "explain", "demo", "tables"],
    ["preview"],
    ["cli", "flask", "django", "__init__"],
    ["__main__"],
]
ONLY = {
    "yaml": {"document", "catalogue", "languages"},
    "jinja2": {"page", "preview"},
    "pydantic": {"schema", "problems", "rules"},
    "click": {"cli"},
    "itsdangerous": {"markers"},
    "ua_parser": {"visitors"},
    "werkzeug": {"policy", "languages", "page", "demo"},
    "waitress": {"cli"},
    "flask": {"flask"},
    "django": {"django"},
}
LAYER = {module: number for number, layer in enumerate(LAYERS) for module in layer}
MODULES = {path.stem if path.stem != "__init__" or path.parent == PACKAGE else path.parent.name: path for path in PACKAGE.rglob("*.py")}


def imported(path):
    """Modules of ours, and packages of others, that a module imports at run time."""
    ours, others = set(), set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            ours |= {node.module.partition(".")[0]} if node.module else {name.name for name in node.names if not name.name.startswith("__")}
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
        asserts = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Assert)]
        assert len(asserts) <= allowed.get(module, 0), module
