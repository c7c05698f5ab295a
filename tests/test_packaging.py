"""What the sdist and the wheel hold; the wheel is built from the unpacked sdist."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("escape_mw", "benchmarks", "docs", "examples", "tests")
CACHES = shutil.ignore_patterns("__pycache__", ".*", "*.pyc", "_build")
TEXTS = {"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md"}
SETTINGS = {"MANIFEST.in", "pyproject.toml", "setup.cfg"}
# What a run of the tests leaves behind, at worst.
LITTER = (
    "tests/page/__pycache__/test_skin.pyc",
    "tests/__pycache__/notes.txt",
    "tests/.hypothesis/unicode_data/codec",
    "docs/.pytest_cache/README.md",
    "examples/.DS_Store",
    "escape_mw/catalogue/.apps.yaml",
)
pytestmark = pytest.mark.slow


def numbers(text):
    return [int(part) for part in re.findall(r"\d+", text)[:3]]


def needs(name, at_least):
    try:
        found = version(name)
    except PackageNotFoundError:
        found = "0"
    if numbers(found) < numbers(at_least):
        pytest.skip(f"{name} {at_least} or newer is not installed")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of the sources without caches of their own."""
    if not (ROOT / "escape_mw" / "__init__.py").exists():
        pytest.skip("the package's sources are not beside the tests")
    settings = (ROOT / "pyproject.toml").read_text("utf-8")
    needs("setuptools", re.search(r"setuptools>=([\d.]+)", settings)[1])
    needs("build", "1.0")
    copy = tmp_path_factory.mktemp("source")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, copy / name, ignore=CACHES)
    for name in TEXTS | SETTINGS:
        shutil.copy(ROOT / name, copy)
    return copy


@pytest.fixture(scope="module")
def files(source):
    return {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def built(source, files):
    """The folder with both, built with what is installed, in the presence of litter."""
    assert files, "listed before the build, which adds its own"
    for name in LITTER:
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", "dist", "."]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return source / "dist"


@pytest.fixture(scope="module")
def sdist(built):
    [path] = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        return {one.name.partition("/")[2] for one in archive.getmembers() if one.isfile()}


@pytest.fixture(scope="module")
def wheel(built):
    [path] = built.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_sdist_holds_every_source_and_nothing_else(sdist, files):
    made = {name for name in sdist if name == "PKG-INFO" or name.startswith("escape_mw.egg-info/")}
    assert sdist - made == files


def test_the_wheel_holds_the_package_without_the_catalogues_sources(wheel, files):
    package = {name for name in files if name.startswith("escape_mw/")}
    shipped = {name for name in wheel if ".dist-info/" not in name}
    assert shipped == {name for name in package if not name.endswith(".yaml")}
    assert {"escape_mw/py.typed", "escape_mw/catalogue/catalogue.json"} <= shipped


def test_the_metadata_names_the_licence_by_its_expression(wheel):
    [metadata] = (text for name, text in wheel.items() if name.endswith(".dist-info/METADATA"))
    said = message_from_bytes(metadata)
    assert said["License-Expression"] == "MIT"
    assert said["License-File"] == "LICENSE"
    assert said["License"] is None
