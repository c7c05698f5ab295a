"""Signed text with a date: what this site wrote, where it holds, and whether it is still young.

Every purpose has a salt of its own, so that no token stands in for another. No clock is read here:
the caller passes the time.
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import NamedTuple

from itsdangerous import Signer as Signature
from itsdangerous.encoding import base64_encode

FORM = "2"  # the number of the tokens' form, which stands first in each
LEEWAY = 60  # seconds by which the clocks of two machines may differ
LAST = 0xFFFFFFFFFF  # the last date that a token can say
OWN_SECRET = secrets.token_bytes(32)  # one for the life of the process, and of those it forks
# Form, text, date in hexadecimal, signature.
TOKEN = r"(\d{1,3})~([A-Za-z0-9_.~-]{0,400})\.([0-9a-f]{1,10})\.([A-Za-z0-9_-]{27})"  # noqa: S105 - a form
TOKEN_RE = re.compile(TOKEN, re.ASCII)


class Signed(NamedTuple):
    """What a token says, its date in seconds since 1970, and whether it is within its age."""

    text: str
    issued: int
    is_fresh: bool


class Signer:
    """Signs and reads short text of letters, digits, `_`, `.`, `~` and `-`, for one purpose.

    `secret` is shared by the processes that are to read each other's tokens; None takes one that
    this process and its forks have. `salt` names the purpose.
    """

    def __init__(self, secret: str | None, salt: str) -> None:
        self._key = Signature(secret or OWN_SECRET, salt=salt).derive_key()

    def __repr__(self) -> str:
        return "Signer()"

    def sign(self, text: str, moment: int, *bound: str) -> str:
        """A token for this text, which holds only together with `bound` and does not repeat it.

        `moment` is its date, in seconds since 1970.
        """
        head = f"{FORM}~{text}.{min(max(moment, 0), LAST):x}"
        return f"{head}.{self._signature_of(head, bound)}"

    def read(self, token: str, moment: int, max_age: int, *bound: str) -> Signed | None:
        """What a token says at a moment; None where its signature does not hold.

        `max_age` is in seconds. A token of another form says nothing and is too old: it comes from
        an older or newer release, and from no forger.
        """
        match = TOKEN_RE.fullmatch(token)
        if not match:
            return None
        form, text, date, signature = match.groups()
        if form != FORM:
            return Signed("", int(date, 16), is_fresh=False)
        # Texts are compared, for a decoder of base64 takes several of them for one signature.
        head = f"{form}~{text}.{date}"
        if not hmac.compare_digest(self._signature_of(head, bound), signature):
            return None
        return Signed(text, int(date, 16), is_young(date, moment, max_age))

    def _signature_of(self, head: str, bound: tuple[str, ...]) -> str:
        whole = "\0".join((head, *bound)).encode()
        # As itsdangerous signs (HMAC, RFC 2104), in one call: pages have several signatures.
        return base64_encode(hmac.digest(self._key, whole, "sha1")).decode("ascii")


def is_young(date: str, moment: int, max_age: int) -> bool:
    """Whether a token's date, signed or only claimed, is at most `max_age` seconds old."""
    return -LEEWAY <= moment - int(date, 16) <= max_age
