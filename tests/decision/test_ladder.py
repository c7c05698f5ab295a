"""The ladder: which steps, in which order, fired how."""

from __future__ import annotations

import pytest

from escape_mw import Visitor, catalogue, load
from escape_mw.decision.handoffs import Handoff
from escape_mw.decision.ladder import make_steps

CARGO = Handoff(
    url="https://open.spotify.com/track/1",
    fallback="https://site.example/",
    host_app="line",
    android_package="com.spotify.music",
    app_uri="spotify:track:1",
)
LINE = Visitor("in-app", "line", "ios")
FACEBOOK = Visitor("in-app", "facebook", "android")
INSTAGRAM = Visitor("in-app", "instagram", "android")
UNNAMED = Visitor("webview", None, "android")


def specs(visitor=LINE, goal="browser", **rules):
    return load({"version": 1, **rules}).policy.ladders.steps_for(visitor, goal)


def names(steps):
    return [(step.technique, step.trigger) for step in steps]


CLIMBS = [
    pytest.param(
        LINE,
        "browser",
        0,
        [("line-external", "redirect"), ("x-safari", "tap"), ("menu", "written")],
        id="a host app that needs no page",
    ),
    pytest.param(
        LINE,
        "browser",
        1,
        [("x-safari", "tap"), ("menu", "written")],
        id="the next step on a return",
    ),
    pytest.param(
        LINE,
        "browser",
        9,
        [("line-external", "tap"), ("x-safari", "tap"), ("menu", "written")],
        id="tried to its end, it begins again by taps",
    ),
    pytest.param(
        LINE,
        "app",
        0,
        [("app-scheme", "tap"), ("line-external", "tap"), ("menu", "written")],
        id="another goal",
    ),
    pytest.param(
        UNNAMED,
        "app",
        0,
        [("intent-app", "tap"), ("intent", "tap"), ("menu", "written")],
        id="an unnamed webview",
    ),
    pytest.param(
        FACEBOOK,
        "browser",
        0,
        [("intent", "auto"), ("menu", "written")],
        id="by itself, the first time",
    ),
    pytest.param(
        Visitor("in-app", "discord", "android"),
        "browser",
        0,
        [("intent", "tap"), ("menu", "written")],
        id="a host app without a row of its own",
    ),
]


@pytest.mark.parametrize(("visitor", "goal", "start", "expected"), CLIMBS)
def test_make_steps(visitor, goal, start, expected):
    assert names(make_steps(specs(visitor, goal), visitor, lambda _: CARGO, start)) == expected


FIRST = [
    pytest.param(FACEBOOK, 0, True, ("intent", "auto"), id="the first time"),
    pytest.param(FACEBOOK, 1, True, ("intent", "tap"), id="not on a return"),
    pytest.param(FACEBOOK, 0, False, ("intent", "tap"), id="not where it is forbidden"),
    pytest.param(UNNAMED, 0, True, ("intent", "tap"), id="not in a webview without a name"),
    pytest.param(INSTAGRAM, 0, True, ("intent", "tap"), id="not on Instagram, which asks first"),
]


@pytest.mark.parametrize(("visitor", "start", "automatic", "expected"), FIRST)
def test_what_happens_by_itself(visitor, start, automatic, expected):
    steps = make_steps(specs(visitor), visitor, lambda _: CARGO, start, automatic=automatic)
    assert names(steps)[0] == expected
    assert "auto" not in [trigger for _, trigger in names(steps)[1:]]


def test_a_step_that_cannot_be_made_is_left_out():
    steps = make_steps(
        specs(UNNAMED, "app"),
        UNNAMED,
        lambda _: CARGO._replace(url="https://music.163.com/#/song?id=1"),
        0,
    )
    assert names(steps) == [("menu", "written")]


SYSTEMS = [
    pytest.param(16, ["menu"], id="iOS 16 does not know x-safari"),
    pytest.param(17, ["x-safari", "menu"], id="iOS 17 does"),
    pytest.param(None, ["x-safari", "menu"], id="an agent that does not say"),
]


@pytest.mark.parametrize(("version", "expected"), SYSTEMS)
def test_a_step_that_the_system_is_too_old_for_is_left_out(version, expected):
    visitor = Visitor("in-app", "linkedin", "ios", system_version=version)
    for start in (0, 1):  # 1: a return, behind whose step there is no button: it begins again
        steps = make_steps(specs(visitor), visitor, lambda _: CARGO, start)
        assert [step.technique for step in steps] == expected


ASKING = [
    pytest.param("instagram", "ios", True, id="Instagram on iOS"),
    pytest.param("instagram", "android", True, id="Instagram on Android"),
    pytest.param("facebook", "ios", True, id="Facebook on iOS"),
    pytest.param("facebook", "android", True, id="Facebook on Android"),
    pytest.param("threads", "ios", False, id="Threads, of which nobody has said so"),
    pytest.param("line", "ios", False, id="LINE"),
]


