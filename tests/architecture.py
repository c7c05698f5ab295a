"""The structure of the package, counted from its imports: `python -m tests.architecture [PACKAGE]`.

A room is a module at the top of the package, or a folder of it with all that is in it. A floor is
one step of the longest chain of imports between rooms; a cycle is a set of rooms, or of modules of
one room, that import each other.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

Imports = dict[str, set[str]]


def modules(package: Path) -> dict[str, Path]:
    """Every module below the package by its dotted name; the package itself by ""."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(package: Path) -> tuple[Imports, Imports]:
    """What each module imports: modules of the package, and libraries of others."""
    known = modules(package)
    own: Imports = {}
    foreign: Imports = {}
    for name, path in known.items():
        own[name], foreign[name] = _imports_of(path, package, known)
        own[name].discard(name)
    return own, foreign


def _imports_of(path: Path, package: Path, known: dict[str, Path]) -> tuple[set[str], set[str]]:
    own: set[str] = set()
    foreign: set[str] = set()
    folder = list(path.relative_to(package).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            parts = node.module.split(".") if node.module else []
            base = [*folder[: len(folder) - node.level + 1], *parts]
            names = {".".join([*base, alias.name]) for alias in node.names}
            own |= (names & set(known)) or {".".join(base)}
        elif isinstance(node, ast.ImportFrom) and node.module:
            foreign.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Import):
            foreign |= {alias.name.partition(".")[0] for alias in node.names}
    return own, foreign


def room(module: str) -> str:
    """The room that a module is in; "" is the package's own file."""
    return module.partition(".")[0]


def between_rooms(own: Imports) -> Imports:
    """The imports of each room from others."""
    found: Imports = {room(module): set() for module in own}
    for module, others in own.items():
        here = room(module)
        found[here] |= {room(other) for other in others} - {here}
    return found


def inside(own: Imports, name: str) -> Imports:
    """The imports of a room's modules from each other."""
    mine = {module for module in own if module == name or module.startswith(f"{name}.")}
    return {module: own[module] & mine for module in mine}


def cycles(graph: Imports) -> list[list[str]]:
    """The sets of nodes that import each other (Tarjan's strongly connected components)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in order:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], order[other])
        if low[node] == order[node]:
            part = []
            while not part or part[-1] != node:
                part.append(stack.pop())
            if len(part) > 1:
                found.append(sorted(part))

    for node in graph:
        if node not in order:
            visit(node)
    return found


def floors(graph: Imports) -> int:
    """The longest chain of imports, in nodes; a graph without cycles."""
    heights: dict[str, int] = {}

    def height(node: str, above: tuple[str, ...] = ()) -> int:
        if node in above:
            raise ValueError(f"a cycle: {' -> '.join((*above, node))}")
        if node not in heights:
            below = (height(other, (*above, node)) for other in graph.get(node, ()))
            heights[node] = 1 + max(below, default=0)
        return heights[node]

    return max(height(node) for node in graph)


def main() -> None:
    """Print the figures of a package."""
    package = Path(sys.argv[1] if len(sys.argv) > 1 else "escape_mw").resolve()
    own, _ = imports(package)
    rooms = between_rooms(own)
    apart = [cycle for name in rooms if name for cycle in cycles(inside(own, name))]
    across = cycles(rooms)
    print(f"modules {len(own)}, rooms {len(rooms)}, imports between rooms", end=" ")
    print(sum(map(len, rooms.values())))
    print(f"floors of rooms {floors(rooms) if not across else 'none: there are cycles'}")
    print(f"floors of modules {floors(own) if not cycles(own) else 'none: there are cycles'}")
    print(f"cycles between rooms {len(across)} {across or ''}".rstrip())
    print(f"cycles inside a room {len(apart)} {apart or ''}".rstrip())


if __name__ == "__main__":
    main()
