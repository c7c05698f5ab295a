"""The lab's signed values: a page's session, and the trial that an arrival brings back.

All are plain text with a signature and a date, short enough for a page full of them. They say what
was tried in which host app, and nothing of who tried it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import NamedTuple

from ..decision.signing import Signer

LIFE = 3600  # seconds
SEPARATOR = "~"  # stands for itself in every part of a URL, and is in no id
VERSION_RE = re.compile(r"\d{1,9}(?:\.\d{1,9})?", re.ASCII)


class Session(NamedTuple):
    """One sitting with the lab: the host app, its version (major.minor), the platform, an id."""

    app: str
    app_version: str
    platform: str
    id: str

    @property
    def place(self) -> tuple[str, str, str]:
        """Where it is held: the host app, its version and the platform."""
        return self.app, self.app_version, self.platform


class Trial(NamedTuple):
    """One technique tried in a session, by a tap or by itself (`auto`).

    `fresh` is false once the token's hour is over.
    """

    session: Session
    goal: str
    technique: str
    trigger: str = "tap"
    fresh: bool = True

    @property
    def key(self) -> str:
        """What the store remembers the trial by: a hash, of which nothing can be read."""
        text = SEPARATOR.join((self.session.id, self.goal, self.technique, self.trigger))
        return hashlib.sha256(text.encode()).hexdigest()


class LabTokens:
    """Signs and reads sessions and trials.

    `key` is the rules' secret, which every process has. `link` is the token of the lab's address:
    the same in every process, and it does not lead back to the secret.
    """

    def __init__(self, key: str) -> None:
        whole = hmac.new(key.encode(), b"escape_mw.lab.token", hashlib.sha256)
        self.link = whole.hexdigest()[:32]
        self._sessions = Signer(key, "escape_mw.lab.session")
        self._trials = Signer(key, "escape_mw.lab.trial")

    def sign_session(self, session: Session, moment: int) -> str:
        """The session as the page's own link has it."""
        return self._sessions.sign(SEPARATOR.join(session), moment)

    def read_session(self, token: str, moment: int) -> Session | None:
        """The session that a link names, None where it is forged or older than an hour."""
        signed = self._sessions.read(token, moment, LIFE)
        parts = signed.text.split(SEPARATOR) if signed and signed.is_fresh else []
        return Session(*parts) if len(parts) == 4 else None

    def sign_trial(self, trial: Trial, moment: int) -> str:
        """The trial as an arrival brings it back."""
        words = (*trial.session, trial.goal, trial.technique, trial.trigger)
        return self._trials.sign(SEPARATOR.join(words), moment)

    def read_trial(self, token: str, moment: int) -> Trial | None:
        """The trial that an arrival brought, None where it is forged."""
        signed = self._trials.read(token, moment, LIFE)
        parts = signed.text.split(SEPARATOR) if signed else []
        if signed is None or len(parts) != 7:
            return None
        app, version, platform, run, goal, technique, trigger = parts
        session = Session(app, version, platform, run)
        return Trial(session, goal, technique, trigger, signed.is_fresh)


def new_session(app: str, version: str | None, platform: str) -> Session:
    """A new session; of the version only what comes before the second dot."""
    match = VERSION_RE.match(version or "")
    return Session(app, match[0] if match else "", platform, secrets.token_urlsafe(9))
