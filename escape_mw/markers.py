"""The marker: one query parameter on our own URLs that tells which step was tried, by which rule, in which visit.

It looks like `_esc=1.0-TOKEN` (step 1 of rule 0), and `_esc=stay` says "continue here". The token is a random visit id,
signed and dated (itsdangerous), so that an arrival can be believed. The step is honoured even where the signature does
not hold: it can only make us more careful, so loops end without any secret that processes share.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

from itsdangerous import BadSignature, TimestampSigner

from .handoffs import LINE_PARAMETER
from .model import Marker

MAX_AGE = 600  # seconds
STAY = "stay"
OWN_SECRET = secrets.token_bytes(32)  # one for the life of the process, and of those it forks
FORM = re.compile(r"(\d{1,2})\.(\d{1,6})-([A-Za-z0-9_.-]{1,200})", re.ASCII)


def random_visit() -> str:
    """A new visit id: 72 random bits, known to nobody but the page and its marker."""
    return secrets.token_urlsafe(9)


class Markers:
    """Writes and reads markers.

    `name` is the parameter's name. `secret` is shared by the processes whose arrivals are to count; without it each
    process has one of its own. `new_visit` makes visit ids.
    """

    def __init__(self, name: str = "_esc", secret: str | None = None, new_visit: Callable[[], str] = random_visit) -> None:
        self.name = name
        self._signer = TimestampSigner(secret or OWN_SECRET, salt="escape_mw.marker", sep=".")
        self._new_visit = new_visit

    def token(self, visit: str = "") -> str:
        """A signed token for this visit, or for a new one."""
        return self._signer.sign(visit or self._new_visit()).decode("ascii")

    def mark(self, url: str, step: int, rule: int, token: str) -> str:
        """`url` with the marker of a step of a rule, both by their numbers from 0."""
        return self._with(url, f"{step}.{rule}-{token}")

    def stay(self, url: str) -> str:
        """`url` with the marker that says: continue here."""
        return self._with(url, STAY)

    def take(self, query: str) -> tuple[Marker | None, str]:
        """Take our marker out of a raw query string; whatever else stands there stays as it is."""
        if self.name not in query:
            return None, query
        parts = query.split("&")
        for number, part in enumerate(parts):
            name, _, value = part.partition("=")
            if name == self.name and (marker := self._read(value)):
                rest = parts[:number] + parts[number + 1 :]
                return marker, "&".join(part for part in rest if part != LINE_PARAMETER)
        return None, query

    def _with(self, url: str, value: str) -> str:
        return f"{url}{'&' if '?' in url else '?'}{self.name}={value}"

    def _read(self, value: str) -> Marker | None:
        if value == STAY:
            return Marker(step=None)
        match = FORM.fullmatch(value)
        if not match:
            return None
        step, rule = int(match[1]), int(match[2])
        try:
            return Marker(step, rule, self._signer.unsign(match[3], max_age=MAX_AGE).decode("ascii"), trusted=True)
        except BadSignature:
            return Marker(step, rule)
