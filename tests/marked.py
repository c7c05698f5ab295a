"""Markers in tests: made as a page makes them, and shortened where tables spell URLs out."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from escape_mw.decision.model import Subject
from escape_mw.decision.policy import Policy

SITE = "https://site.example"
SECRET = "a secret for tests only"
MARKER = re.compile(r"(_esc(?:=|%3D)[a-z-]+)(?:~[\w-]*){1,4}\.[0-9a-f]+\.[\w-]{27}", re.ASCII)


def marked(
    policy: Policy, path: str, technique: str, rule: int = 0, visit: str = "", site: str = SITE
) -> str:
    """A path with the marker of a technique that TikTok's visitor on iOS met by a rule's number."""
    subject = Subject(visit, policy.rules[rule].key, "tiktok", "ios")
    return policy.markers.add_to(site + path, technique, subject).removeprefix(site)


def stay(policy: Policy, path: str, visit: str = "", site: str = SITE) -> str:
    """A path with the marker that says: continue here."""
    return policy.markers.stay_url(site + path, visit).removeprefix(site)


def short(text: str) -> str:
    """A text whose markers say the technique only, such as `_esc=intent-app`."""
    return MARKER.sub(r"\1", text)


def signing_at(monkeypatch: pytest.MonkeyPatch, now: float) -> None:
    """Let tokens be signed and read at a moment, in seconds since 1970."""
    clock = SimpleNamespace(time=lambda: now)
    monkeypatch.setattr("escape_mw.decision.signing.time", clock)
