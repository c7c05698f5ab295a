"""The page's steps, as an engine shows and attempts them, and who sees them most."""

from __future__ import annotations

from ..support.marked import short
from .seen import Attempt
from .table import AGENTS

TIKTOK, FACEBOOK, KAKAOTALK = (
    AGENTS[app, "android"] for app in ("tiktok", "facebook", "kakaotalk")
)
NOW = ".step.now a"
SHOWN = (
    "[...document.querySelectorAll('.step')].flatMap((step, at) => "
    "step.getClientRects().length ? [at] : [])"
)
MENU_FIRST = "document.querySelector('.led') && document.querySelector('.menu[open] li')"


def attempts(engine, count=0):
    return [Attempt(short(attempt.uri), attempt.gesture) for attempt in engine.attempts(count)]


def expected(ways):
    return [Attempt(way.uri, way.trigger == "tap") for way in ways]


def shown(engine):
    """The numbers of the steps that the visitor sees."""
    return engine.script(f"return {SHOWN}")


def waited(engine, way):
    """Let half as long again pass as the page waits for a step."""
    engine.script(f"return await new Promise(done => setTimeout(done, {way.settle * 1.5}))")
