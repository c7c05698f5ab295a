"""The marker: one query parameter on this site's URLs that says which step was tried.

It also says by which rule, and in which visit.
It looks like `_esc=1.0-TOKEN` (step 1 of rule 0), and `_esc=stay` or `_esc=stay-TOKEN` says
"continue here". The token is a visit's id or its journey, signed and dated, so that an arrival can
be believed. The step is honoured even where the signature does not hold: it can only make the
decision more careful, so loops end without any secret that processes share. A marker older than
`MAX_AGE` is taken out and forgotten: the link has been shared or kept.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

from .handoffs import LINE_PARAMETER
from .model import Journey, Marker
from .signing import Signed, Signer

MAX_AGE = 600  # seconds
STAY = "stay"
MENU_STEP = 99  # in place of a step: the visitor took the address along, by the host app's menu
TOKEN = r"[A-Za-z0-9_~-]{1,240}\.([A-Za-z0-9_-]{1,8})\.[A-Za-z0-9_-]{1,64}"  # noqa: S105 - a form
STEP_RE = re.compile(rf"(\d{{1,2}})\.(\d{{1,6}})-({TOKEN})", re.ASCII)
STAY_RE = re.compile(rf"{STAY}(?:-({TOKEN}))?", re.ASCII)


def random_visit() -> str:
    """A new visit id: 72 random bits, known to nobody but the page and its marker."""
    return secrets.token_urlsafe(9)


class MarkerSigner:
    """Writes and reads markers.

    `name` is the parameter's name. `secret` is shared by the processes whose arrivals are to count;
    without it each process has one of its own. `new_visit` makes visit ids.
    """

    def __init__(
        self,
        name: str = "_esc",
        secret: str | None = None,
        new_visit: Callable[[], str] = random_visit,
    ) -> None:
        self.name = name
        self._signer = Signer(secret, "escape_mw.marker")
        self._new_visit = new_visit

    def token(self, payload: str = "") -> str:
        """A signed token for a visit (its journey's payload, or its id), or for a new one."""
        return self._signer.sign(payload or self._new_visit())

    def verify(self, token: str, max_age: int = MAX_AGE) -> Signed | None:
        """What a token was made for; None where its signature does not hold."""
        return self._signer.read(token, max_age)

    def visit_id(self, marker: Marker | None) -> str:
        """The id of a request's visit: the one that a trusted marker brought, or a new one."""
        return marker.id if marker is not None and marker.trusted else self._new_visit()

    def add_to(self, url: str, step: int, rule: int, token: str) -> str:
        """`url` with the marker of a step of a rule, both by their numbers from 0."""
        return self._with(url, value(step, rule, token))

    def stay_url(self, url: str, token: str = "") -> str:
        """`url` with the marker that says: continue here; with a measured visit's token."""
        return self._with(url, f"{STAY}-{token}" if token else STAY)

    def carry_over(self, url: str, marker: Marker) -> str:
        """`url`, which may have a fragment, with a marker that came in with the request."""
        base, hash_, fragment = url.partition("#")
        return self._with(base, marker.raw) + hash_ + fragment

    def is_stay_url(self, url: str) -> bool:
        """Whether this URL says: continue here."""
        if self.name not in url:
            return False
        parts = (part.partition("=") for part in url.partition("?")[2].split("&"))
        return any(name == self.name and STAY_RE.fullmatch(value) for name, _, value in parts)

    def extract(self, query: str) -> tuple[Marker | None, str]:
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
        first = next(part for part in parts if part in ours)
        return self._read(first.partition("=")[2]), "&".join(rest)

    def _with(self, url: str, value: str) -> str:
        return f"{url}{'&' if '?' in url else '?'}{self.name}={value}"

    def _is_marker(self, part: str) -> bool:
        name, _, value = part.partition("=")
        return name == self.name and any(form.fullmatch(value) for form in (STEP_RE, STAY_RE))

    def _read(self, value: str) -> Marker | None:
        match = STEP_RE.fullmatch(value)
        if not match:
            signed = self.verify(value.partition("-")[2])
            return _trusted(value, None, 0, signed) or Marker(value, step=None)
        step, rule, signed = int(match[1]), int(match[2]), self.verify(match[3])
        if signed is None and self._signer.is_young(match[4], MAX_AGE):
            return Marker(value, step, rule)
        return _trusted(value, step, rule, signed)


def value(step: int, rule: int, token: str) -> str:
    """A marker's value: a step of a rule, both by their numbers from 0, in a visit."""
    return f"{step}.{rule}-{token}"


def _trusted(raw: str, step: int | None, rule: int, signed: Signed | None) -> Marker | None:
    if signed is None or not signed.is_fresh:
        return None
    journey = Journey.read(signed.text)
    visit = journey.id if journey else signed.text.partition("~")[0]
    return Marker(raw, step, rule, visit, journey, trusted=True)
