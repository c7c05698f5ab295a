"""The package's public names: each is imported when it is first asked for."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

import escape_mw


@pytest.mark.parametrize("name", escape_mw.__all__)
def test_every_public_name_is_there(name):
    assert getattr(escape_mw, name) is not None
    assert name in dir(escape_mw)


def test_the_version_is_the_distributions():
    assert escape_mw.__version__ == version("escape-mw")


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = escape_mw.nothing


def test_importing_the_package_imports_none_of_its_parts():
    program = "import sys, escape_mw; print([n for n in sys.modules if n.startswith('escape_mw.')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


def test_reading_rules_leaves_the_function_that_reads_them():
    """A submodule of one name with a function would take its place once it is imported."""
    program = (
        "import escape_mw, escape_mw.rules\n"
        "escape_mw.load({'version': 1})\n"
        "print(callable(escape_mw.rules.load), callable(escape_mw.load))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.split() == [b"True", b"True"]
