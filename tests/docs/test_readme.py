"""README and docs say what is so: every example, every link, the commands."""

from __future__ import annotations

import re
from pathlib import Path
from types import CodeType

import pytest
import yaml

from escape_mw import catalogue, load

from ..support.commands import run

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/**/*.md")]
}


@pytest.mark.parametrize("page", PAGES)
def test_rules_in_the_text_are_good(page, tmp_path, monkeypatch):
    monkeypatch.setenv("ESCAPE_MW_SECRET", "a secret for tests only")
    (tmp_path / "page.html").write_text("{{ heading }}")
    (tmp_path / "page.css").write_text("h1 { color: red }")
    for number, example in enumerate(
        re.findall(r"```yaml\n(version: 1\n.*?)```", PAGES[page], re.DOTALL)
    ):
        path = tmp_path / f"{number}.yaml"
        path.write_text(example)
        assert load(path).policy.rules


@pytest.mark.parametrize("page", PAGES)
def test_python_in_the_text_compiles(page):
    for example in re.findall(r"```python\n(.*?)```", PAGES[page], re.DOTALL):
        assert isinstance(compile(example, page, "exec"), CodeType)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    folder = (ROOT / page).parent
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", PAGES[page]):
        path = (folder / target).resolve()
        assert path.exists() or not (ROOT / "escape_mw").exists(), f"{page}: {target}"


def anchors(text):
    """What the headings of a page are called in links."""
    return {
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }


@pytest.mark.parametrize("page", PAGES)
def test_anchors_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\(([^)#:]*\.md|)#([^)]*)\)", PAGES[page]):
        path = (ROOT / page).parent / target if target else ROOT / page
        assert anchor in anchors(path.read_text("utf-8")), f"{target}#{anchor}"


def test_readme_says_the_day_of_the_facts():
    assert f"The catalogue is of {catalogue.load().dated}" in README


def test_readme_is_short():
    assert len(README.splitlines()) <= 250


TABLE = README.partition("| your site has | write |")[2].partition("\n\n")[0]


@pytest.mark.parametrize("text", re.findall(r"`(\{path.*?|when: .*?|hosts: .*?)`", TABLE))
def test_what_the_table_says_to_write_is_good(text):
    value = yaml.safe_load(text)
    rules = value if "hosts" in value else {"rules": [{"path": "/a", "to": "page"} | value]}
    assert load({"version": 1, **rules}).policy.rules


def test_the_two_set_up_commands():
    assert "python -m pip install '.[serve]' && escape-mw serve" in README
    assert "python -m pip install -e '.[test]' && python -m pytest" in README


def test_commands_of_the_text_exist():
    for command in set(re.findall(r"escape-mw ([a-z]+)", "".join(PAGES.values()))):
        assert run(command, "--help").returncode == 0, command