@pytest.mark.parametrize("goal", ["app", "browser"])
@pytest.mark.parametrize(("app", "platform", "asks"), ASKING)
def test_a_host_app_that_asks_first_asks_about_every_scheme(app, platform, asks, goal):
    visitor = Visitor("in-app", app, platform)
    for step in make_steps(specs(visitor, goal), visitor, lambda _: CARGO):
        is_scheme = bool(step.uri) and not step.uri.startswith("https:")
        assert step.asks == (asks and is_scheme)
        assert step.settle_ms == (8000 if asks else 2000)


OVERRIDES = [
    pytest.param({}, True, id="other steps, the same app"),
    pytest.param({"asks": False}, False, id="said otherwise"),
]


@pytest.mark.parametrize(("more", "asks"), OVERRIDES)
def test_other_steps_keep_the_question_of_the_row(more, asks):
    row = {"app": "instagram", "platform": "ios", "goal": "app", "steps": [{"app-scheme": "tap"}]}
    visitor = Visitor("in-app", "instagram", "ios")
    steps = specs(visitor, "app", techniques=[row | more])
    assert [step.asks for step in steps[:1]] == [asks]


def test_each_step_hands_over_its_own_marked_page():
    steps = make_steps(
        specs(UNNAMED, "app"),
        UNNAMED,
        lambda spec: CARGO._replace(fallback=f"https://site.example/?step={spec.technique}"),
        0,
    )
    assert ["step%3Dintent-app" in steps[0].uri, "step%3Dintent;" in steps[1].uri] == [True, True]


OVERRIDES = [
    pytest.param(
        {"app": "line", "platform": "ios", "goal": "browser", "steps": [{"x-safari": "tap"}]},
        [("x-safari", "tap"), ("menu", "written")],
        id="other steps, the menu added",
    ),
    pytest.param(
        {"app": "line", "technique": "line-external", "enabled": False},
        [("x-safari", "tap"), ("menu", "written")],
        id="the kill switch for one app",
    ),
    pytest.param(
        {"technique": "x-safari", "enabled": False},
        [("line-external", "redirect"), ("menu", "written")],
        id="the kill switch for all",
    ),
    pytest.param(
        {"app": "instagram", "technique": "x-safari", "enabled": False},
        CLIMBS[0].values[3],
        id="another app's override",
    ),
    pytest.param(
        {"app": "line", "technique": "x-safari", "enabled": True},
        CLIMBS[0].values[3],
        id="switched on is as shipped",
    ),
]


@pytest.mark.parametrize(("override", "expected"), OVERRIDES)
def test_overrides(override, expected):
    assert names(make_steps(specs(techniques=[override]), LINE, lambda _: CARGO, 0)) == expected


def test_an_override_of_one_app_leaves_the_default_ladder():
    unnamed = Visitor("webview", None, "ios")
    override = {"app": "line", "technique": "x-safari", "enabled": False}
    assert specs(unnamed, techniques=[override]) == specs(unnamed)


FIRING = [
    pytest.param(
        [{"line-external": "redirect"}, {"x-safari": "auto"}],
        [("line-external", "redirect"), ("x-safari", "tap"), ("menu", "written")],
        id="not the second of two",
    ),
    pytest.param(
        [{"line-external": "tap"}, {"x-safari": "auto"}],
        [("line-external", "tap"), ("x-safari", "tap"), ("menu", "written")],
        id="not behind a button",
    ),
    pytest.param(
        [{"intent-app": "auto"}, {"x-safari": "auto"}],
        [("x-safari", "auto"), ("menu", "written")],
        id="the first that can be made",
    ),
]


@pytest.mark.parametrize(("steps", "expected"), FIRING)
def test_only_the_first_step_happens_by_itself(steps, expected):
    table = specs(techniques=[{"app": "line", "platform": "ios", "steps": steps}])
    cargo = CARGO._replace(android_package=None)
    assert names(make_steps(table, LINE, lambda _: cargo)) == expected


def test_later_overrides_win():
    table = specs(
        techniques=[
            {"app": "line", "steps": [{"x-safari": "tap"}]},
            {"app": "line", "technique": "x-safari", "enabled": False},
        ]
    )
    assert [step.technique for step in table] == ["menu"]


def test_an_app_of_the_rules_own_gets_the_default_ladder():
    added = {"id": "our-app", "name": "Our app", "tokens": ["OurApp/"]}
    table = specs(Visitor("in-app", "our-app", "android"), "app", apps={"add": [added]})
    assert [step.technique for step in table] == ["intent-app", "intent", "menu"]


def test_every_row_of_the_table_ends_in_words():
    for row in catalogue.load().techniques:
        assert row.steps[-1].trigger == "written", (row.app, row.platform, row.goal)
