"""A rules file that is edited while the site runs."""

from __future__ import annotations

import logging
import os
import threading

import pytest

from escape_mw import EscapeMiddleware
from escape_mw.decision.model import Subject
from escape_mw.rules.reload import CHECK_INTERVAL, RulesSource

from ..agents import INSTAGRAM_IOS
from ..sites import ask_wsgi, plain


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def passes(self):
        self.now += CHECK_INTERVAL


@pytest.fixture
def file(tmp_path):
    return tmp_path / "escape.yaml"


def write(file, text):
    """As an editor does it, with a time of its own.

    For quick tests are quicker than some file systems' clocks.
    """
    before = file.stat().st_mtime_ns if file.exists() else 0
    file.write_text(text)
    os.utime(file, ns=(before + 1, max(before + 1, file.stat().st_mtime_ns)))


def names(source):
    return [rule.name for rule in source.current().policy.rules]


def test_an_edit_is_in_force_after_the_interval_and_not_before(file):
    clock = Clock()
    write(file, "version: 1\nrules: [{name: old, path: /x, to: page}]\n")
    source = RulesSource(file, clock)
    write(file, "version: 1\nrules: [{name: new, path: /x, to: page}]\n")
    assert names(source) == ["old"]
    clock.passes()
    assert names(source) == ["new"]


def test_rules_are_only_read_when_the_file_changed(file, monkeypatch):
    clock = Clock()
    write(file, "version: 1\n")
    source = RulesSource(str(file), clock)
    before = source.current()
    monkeypatch.setattr("escape_mw.rules.reload.load", lambda _: pytest.fail("read again"))
    clock.passes()
    assert source.current() is before


BROKEN = [
    pytest.param(lambda file: write(file, "version: 1\nmod: act\nvary: 3\n"), 2, id="two problems"),
    pytest.param(lambda file: write(file, ""), 1, id="half written: nothing yet"),
    pytest.param(lambda file: file.unlink(), 1, id="gone"),
    pytest.param(lambda file: write(file, "version: 1\nrules: [{path: /x"), 1, id="half written"),
]


@pytest.mark.parametrize(("spoil", "problems"), BROKEN)
def test_a_broken_edit_keeps_the_last_good_rules_and_is_told_once(file, caplog, spoil, problems):
    clock = Clock()
    write(file, "version: 1\nrules: [{name: good, path: /x, to: page}]\n")
    source = RulesSource(file, clock)
    spoil(file)
    with caplog.at_level(logging.ERROR, "escape_mw"):
        for _ in range(3):
            clock.passes()
            assert names(source) == ["good"]
    assert len(caplog.records) == problems
    write(file, "version: 1\nrules: [{name: mended, path: /x, to: page}]\n")
    clock.passes()
    assert names(source) == ["mended"]


def test_a_template_counts_too(file, tmp_path):
    clock = Clock()
    template = tmp_path / "ours.html"
    write(template, "one {{ heading }}")
    write(file, "version: 1\npage: {template: ours.html}\n")
    source = RulesSource(file, clock)
    before = source.current()
    write(template, "two {{ heading }}")
    clock.passes()
    assert source.current() is not before


def test_a_mapping_is_never_looked_at_again():
    clock = Clock()
    source = RulesSource({"version": 1}, clock)
    before = source.current()
    clock.passes()
    assert source.current() is before


def test_one_thread_reads_while_the_others_go_on(file, monkeypatch):
    clock = Clock()
    write(file, "version: 1\n")
    source = RulesSource(file, clock)
    before = source.current()
    reading, go_on = threading.Event(), threading.Event()

    def slow(_):
        reading.set()
        assert go_on.wait(10)
        return before

    monkeypatch.setattr("escape_mw.rules.reload.load", slow)
    write(file, "version: 1\nvary: true\n")
    clock.passes()
    reader = threading.Thread(target=source.current)
    reader.start()
    assert reading.wait(10)
    assert source.current() is before, "this request waits for nobody"
    go_on.set()
    reader.join(10)


def test_the_kill_switch_works_on_a_running_site(file, monkeypatch):
    """Instagram changes something; the operator switches the technique off and restarts nothing."""
    clock = Clock()
    monkeypatch.setattr("time.monotonic", clock)
    monkeypatch.setattr(RulesSource.__init__, "__defaults__", (None, clock))
    write(file, "version: 1\n")
    app = EscapeMiddleware(plain, file)
    assert b"instagram://extbrowser" in ask_wsgi(app, "/smart", INSTAGRAM_IOS)[2]
    write(
        file,
        (
            "version: 1\ntechniques: [{app: instagram, platform: ios, "
            "technique: extbrowser, enabled: false}]\n"
        ),
    )
    clock.passes()
    page = ask_wsgi(app, "/smart", INSTAGRAM_IOS)[2]
    assert b"instagram://extbrowser" not in page
    assert b"googlechromes://" in page


EDITS = [
    pytest.param("version: 1\n", "version: 1\nvary: true\n", True, id="nothing of its name"),
    pytest.param(
        "version: 1\n", "version: 1\nrules: [{path: /x, to: page}]\n", False, id="the rules' paths"
    ),
    pytest.param(
        "version: 1\nbase_url: https://site.example\n",
        "version: 1\nbase_url: https://site.example\nrules: [{path: /x, to: page}]\n",
        True,
        id="the rules of a site with an address",
    ),
    pytest.param(
        "version: 1\nsite: labels\n",
        "version: 1\nsite: labels\nbase_url: https://site.example\n",
        True,
        id="anything but the name",
    ),
    pytest.param("version: 1\nsite: labels\n", "version: 1\nsite: others\n", False, id="the name"),
]


@pytest.mark.parametrize(("before", "after", "holds"), EDITS)
def test_tokens_outlive_an_edit_that_leaves_the_sites_name(file, before, after, holds):
    """A process keeps its secret; what is out there is good as long as the site is the same."""
    clock = Clock()
    write(file, before)
    source = RulesSource(file, clock)
    policy = source.current().policy
    page, subject = "https://site.example/x", Subject("visit")
    url = policy.markers.add_to(page, policy.markers.value(page, "intent", subject, 0))
    token = policy.tokens.site(subject, "", 0)
    write(file, after)
    clock.passes()
    edited = source.current().policy
    assert edited is not policy
    value, _ = edited.markers.extract(url.partition("?")[2])
    assert edited.markers.read(value, url, 0).is_verified is holds
    assert (edited.tokens.read_site(token, 0) is not None) is holds
