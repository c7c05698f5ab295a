"""A rules file that is edited while the site runs."""

from __future__ import annotations

import itertools
import logging
import os
import threading
import time
from types import SimpleNamespace

import pytest

from escape_mw import EscapeMiddleware, RulesError
from escape_mw.decision.model import Subject
from escape_mw.rules.reload import CHECK_INTERVAL, RulesSource

from ..support import faults
from ..support.agents import INSTAGRAM_IOS
from ..support.files import write
from ..support.sites import ask_wsgi, plain
from ..support.waiting import until


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


def readers():
    """The threads that read rules now."""
    return [thread for thread in threading.enumerate() if thread.name == "escape_mw rules"]


class Held:
    """What adopts rules, and the source that they come from."""

    def __init__(self, source, clock=time.monotonic):
        self.source = RulesSource(source, self.adopt, clock)
        self.rules = self.source.rules
        self.adopted = []

    def adopt(self, rules):
        self.adopted.append(rules)
        self.rules = rules

    @property
    def names(self):
        return [rule.name for rule in self.rules.policy.rules]


def test_an_edit_is_in_force_after_the_interval_and_not_before(file):
    clock = Clock()
    write(file, "version: 1\nrules: [{name: old, path: /x, to: page}]\n")
    held = Held(file, clock)
    write(file, "version: 1\nrules: [{name: new, path: /x, to: page}]\n")
    held.source.look_now_and_then()
    until(lambda: not readers())
    assert held.names == ["old"]
    clock.passes()
    held.source.look_now_and_then()
    until(lambda: held.names == ["new"])


def test_where_no_thread_can_be_had_the_request_reads(file, monkeypatch):
    clock = Clock()
    write(file, "version: 1\n")
    held = Held(file, clock)
    write(file, "version: 1\nrules: [{name: new, path: /x, to: page}]\n")
    clock.passes()

    def none(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none)
    held.source.look_now_and_then()
    assert held.names == ["new"]


def test_rules_are_only_read_when_the_file_changed(file):
    write(file, "version: 1\n")
    held = Held(str(file))
    held.source.look()
    assert held.adopted == []
    write(file, "version: 1\ndetect: true\n")
    held.source.look()
    held.source.look()
    assert len(held.adopted) == 1


STAT = [
    pytest.param("st_mtime_ns", id="when it was written"),
    pytest.param("st_ctime_ns", id="when it was changed, for a copy may keep the time"),
    pytest.param("st_size", id="its size"),
    pytest.param("st_ino", id="its number, for another file may be put in its place"),
]


@pytest.mark.parametrize("name", STAT)
def test_an_edit_shows_by_one_difference_alone(file, monkeypatch, name):
    write(file, "version: 1\n")
    held = Held(file)
    before = os.stat(file)  # noqa: PTH116 - as it is asked for
    fields = {one: getattr(before, one) for one in dir(before) if one.startswith("st_")}
    edited = SimpleNamespace(**fields | {name: fields[name] + 1})
    monkeypatch.setattr(os, "stat", lambda *_, **__: edited)
    held.source.look()
    assert len(held.adopted) == 1


BROKEN = [
    pytest.param(
        lambda file: write(file, "version: 1\nmod: act\ndetect: 3\n"), 2, id="two problems"
    ),
    pytest.param(lambda file: write(file, ""), 1, id="half written: nothing yet"),
    pytest.param(lambda file: file.unlink(), 1, id="gone"),
    pytest.param(lambda file: write(file, "version: 1\nrules: [{path: /x"), 1, id="half written"),
]


@pytest.mark.parametrize(("spoil", "problems"), BROKEN)
def test_a_broken_edit_keeps_the_last_good_rules_and_is_told_once(file, caplog, spoil, problems):
    write(file, "version: 1\nrules: [{name: good, path: /x, to: page}]\n")
    held = Held(file)
    spoil(file)
    with caplog.at_level(logging.ERROR, "escape_mw"):
        for _ in range(3):
            held.source.look()
            assert held.names == ["good"]
    assert len(caplog.records) == problems
    write(file, "version: 1\nrules: [{name: mended, path: /x, to: page}]\n")
    held.source.look()
    assert held.names == ["mended"]


def test_a_template_counts_too(file, tmp_path):
    template = tmp_path / "ours.html"
    write(template, "one {{ heading }}")
    write(file, "version: 1\npage: {template: ours.html}\n")
    held = Held(file)
    write(template, "two {{ heading }}")
    held.source.look()
    assert len(held.adopted) == 1


