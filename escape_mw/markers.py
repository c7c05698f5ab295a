"""The marker: one query parameter on our own URLs that tells which step was tried, by which rule, in which visit.

It looks like `_esc=1.0-TOKEN` (step 1 of rule 0), and `_esc=stay` or `_esc=stay-TOKEN` says "continue here". The token is a random visit id,
signed and dated (itsdangerous), so that an arrival can be believed. The step is honoured even where the signature does
not hold: it can only make us more careful, so loops end without any secret that processes share. A marker older than
`MAX_AGE` is taken out and forgotten: somebody has shared or kept the link.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

from itsdangerous import BadData, BadSignature, TimestampSigner
from itsdangerous.encoding import base64_decode

from .handoffs import LINE_PARAMETER
from .model import Marker

MAX_AGE = 600  # seconds
LEEWAY = 60  # seconds by which the clocks of two machines may differ
STAY = "stay"
BY_HAND = 99  # in place of a step: the visitor took the address along, by the host app's menu
OWN_SECRET = secrets.token_bytes(32)  # one for the life of the process, and of those it forks
SIGNED = r"[A-Za-z0-9_~-]{1,240}\.([A-Za-z0-9_-]{1,8})\.[A-Za-z0-9_-]{1,64}"
FORM = re.compile(rf"(\d{{1,2}})\.(\d{{1,6}})-({SIGNED})", re.ASCII)
STAYING = re.compile(rf"{STAY}(?:-({SIGNED}))?", re.ASCII)
WHOLE = re.compile(SIGNED, re.ASCII)  # the decoder below would overlook any other character


def random_visit() -> str:
    """A new visit id: 72 random bits, known to nobody but the page and its marker."""
    return secrets.token_urlsafe(9)


class Markers:
    """Writes and reads markers.

    `name` is the parameter's name. `secret` is shared by the processes whose arrivals are to count; without it each
    process has one of its own. `new_visit` makes visit ids.
    """

    def __init__(
        self,
        name: str = "_esc",
        secret: str | None = None,
        new_visit: Callable[[], str] = random_visit,
    ) -> None:
        self.name = name
        self._signer = TimestampSigner(secret or OWN_SECRET, salt="escape_mw.marker", sep=".")
        self._new_visit = new_visit

    def token(self, visit: str = "") -> str:
        """A signed token for this visit (its journey's payload, or its id), or for a new one."""
        return self._signer.sign(visit or self._new_visit()).decode("ascii")

    def open(self, token: str, max_age: int = MAX_AGE) -> str | None:
        """The visit that a token was made for, None where it is none of ours; "" where it is older than `max_age` seconds."""
        match = WHOLE.fullmatch(token)
        if not match:
            return None
        try:
            visit = self._signer.unsign(token).decode("ascii")
        except BadSignature:
            return None
        return visit if self._is_young(match[1], max_age) else ""

    def new_visit(self, marker: Marker | None) -> str:
        """The id of the visit that a request belongs to: the one that a trusted marker brought, or a new one."""
        return (
            marker.visit.partition("~")[0]
            if marker is not None and marker.trusted
            else self._new_visit()
        )

    def mark(self, url: str, step: int, rule: int, token: str) -> str:
        """`url` with the marker of a step of a rule, both by their numbers from 0."""
        return self._with(url, value(step, rule, token))

    def stay(self, url: str, token: str = "") -> str:
        """`url` with the marker that says: continue here; with the token of a visit that is measured."""
        return self._with(url, f"{STAY}-{token}" if token else STAY)

    def again(self, url: str, marker: Marker) -> str:
        """`url`, which may have a fragment, with a marker that came in with the request."""
        base, hash_, fragment = url.partition("#")
        return self._with(base, marker.raw) + hash_ + fragment

    def stayed(self, url: str) -> bool:
        """Whether this URL says: continue here."""
        parts = (part.partition("=") for part in url.partition("?")[2].split("&"))
        return any(name == self.name and STAYING.fullmatch(value) for name, _, value in parts)

    def take(self, query: str) -> tuple[Marker | None, str]:
        """Take our markers out of a raw query string; whatever else stands there stays as it is.

        Returns the marker that counts, None where there is none or it is too old, and the rest.
        """
        if self.name not in query:
            return None, query
        parts = query.split("&")
        ours = {part for part in parts if self._is_marker(part)}
        if not ours:
            return None, query
        rest = [part for part in parts if part not in ours and part != LINE_PARAMETER]
        return self._read(next(part for part in parts if part in ours).partition("=")[2]), "&".join(
            rest
        )

    def _with(self, url: str, value: str) -> str:
        return f"{url}{'&' if '?' in url else '?'}{self.name}={value}"

    def _is_marker(self, part: str) -> bool:
        name, _, value = part.partition("=")
        return name == self.name and any(form.fullmatch(value) for form in (FORM, STAYING))

    def _read(self, value: str) -> Marker | None:
        match = FORM.fullmatch(value)
        if not match:
            visit = self.open(value.partition("-")[2])
            return Marker(value, step=None, visit=visit or "", trusted=bool(visit))
        step, rule, visit = int(match[1]), int(match[2]), self.open(match[3])
        if visit:
            return Marker(value, step, rule, visit, trusted=True)
        return Marker(value, step, rule) if visit is None and self._is_young(match[4]) else None

    def _is_young(self, stamp: str, max_age: int = MAX_AGE) -> bool:
        """Whether a token says that it is young; whoever lies about one that we cannot verify only climbs sooner."""
        try:
            age = self._signer.get_timestamp() - int.from_bytes(base64_decode(stamp), "big")
        except BadData:
            return False
        return -LEEWAY <= age <= max_age


def value(step: int, rule: int, token: str) -> str:
    """A marker's value: a step of a rule, both by their numbers from 0, in a visit."""
    return f"{step}.{rule}-{token}"
