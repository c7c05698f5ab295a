"""What is Flask's own about the extension."""

from __future__ import annotations

import logging

import pytest

from escape_mw import EscapeMiddleware, RulesError
from escape_mw.flask import Escape

from ..support.agents import TIKTOK_IOS
from ..support.sites import ask_wsgi, flask_site


def test_app_factory_pattern():
    escape = Escape()
    apps = [flask_site(), flask_site()]
    for app in apps:
        escape.init_app(app)
    for app in apps:
        assert b"Play on Spotify" in ask_wsgi(app, "/listen", TIKTOK_IOS)[2]
        assert isinstance(app.extensions["escape_mw"], EscapeMiddleware)


@pytest.mark.parametrize(
    "configure",
    [lambda app: app.config.update(ESCAPE_MW="escape.yaml"), None],
    ids=["config", "argument"],
)
def test_a_rules_file_is_relative_to_the_application(tmp_path, configure):
    (tmp_path / "escape.yaml").write_text("version: 1\npage: {brand: Midnight Records}\n")
    app = flask_site()
    app.root_path = str(tmp_path)
    if configure:
        configure(app)
        Escape(app)
    else:
        Escape(app, rules="escape.yaml")
    assert b"Midnight Records" in ask_wsgi(app, "/listen", TIKTOK_IOS)[2]


def test_config_goes_before_the_argument():
    app = flask_site()
    app.config["ESCAPE_MW"] = {"version": 1, "page": {"brand": "From the config"}}
    Escape(app, rules={"version": 1, "page": {"brand": "From the argument"}})
    assert b"From the config" in ask_wsgi(app, "/listen", TIKTOK_IOS)[2]


def test_bad_rules_stop_the_start():
    with pytest.raises(RulesError):
        Escape(flask_site(), rules={"version": 2})


def test_applied_twice_it_acts_once():
    seen = []
    app = flask_site()
    escape = Escape(app, observers=[lambda _, decision: seen.append(decision.reason)])
    escape.init_app(app)
    assert b"Play on Spotify" in ask_wsgi(app, "/listen", TIKTOK_IOS)[2]
    assert seen == ["no-redirect", "escape"]


def test_debug_mode_prints_what_is_done(monkeypatch, capsys):
    log = logging.getLogger("escape_mw")
    monkeypatch.setattr(log, "handlers", [])
    monkeypatch.setattr(log, "level", logging.NOTSET)
    monkeypatch.setattr(log, "propagate", False)
    app = flask_site()
    app.debug = True
    Escape(app)
    log.manager._clear_cache()
    ask_wsgi(app, "/listen", TIKTOK_IOS)
    assert "page rule='every redirect' app=tiktok" in capsys.readouterr().err
