"""An edit of the rules while a visitor is on the way: what each stage is recorded as.

The page is made by the rules before the edit; the beacon, the arrival and the outcome meet those
after it. Nothing is ever recorded under another rule's, technique's or experiment's name.
"""

from __future__ import annotations

import re
import time

import pytest

import escape_mw

from ..support.agents import CHROME_ANDROID, INSTAGRAM_ANDROID, TIKTOK_ANDROID
from ..support.examples import SECRET
from ..support.marked import site_token
from ..support.measured import Measured, set_clock

PRESAVE = {
    "name": "pre-saves",
    "path": "/presave/**",
    "to": "page",
    "experiment": {"name": "spring", "holdout": 1e-9},
}
REST = {"name": "redirects", "path": "/**", "to": "redirect"}


def rules(*listed, **more):
    return {
        "version": 1,
        "site": "labels",
        "secret": SECRET,
        "events": {"outcomes": ["presave"]},
        "rules": [*listed, REST],
        **more,
    }


BEFORE = rules(PRESAVE)
NEW = {"name": "new single", "path": "/single", "to": "https://open.spotify.com/track/" + "1" * 22}
OFF = {"techniques": [{"technique": "intent", "enabled": False}]}
KNOWN = ("pre-saves", "intent", "spring", "escape")
LOST = ("", "intent", "", "")
EDITS = [
    pytest.param(rules(NEW, PRESAVE), KNOWN, id="a rule is put first"),
    pytest.param(rules(), LOST, id="the rule is removed"),
    pytest.param(rules(PRESAVE | {"name": "autumn"}), LOST, id="the rule is renamed"),
    pytest.param(rules(PRESAVE | {"path": "/presave/*"}), LOST, id="its path is changed"),
    pytest.param(
        rules(PRESAVE | {"experiment": {"name": "winter", "holdout": 1e-9}}),
        LOST,
        id="its experiment is renamed",
    ),
    pytest.param(rules(PRESAVE, **OFF), KNOWN, id="the technique is switched off"),
    pytest.param(rules(PRESAVE | {"share": 50}), KNOWN, id="something else of the rule"),
    pytest.param(rules(PRESAVE, page={"brand": "Ours"}), KNOWN, id="how the page looks"),
]


def said(event):
    return event.rule, event.technique, event.experiment, event.arm


@pytest.mark.parametrize(("after", "expected"), EDITS)
def test_what_is_recorded_over_an_edit(after, expected):
    before, edited = Measured(BEFORE), Measured(after)
    page = before.ask("/presave/x", TIKTOK_ANDROID)
    token = re.search('data-visit="([^"]*)"', page.text)[1]
    edited.ask("/_escape/e", TIKTOK_ANDROID, "POST", f"{token} tapped intent".encode())
    edited.markers = before.markers
    edited.ask("/presave/x?{M}", CHROME_ANDROID)
    tapped, arrived = edited.events
    assert (tapped.name, arrived.name) == ("tapped", "arrived")
    assert said(tapped) == said(arrived) == expected
    assert {event.visit for event in before.events + edited.events} == {tapped.visit}


@pytest.mark.parametrize(("after", "expected"), EDITS)
def test_an_outcome_over_an_edit(after, expected):
    edited = Measured(after)
    token = site_token(escape_mw.load(BEFORE).policy, "visit", arm="escape")
    assert escape_mw.record("presave", token)
    [outcome] = edited.events
    rule, _, experiment, arm = expected
    assert (outcome.rule, outcome.experiment, outcome.arm) == (rule, experiment, arm)


@pytest.mark.parametrize(("after", "expected"), EDITS)
def test_in_the_webview_the_ladder_goes_on_or_begins_anew(after, expected):
    """Back in Instagram by a marked URL: the step after the one that was tried, or the first."""
    before, edited = Measured(BEFORE), Measured(after)
    before.ask("/presave/x", INSTAGRAM_ANDROID)
    edited.markers = before.markers
    page = edited.ask("/presave/x?{M}", INSTAGRAM_ANDROID).text
    buttons = re.findall('data-technique="([^"]*)" data-trigger="([^"]*)"', page)
    if len(after["rules"]) == 1:
        assert buttons == [], "no rule guards the page any more: the site answers"
    else:
        assert buttons[0] == ("extbrowser" if expected == KNOWN else "intent", "tap")


def test_the_form_of_another_release_is_old_and_nobody_is_lost():
    """A marker, a beacon's token and a site token of another form: no arrival, nothing forged."""
    site = Measured(BEFORE)
    page = site.ask("/presave/x", TIKTOK_ANDROID)
    token = re.search('data-visit="([^"]*)"', page.text)[1]
    marker = site.marker.replace("_esc=2~", "_esc=1~")
    before = len(site.events)
    site.ask("/_escape/e", TIKTOK_ANDROID, "POST", f"1{token[1:]} tapped intent".encode())
    arrival = site.ask(f"/presave/x?{marker}", CHROME_ANDROID)
    assert (arrival.status_int, arrival.headers["Location"]) == (302, "/presave/x")
    other = site_token(escape_mw.load(BEFORE).policy, "visit")
    assert escape_mw.record("presave", f"1{other[1:]}") is False
    assert site.words[before:] == ["repeat x2"]


def test_an_hour_later_the_visit_is_no_more_than_a_visitor():
    site = Measured(BEFORE)
    site.ask("/presave/x", TIKTOK_ANDROID)
    set_clock(site.middleware, time.time() + 3600)
    arrival = site.ask("/presave/x?{M}", CHROME_ANDROID)
    assert (arrival.status_int, arrival.headers["Location"]) == (302, "/presave/x")
    assert [event.name for event in site.events] == ["eligible", "shown"]
