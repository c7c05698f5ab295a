"""Other projects' tests, bare and wrapped: `python -m tests.peers FOLDER [NAMES]`.

Each project's tests are run as an iPhone's Safari and as TikTok's webview, bare, and wrapped with
the default rules and with a full rules file. Then the wrapper loses a header, which the comparison
must find. What a run prints is in FOLDER/NAME/RUN.txt. Needs pip, uv and PyYAML.
"""

from __future__ import annotations

import sys
from pathlib import Path

from .comparison import FAILED, PASSED, Run, bare_problems, ours, problems
from .fetching import environment, fetch
from .peers import PEERS, Peer
from .running import AGENTS, Place, full_rules, run

COLUMNS = "{:<11}{:<29}{:>7}{:>7}{:>6}{:>10}{:>8}{:>9}"
HEAD = ("peer", "run", "passed", "failed", "ours", "requests", "asked", "seconds")


def row(peer: Peer, name: str, bare: Run | None, came: Run, seconds: float) -> None:
    """Print a row of the table; a bare run is compared with none."""
    cells = ["", "", ""]
    if bare is not None:
        cells = [len(ours(bare, came)), came.seen["requests"], came.seen["asked"]]
    counts = (came.count(PASSED), came.count(FAILED), *cells, f"{seconds:.1f}")
    print(COLUMNS.format(peer.name, name, *counts), flush=True)


def runs_of(peer: Peer, place: Place, agent: str, rules: Path) -> list[str]:
    """The runs of a visitor, each wrapped one held against the bare one: what is wrong."""
    name = f"{agent}, bare"
    bare, seconds = run(peer, place, agent, name, is_wrapped=False)
    row(peer, name, None, bare, seconds)
    found = bare_problems(bare, peer.least)
    for kind, given in {"default": None, "full": str(rules)}.items():
        name = f"{agent}, {kind}"
        came, seconds = run(peer, place, agent, name, is_wrapped=True, rules=given)
        row(peer, name, bare, came, seconds)
        found += [f"{name}: {one}" for one in problems(bare, came, is_asked=agent == "TikTok")]
    return found + (planted(peer, place, agent, bare) if agent == "TikTok" else [])


def planted(peer: Peer, place: Place, agent: str, bare: Run) -> list[str]:
    """The wrapper loses a header: the comparison must find that."""
    name = f"{agent}, no {peer.planted}"
    came, seconds = run(peer, place, agent, name, is_wrapped=True, planted=peer.planted)
    row(peer, name, bare, came, seconds)
    if not ours(bare, came):
        return ["the planted fault was not found"]
    print(f"the planted fault was found by {ours(bare, came)[0]}")
    return []


def check(peer: Peer, folder: Path) -> list[str]:
    """All runs of a project: what is wrong."""
    tree = fetch(peer, folder)
    place = Place(tree, environment(peer, tree, folder), folder)
    rules = full_rules(folder)
    found = [one for agent in AGENTS for one in runs_of(peer, place, agent, rules)]
    return [f"{peer.name}, {one}" for one in found]


def main(folder: Path, *names: str) -> int:
    """Check the projects of these names, or all."""
    if unknown := set(names) - set(PEERS):
        print(f"not known: {', '.join(sorted(unknown))}; known: {', '.join(PEERS)}")
        return 2
    print(COLUMNS.format(*HEAD))
    found = [
        one for name in names or PEERS for one in check(PEERS[name], (folder / name).resolve())
    ]
    print("\n".join(found) or "no failure is ours")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
