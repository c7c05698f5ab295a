"""README and docs say what is so: every option, every example, the table, the commands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import CodeType

import pytest
import yaml

from escape_mw import load
from escape_mw.rules.schema import RulesFile

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("examples/**/*.md")]
}
SECTIONS = {
    match[1]: match[2]
    for match in re.finditer(r"^### `([^`]+)`\n(.*?)(?=^##)", README, re.MULTILINE | re.DOTALL)
}
NESTED = ("Apps", "Destinations", "SitePageForm", "When")


def options():
    """Every key of the rules file, by its path.

    Those of catalogue entries are explained with the catalogue.
    """
    schema = RulesFile.model_json_schema()

    def keys(node, prefix):
        for name, value in node["properties"].items():
            model = value.get("$ref", value.get("allOf", [{}])[0].get("$ref", "")).rpartition("/")[
                2
            ]
            if model in NESTED:
                yield from keys(schema["$defs"][model], f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}"

    yield from keys(schema, "")
    yield from keys(schema["$defs"]["RuleForm"], "rules[].")


def test_every_option_is_a_heading_and_no_other():
    assert sorted(SECTIONS) == sorted(options())


@pytest.mark.parametrize("option", SECTIONS)
def test_an_option_has_type_default_and_an_example_that_works(option, monkeypatch):
    monkeypatch.setenv("ESCAPE_MW_SECRET", "a secret for tests only")
    text = SECTIONS[option]
    assert text.lstrip().startswith("Type: ")
    assert "Default: " in text or "Required." in text
    for example in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL):
        value = yaml.safe_load(example)
        part = value
        for key in option.replace("[]", ".0").split("."):
            part = part[int(key) if key.isdigit() else key]
        load({"version": 1, **value} if option != "mode" else {"version": 1, "mode": "observe"})


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


def test_anchors_lead_somewhere():
    for page, anchor in re.findall(r"\]\(([^)#]+)#([^)]*)\)", README):
        headings = re.findall(r"^#+ (.*)$", PAGES[page], re.MULTILINE)
        assert anchor in [
            re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings
        ]


def test_the_two_set_up_commands():
    assert "python -m pip install '.[serve]' && escape-mw serve" in README
    assert "python -m pip install -e '.[test]' && python -m pytest" in README


def test_commands_of_the_text_exist():
    for command in set(re.findall(r"escape-mw ([a-z]+)", "".join(PAGES.values()))):
        done = subprocess.run(
            [sys.executable, "-m", "escape_mw", command, "--help"], capture_output=True, check=False
        )
        assert done.returncode == 0, command
