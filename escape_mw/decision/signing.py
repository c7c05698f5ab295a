"""Signed text with a date (itsdangerous): what this site wrote, and whether it is still young.

Every purpose has a salt of its own, so that no token stands in for another.
"""

from __future__ import annotations

import re
import secrets
from typing import NamedTuple

from itsdangerous import BadData, BadSignature, TimestampSigner
from itsdangerous.encoding import base64_decode

LEEWAY = 60  # seconds by which the clocks of two machines may differ
OWN_SECRET = secrets.token_bytes(32)  # one for the life of the process, and of those it forks
# The decoder of itsdangerous overlooks characters that are not base64: two texts, one token.
TOKEN_RE = re.compile(
    r"[A-Za-z0-9_.~-]{1,400}\.([A-Za-z0-9_-]{1,8})\.[A-Za-z0-9_-]{1,64}", re.ASCII
)


class Signed(NamedTuple):
    """What a token says, and whether it is within its age."""

    text: str
    is_fresh: bool


class Signer:
    """Signs and reads short ASCII text for one purpose, which `salt` names.

    `secret` is shared by the processes that are to read each other's tokens; None takes one that
    this process and its forks have.
    """

    def __init__(self, secret: str | None, salt: str) -> None:
        self._signer = TimestampSigner(secret or OWN_SECRET, salt=salt, sep=".")

    def sign(self, text: str) -> str:
        """A token for this text, dated now."""
        return self._signer.sign(text).decode("ascii")

    def read(self, token: str, max_age: int) -> Signed | None:
        """What a token says; None where its signature does not hold. `max_age` is in seconds."""
        match = TOKEN_RE.fullmatch(token)
        if not match:
            return None
        try:
            text = self._signer.unsign(token).decode("ascii")
        except BadSignature:
            return None
        return Signed(text, self.is_young(match[1], max_age))

    def is_young(self, stamp: str, max_age: int) -> bool:
        """Whether a token's date, signed or only claimed, is at most `max_age` seconds old."""
        try:
            age = self._signer.get_timestamp() - int.from_bytes(base64_decode(stamp), "big")
        except BadData:
            return False
        return -LEEWAY <= age <= max_age
