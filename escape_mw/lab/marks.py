"""The lab's signed values: the token in its link, the round that a page belongs to, and the mark that an arrival brings.

All are plain text with a signature and a date (itsdangerous), short enough for a page full of them. They say what was
tried in which host app, and nothing of who tried it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import NamedTuple

from itsdangerous import BadSignature, SignatureExpired, TimestampSigner

LIFE = 3600  # seconds
SEPARATOR = "~"  # stands for itself in every part of a URL, and in no id
FORM = re.compile(r"[A-Za-z0-9_.~-]{1,400}", re.ASCII)
VERSION = re.compile(r"\d{1,9}(?:\.\d{1,9})?", re.ASCII)


class Round(NamedTuple):
    """One sitting with the lab: the host app, its version (major.minor), the platform, and a random id."""

    app: str
    app_version: str
    platform: str
    id: str


class Mark(NamedTuple):
    """One row of a round. `fresh` is false once the mark's hour is over."""

    round: Round
    goal: str
    technique: str
    fresh: bool = True

    @property
    def key(self) -> str:
        """What the store remembers the row by: a hash, of which nothing can be read."""
        return hashlib.sha256(
            SEPARATOR.join((self.round.id, self.goal, self.technique)).encode()
        ).hexdigest()


class LabMarks:
    """Signs and reads rounds and marks.

    `key` is the rules' secret, or the lab's own token: both are shared by every process.
    """

    def __init__(self, key: str) -> None:
        self._rounds = TimestampSigner(key, salt="escape_mw.lab.round", sep=".")
        self._marks = TimestampSigner(key, salt="escape_mw.lab.mark", sep=".")

    def sign_round(self, round_: Round) -> str:
        """The round as the page's own link has it."""
        return self._rounds.sign(SEPARATOR.join(round_)).decode("ascii")

    def read_round(self, text: str) -> Round | None:
        """The round that a link names, None where it is forged or older than an hour."""
        parts, fresh = _read(self._rounds, text)
        return Round(*parts) if fresh and len(parts) == 4 else None

    def sign_mark(self, mark: Mark) -> str:
        """The mark that an arrival brings back."""
        return self._marks.sign(SEPARATOR.join((*mark.round, mark.goal, mark.technique))).decode(
            "ascii"
        )

    def read_mark(self, text: str) -> Mark | None:
        """The mark that an arrival brought, None where it is forged."""
        parts, fresh = _read(self._marks, text)
        return Mark(Round(*parts[:4]), parts[4], parts[5], fresh) if len(parts) == 6 else None


def new_round(app: str, version: str | None, platform: str) -> Round:
    """A new round; of the version only what comes before the second dot."""
    match = VERSION.match(version or "")
    return Round(app, match[0] if match else "", platform, secrets.token_urlsafe(9))


def derived_token(secret: str) -> str:
    """The lab's token where the rules name none: the same in every process, and no way back to the secret."""
    return hmac.new(secret.encode(), b"escape_mw.lab.token", hashlib.sha256).hexdigest()[:32]


def _read(signer: TimestampSigner, text: str) -> tuple[list[str], bool]:
    """The parts of a signed value, none where the signature does not hold; and whether it is still good."""
    if not FORM.fullmatch(text):  # the decoder would overlook any other character
        return [], False
    try:
        return signer.unsign(text, max_age=LIFE).decode("ascii").split(SEPARATOR), True
    except SignatureExpired as error:
        payload = error.payload or b""
        return payload.decode("ascii").split(SEPARATOR), False
    except BadSignature:
        return [], False
