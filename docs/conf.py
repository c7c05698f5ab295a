"""The documentation as a site, in one command with warnings as errors.

    python -m pip install -e '.[docs,serve,report,prometheus,opentelemetry]' flask django
    python -m sphinx -W --keep-going -b html docs docs/_build

Sphinx reads the commands from click and the public names from their docstrings, so that neither is
written twice. The pages are Markdown, and can be read on a code host as they are.
"""

from __future__ import annotations

from importlib.metadata import version as version_of
from typing import Any

# Files above this folder, and the pages that include them.
INCLUDED = {
    "../CHANGELOG.md": "changes.md",
    "../SECURITY.md": "security.md",
    "../benchmarks/README.md": "figures.md",
}

project = "escape_mw"
project_copyright = "escape_mw contributors"
version = release = version_of("escape-mw")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_click"]
exclude_patterns = ["_build", "screens"]
myst_heading_anchors = 3
autodoc_typehints = "none"
autodoc_preserve_defaults = True
default_role = "code"
smartquotes = False

html_theme = "furo"
html_title = "escape_mw"
html_show_sphinx = False
html_copy_source = False


def setup(app: Any) -> None:
    """Connect what follows to Sphinx."""
    app.connect("source-read", link_to_pages)
    app.connect("autodoc-process-docstring", mark_examples)
    app.connect("sphinx-click-process-description", mark_places)


def link_to_pages(_app: Any, _name: str, source: list[str]) -> None:
    """Let links to files above this folder lead to the pages that include them."""
    for path, page in INCLUDED.items():
        source[0] = source[0].replace(f"]({path}", f"]({page}")


def mark_examples(
    _app: Any, _what: str, _name: str, _of: Any, _options: Any, lines: list[str]
) -> None:
    """Say that an indented paragraph of a docstring is code, as reStructuredText wants it."""
    for number in range(len(lines) - 1, 0, -1):
        if lines[number].startswith("    ") and not lines[number - 1].strip():
            lines[number:number] = ["::", ""]


def mark_places(_app: Any, _context: Any, lines: list[str]) -> None:
    """Keep `file:line:column` in a command's help from becoming a link to a file."""
    lines[:] = [line.replace("file:line:column", "``file:line:column``") for line in lines]