def test_a_template_that_is_edited_while_it_is_read_is_read_again(file, tmp_path):
    template = tmp_path / "ours.html"
    write(template, "one {{ heading }}")
    write(file, "version: 1\npage: {template: ours.html}\n")
    read = []

    def adopt(rules):
        read.append(rules)
        if len(read) == 1:
            write(template, "three {{ heading }}")

    source = RulesSource(file, adopt)
    write(template, "two {{ heading }}")
    for _ in range(3):
        source.look()
    assert len(read) == 2


def test_a_template_that_comes_after_its_rules_is_waited_for(file, tmp_path, caplog):
    write(file, "version: 1\n")
    held = Held(file)
    write(file, "version: 1\npage: {template: ours.html}\n")
    held.source.look()
    assert "rules not reloaded" in caplog.text
    write(tmp_path / "ours.html", "one {{ heading }}")
    held.source.look()
    assert len(held.adopted) == 1


def test_a_mapping_is_never_looked_at_again():
    clock = Clock()
    held = Held({"version": 1}, clock)
    clock.passes()
    held.source.look_now_and_then()
    held.source.look()
    assert held.adopted == []


def test_one_thread_reads_while_requests_go_on(file):
    clock = Clock()
    write(file, "version: 1\n")
    reading, go_on = threading.Event(), threading.Event()

    def slow():
        reading.set()
        assert go_on.wait(10)

    held = Held(faults.Path(file, slow), clock)
    write(file, "version: 1\ndetect: true\n")
    for _ in range(3):
        clock.passes()
        held.source.look_now_and_then()  # waits for nobody
        assert reading.wait(10)
        assert len(readers()) == 1
        assert held.adopted == []
    go_on.set()
    until(lambda: len(held.adopted) == 1)


def test_what_cannot_be_adopted_is_told_and_tried_again(file, caplog):
    write(file, "version: 1\n")
    adopted = []

    def adopt(rules):
        adopted.append(rules)
        if len(adopted) == 1:
            raise MemoryError

    source = RulesSource(file, adopt)
    write(file, "version: 1\ndetect: true\n")
    source.look()
    assert "internal error; the rules were not reloaded" in caplog.text
    source.look()
    source.look()
    assert len(adopted) == 2


def test_the_kill_switch_works_on_a_running_site(file):
    """Instagram changes something; the operator switches the technique off and restarts nothing."""
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
    app.engine.source.look()
    page = ask_wsgi(app, "/smart", INSTAGRAM_IOS)[2]
    assert b"instagram://extbrowser" not in page
    assert b"googlechromes://" in page


def test_the_environment_switches_a_site_with_broken_rules_off(file, monkeypatch):
    """A broken edit ran harmlessly, until a restart: the switch must bring the site up again."""
    write(file, "version: 1\nrulez: []\n")
    monkeypatch.setenv("ESCAPE_MW_MODE", "off")
    app = EscapeMiddleware(plain, file)
    assert ask_wsgi(app, "/smart", INSTAGRAM_IOS)[0] == ask_wsgi(plain, "/smart", INSTAGRAM_IOS)[0]
    monkeypatch.delenv("ESCAPE_MW_MODE")
    write(file, "version: 1\n")
    app.engine.source.look()
    assert b"instagram://extbrowser" in ask_wsgi(app, "/smart", INSTAGRAM_IOS)[2]
    monkeypatch.setenv("ESCAPE_MW_MODE", "observe")
    with pytest.raises(RulesError):
        EscapeMiddleware(plain, {"version": 1, "rulez": []})


EDITS = [
    pytest.param("version: 1\n", "version: 1\ndetect: true\n", True, id="nothing of its name"),
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
    write(file, before)
    held = Held(file)
    policy = held.rules.policy
    page, subject = "https://site.example/x", Subject("visit")
    url = policy.markers.add_to(page, policy.markers.value(page, "intent", subject, 0))
    token = policy.tokens.site(subject, "", 0)
    write(file, after)
    held.source.look()
    edited = held.rules.policy
    assert edited is not policy
    value, _ = edited.markers.extract(url.partition("?")[2])
    assert edited.markers.read(value, url, 0).is_verified is holds
    assert (edited.tokens.read_site(token, 0) is not None) is holds


def test_a_clock_that_jumps(tmp_path):
    file = tmp_path / "escape.yaml"
    file.write_text("version: 1\n")
    times = itertools.cycle([100.0, 1e12, 0.0, -5.0, 99.0])
    edits = []
    source = RulesSource(file, edits.append, lambda: next(times))
    file.write_text("version: 1\nmode: observe\n")
    for _ in range(20):
        source.look_now_and_then()
    until(lambda: len(edits) == 1)
