"""SECURITY.md names the lowest version of every dependency, and why it is not lower."""

from __future__ import annotations

import re
from configparser import ConfigParser
from datetime import date
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
REQUIREMENT = re.compile(r"([A-Za-z0-9_-]+)(?:\[[a-z]+\])?>=([0-9.]+(?:b[0-9]+)?)", re.ASCII)
ROW = re.compile(r"^\| ([A-Za-z0-9_-]+) \| ([0-9][0-9.]*(?:b[0-9]+)?) \| (.+) \|$", re.MULTILINE)
FIXED = re.compile(r"CVE-\d{4}-\d{4,}(?: and CVE-\d{4}-\d{4,})? \(([0-9.]+)\)")


def requirements():
    """Every line of setup.cfg's requirements, and pyproject.toml's."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    texts = [config["options"]["install_requires"], *config["options.extras_require"].values()]
    built = re.search(r"^requires = \[(.*)\]$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    built_by = [word.strip().strip('"') for word in built[1].split(",")]
    return [*(line for text in texts for line in text.split()), *built_by]


def numbers(version):
    return tuple(map(int, version.split(".")))


FLOORS = sorted({REQUIREMENT.fullmatch(line).groups() for line in requirements()})
ROWS = ROW.findall(TEXT)
# Fixed in these versions, by their advisories, which are checked as SECURITY.md says.
ADVISORIES = [
    pytest.param("werkzeug", "3.1.6", id="CVE-2026-27199"),
    pytest.param("Jinja2", "3.1.6", id="CVE-2025-27516"),
    pytest.param("waitress", "3.0.1", id="CVE-2024-49768"),
    pytest.param("click", "8.3.3", id="CVE-2026-7246"),
    pytest.param("pydantic", "2.4.0", id="CVE-2024-3772"),
    pytest.param("PyYAML", "5.4", id="CVE-2020-14343"),
    pytest.param("scipy", "1.10.0", id="CVE-2023-25399"),
    pytest.param("pytest", "9.0.3", id="CVE-2025-71176"),
    pytest.param("Flask", "3.1.3", id="CVE-2026-27205"),
    pytest.param("setuptools", "80.10.2", id="CVE-2026-24049"),
]


def test_every_requirement_has_one_floor():
    assert len(FLOORS) == len({name.lower() for name, _ in FLOORS})


def test_the_tables_name_every_dependency_with_its_floor_and_no_other():
    assert sorted((name, version) for name, version, _ in ROWS) == FLOORS


@pytest.mark.parametrize(("name", "fixed"), ADVISORIES)
def test_no_floor_has_an_advisory_that_is_known(name, fixed):
    assert numbers(dict(FLOORS)[name]) >= numbers(fixed)
    assert fixed in next(why for row, _, why in ROWS if row == name)


@pytest.mark.parametrize("row", [pytest.param(row, id=row[0]) for row in ROWS if "CVE" in row[2]])
def test_what_a_row_names_is_fixed_in_its_floor(row):
    _, floor, why = row
    fixes = FIXED.findall(why)
    assert fixes
    assert all(numbers(fix) <= numbers(floor) for fix in fixes)


def test_the_tables_say_when_they_were_checked():
    [checked] = re.findall(r"Checked (\d{4}-\d{2}-\d{2})\.", TEXT)
    assert date.fromisoformat(checked) >= date(2026, 11, 26)
