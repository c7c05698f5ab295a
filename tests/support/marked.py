"""Markers in tests: made as a page makes them, and shortened where tables spell URLs out."""

from __future__ import annotations

import re
import time
from typing import Any

from escape_mw.decision.model import Subject
from escape_mw.decision.policy import Policy

from .examples import SITE

MARKER = re.compile(r"(_esc(?:=|%3D))2~([a-z-]+)(?:~[\w.~-]*)?\.[0-9a-f]+\.[\w-]{27}", re.ASCII)


def marked(
    policy: Policy,
    path: str,
    technique: str,
    rule: int = 0,
    visit: str = "",
    site: str = SITE,
    moment: float | None = None,
) -> str:
    """A path with the marker of a technique that TikTok's visitor on iOS met by a rule's number.

    `moment` is its date in seconds since 1970; None is now.
    """
    subject = Subject(visit, policy.rules[rule].key, "tiktok", "ios")
    value = policy.markers.value(site + path, technique, subject, _at(moment))
    return policy.markers.add_to(site + path, value).removeprefix(site)


def stay(
    policy: Policy, path: str, token: str = "", site: str = SITE, moment: float | None = None
) -> str:
    """A path with the marker that says: continue here; `token` is a visit's site token."""
    value = policy.stays.marker(site + path, token, _at(moment))
    return policy.markers.add_to(site + path, value).removeprefix(site)


def stay_cookie(policy: Policy, token: str = "", moment: float | None = None) -> str:
    """The Cookie header of a visitor who chose to continue here."""
    return policy.stays.cookie(SITE, "", token, _at(moment)).partition(";")[0]


def site_token(
    policy: Policy, visit: str, rule: int = 0, moment: float | None = None, arm: str = ""
) -> str:
    """The site token of a visit of TikTok's on iOS, in an experiment's arm or in none."""
    subject = Subject(visit, policy.rules[rule].key, "tiktok", "ios")
    return policy.tokens.site(subject, arm, _at(moment))


def set_clock(middleware: Any, moment: float) -> None:
    """Let a middleware's requests come at a moment, in seconds since 1970."""
    middleware.engine.clock = lambda: moment


def short(text: str) -> str:
    """A text whose markers say the technique only, such as `_esc=intent-app`."""
    return MARKER.sub(r"\1\2", text)


def _at(moment: float | None) -> int:
    return int(time.time() if moment is None else moment)
