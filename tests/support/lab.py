"""The lab's signed values, as its page makes them for TikTok's visitor on iOS."""

from __future__ import annotations

import time

from escape_mw.lab.marks import LabTokens, Session, Trial

from .examples import SECRET

TOKENS = LabTokens(SECRET)
LINK = TOKENS.link
SESSION = Session("tiktok", "41.9", "ios", "round")


def session(moment=None):
    return TOKENS.sign_session(SESSION, int(moment or time.time()))


def trial(moment=None):
    """What an arrival by Instagram's own opener brings back."""
    return TOKENS.sign_trial(Trial(SESSION, "browser", "extbrowser"), int(moment or time.time()))
