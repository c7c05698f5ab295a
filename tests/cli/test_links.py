"""`escape-mw links`: what a site puts into its pages by hand."""

from __future__ import annotations

from click.testing import CliRunner

from escape_mw import load
from escape_mw.cli.main import main
from escape_mw.links.script import script_of


def printed(*words):
    done = CliRunner().invoke(main, ["links", *words])
    assert done.exit_code == 0
    return done.output


def test_the_tag_is_one_line_of_html():
    assert printed("tag") == '<script async src="/_escape/links.js"></script>\n'


def test_the_script_is_that_of_the_rules(tmp_path):
    rules = tmp_path / "escape.yaml"
    rules.write_text("version: 1\ndestinations: {only: [deezer]}\n")
    text = printed("script", "--rules", str(rules))
    assert text == script_of(load(rules).policy) + "\n"
    assert "deezer.com" in text
    assert "open.spotify.com" not in text
