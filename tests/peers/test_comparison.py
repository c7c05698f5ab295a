"""The comparison finds every way in which a wrapped run can be worse than the bare one."""

from __future__ import annotations

from pathlib import Path

import pytest

from .comparison import Run, bare_problems, ours, problems
from .peers import PEERS

BARE = Run({"a": "passed", "b": "passed", "c": "failed", "d": "skipped"}, {})
INSIDE = Path(__file__).parent / "inside"
SEEN = {"requests": 9, "asked": 4, "answered": 0, "errors": 0}


def wrapped(seen=(), **outcomes):
    return Run({**BARE.outcomes, **outcomes}, {**SEEN, **dict(seen)})


@pytest.mark.parametrize(
    ("run", "found"),
    [
        pytest.param(wrapped(), [], id="the same failures"),
        pytest.param(wrapped(c="passed"), [], id="one failure less"),
        pytest.param(wrapped(a="failed"), ["a"], id="one failure more"),
        pytest.param(wrapped(a="failed", c="passed"), ["a"], id="another failure instead"),
        pytest.param(wrapped(b="skipped"), ["b"], id="a test that is skipped"),
        pytest.param(wrapped(d="failed"), ["d"], id="a skipped test that fails"),
        pytest.param(wrapped(e="failed"), ["e"], id="a failure that is no test of the bare run"),
        pytest.param(wrapped(e="passed"), [], id="a test more, which passes"),
        pytest.param(Run({"b": "passed"}, SEEN), ["a", "c", "d"], id="tests that vanished"),
    ],
)
def test_which_failures_are_ours(run, found):
    assert ours(BARE, run) == found
    assert len(problems(BARE, run, is_asked=True)) == len(found)


@pytest.mark.parametrize(
    ("seen", "is_asked", "found"),
    [
        pytest.param({}, True, [], id="as it should be"),
        pytest.param({"asked": 0}, False, [], id="a browser, which is not asked about"),
        pytest.param(
            {"asked": 0}, True, ["the middleware asked the site for nothing"], id="a host app"
        ),
        pytest.param(
            {"requests": 0}, False, ["no request went through the wrapper"], id="never entered"
        ),
        pytest.param({"answered": 2}, True, ["answered: 2"], id="answered by the middleware"),
        pytest.param({"errors": 1}, True, ["errors: 1"], id="an error that failed open"),
    ],
)
def test_what_the_wrapper_saw(seen, is_asked, found):
    assert problems(BARE, wrapped(seen), is_asked=is_asked) == found


@pytest.mark.parametrize("peer", PEERS.values(), ids=lambda peer: peer.name)
def test_every_project_has_its_modules(peer):
    for module in (f"in_{peer.name}", f"by_{peer.runner}"):
        assert (INSIDE / f"{module}.py").exists()
    for name, _ in peer.added:
        assert (INSIDE.parent / name).exists()


def test_a_bare_run_with_too_few_tests_is_nothing_to_compare_with():
    assert bare_problems(BARE, least=2) == []
    assert bare_problems(BARE, least=3) == ["only 2 tests pass bare; 3 should"]
