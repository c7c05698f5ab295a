"""Imports point down, no cycle anywhere, and each package keeps to its own world.

The table is docs/map.md's. A module at the top of the package is public; a package imports only
packages in rows below its own.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import escape_mw
from escape_mw.events.options import LIBRARIES as SINKS

from .architecture import between_rooms, cycles, floors, imports, inside, modules, room
from .support.logs import MESSAGES

PACKAGE = Path(escape_mw.__file__).parent
OWN, FOREIGN = imports(PACKAGE)
ROOMS = between_rooms(OWN)
LAYERS = [
    {"web"},
    {"decision"},
    {"catalogue", "page", "events", "lab", "links"},
    {"rules", "report"},
    {"engine"},
    {"wsgi", "asgi", "django"},
    {"flask", "edge", "testing", ""},
    {"cli", "pytest_plugin"},
    {"__main__"},
]
LAYER = {name: number for number, layer in enumerate(LAYERS) for name in layer}
PROMISES = Path(__file__).parent / "promises"
PUBLIC = {"escape_mw", "escape_mw.flask.Escape"}
PUBLIC |= {f"escape_mw.{shell}.EscapeMiddleware" for shell in ("wsgi", "asgi", "django")}
PUBLIC |= {f"escape_mw.{name}" for name in escape_mw.__all__}
# In programs and dotted paths, as text.
PRIVATE = re.compile(
    r"(?:from |import |[\"'])escape_mw\.(?!asgi|flask|django|wsgi|testing)[a-z_]+[. ]|\.engine\b"
)
# Which libraries a package may import, and where in it; all others are the standard library's.
LIBRARIES = {
    "click": {"cli"},
    "django": {"django"},
    "asgiref": {"django"},
    "flask": {"flask"},
    "itsdangerous": {"decision.signing"},
    "jinja2": {"edge.written", "page", "lab", "report.html", "cli.demo", "cli.phone"},
    "markupsafe": {"page", "lab", "report.html"},
    "numpy": {"report"},
    "pydantic": {"rules"},
    "pydantic_core": {"rules"},
    "scipy": {"report"},
    "pytest": {"pytest_plugin"},
    "segno": {"lab.qr"},
    "sqlalchemy": {"events", "report", "cli.events"},
    "sqlite3": {"lab.store", "events.connections", "cli.lab"},
    "starlette": {"testing"},
    "ua_parser": {"decision.visitors"},
    "urllib3": {"edge.site"},
    "uvicorn": {"cli.serve"},
    "waitress": {"cli.serve", "cli.gate"},
    "werkzeug": {
        "web.accept",
        "cli.demo",
        "cli.live",
        "cli.phone",
        "cli.preview",
        "edge",
        "flask",
        "testing",
    },
    "yaml": {"rules"},
}
for name, library in SINKS.items():
    LIBRARIES.setdefault(library, {f"events.{name}"})


def test_every_room_has_its_layer():
    assert set(ROOMS) == set(LAYER)


@pytest.mark.parametrize("name", sorted(ROOMS))
def test_imports_point_down(name):
    for other in ROOMS[name]:
        assert LAYER[other] < LAYER[name], f"{name} imports {other}"


def test_floors():
    assert floors(ROOMS) <= 9


@pytest.mark.parametrize("name", sorted(set(ROOMS) - {""}))
def test_no_cycle_inside(name):
    assert cycles(inside(OWN, name)) == []


@pytest.mark.parametrize("module", sorted(OWN))
def test_each_library_has_its_place(module):
    for library in FOREIGN[module] - set(sys.stdlib_module_names) | FOREIGN[module] & {"sqlite3"}:
        if library == "_typeshed":
            continue
        assert library in LIBRARIES, f"{module} imports {library}"
        assert {module, room(module)} & LIBRARIES[library], f"{module} imports {library}"


def test_a_planted_upward_import_and_a_cycle_are_found(tmp_path):
    for name, text in {
        "__init__": "",
        "web": "from .decision import x",
        "decision/__init__": "from .a import b",
        "decision/a": "from .b import c",
        "decision/b": "from .a import b",
    }.items():
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    own, _ = imports(tmp_path)
    assert between_rooms(own)["web"] == {"decision"}
    assert cycles(inside(own, "decision")) == [["decision.a", "decision.b"]]


def test_the_decision_stands_alone():
    """Importing it brings none of the libraries that reading rules or rendering pages needs."""
    unwanted = {"pydantic", "yaml", "jinja2", "werkzeug", "click", "sqlalchemy", "ua_parser"}
    program = (
        "import sys, escape_mw.decision.decide\n"
        f"print(sorted({unwanted!r} & {{name.partition('.')[0] for name in sys.modules}}))\n"
        "print(sorted(n for n in sys.modules if n.startswith('escape_mw.')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    libraries, own = map(ast.literal_eval, done.stdout.decode().splitlines())
    assert libraries == []
    assert {name.split(".")[1] for name in own} == {"decision", "web"}


def test_no_test_module_imports_another():
    """What they share is in tests/support, or in a module of their folder that holds no test."""
    own, foreign = imports(Path(__file__).parent)
    tests = {module for module in own if module.rpartition(".")[2].startswith("test_")}
    assert {module: found for module in own if (found := own[module] & tests)} == {}
    assert [module for module in own if "tests" in foreign[module]] == []


def names_of(path):
    """What a module imports of this package: a public name, or a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", sorted(PROMISES.glob("*.py")), ids=lambda path: path.stem)
def test_a_promise_is_held_by_public_names(path):
    """What docs/python.md lists; what needs more is a package's own test, or in tests/support."""
    named = {name for name in names_of(path) if name.partition(".")[0] == "escape_mw"}
    assert named <= PUBLIC
    assert PRIVATE.findall(path.read_text(encoding="utf-8")) == []


def test_no_check_is_an_assert():
    """`python -O` takes asserts away; none may guard anything."""
    for module, path in modules(PACKAGE).items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.Assert)], module


def logged(path):
    """The first argument of every call of a logger in a module; one that is no constant fails."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(ast.Attribute(ast.Name("logger"), name), [message, *_]):
                if name != "isEnabledFor":
                    yield ast.literal_eval(message)


def test_every_log_message_is_known():
    """tests/promises/test_logs.py looks at each of them."""
    found = {text for path in modules(PACKAGE).values() for text in logged(path)}
    assert found == set(MESSAGES.values())
