"""What a site hands out and believes when it comes back: one token for each purpose.

| token        | carries                                    | binds      | lives  |
|--------------|--------------------------------------------|------------|--------|
| marker       | technique, visit, rule, host app, platform | host, path | 10 min |
| stay, a link | the site token of a measured visit         | host       | 10 min |
| stay, cookie | the same                                   | host       | 30 min |
| beacon       | visit, rule, host app, platform            |            | 1 h, in a tag 24 h |
| site token   | the same, and the arm                      |            | 24 h   |

All bind the site. Marker and stay stand in URLs and a cookie (`markers`, `stays`). A visit's id
stands in tokens only: events have a keyed hash of it, so nothing in an access log leads to them.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import NamedTuple

from ..web.days import DAY
from .model import Subject
from .signing import OWN_SECRET, Signer

BEACON_AGE = 3600  # seconds that a page is believed
TAG_AGE = 24 * 3600  # seconds that a tag in a page of the site's is, which may stand open
OUTCOME_AGE = 24 * 3600  # seconds that an outcome may take
DIGITS = 4  # of a day, in hexadecimal: enough until 2149
SEPARATOR = "~"


class Reading(NamedTuple):
    """What a token is about, the arm if it says one, and whether it is in time."""

    subject: Subject
    arm: str
    is_fresh: bool


class Tokens:
    """The tokens of one site that no URL carries, and the ids of its visits.

    `secret` is shared by the processes whose tokens are to count; without it each process has one
    of its own. `site` tells this site's tokens from those of another with the same secret.
    """

    def __init__(self, secret: str | None = None, site: str = "") -> None:
        self.is_shared = secret is not None
        self._beacons = Signer(secret, f"escape_mw.beacon.{site}")
        self._sites = Signer(secret, f"escape_mw.site.{site}")
        key = secret.encode() if secret else OWN_SECRET
        whole = hashlib.blake2b(key, person=b"escape_mw.visit")
        whole.update(f"\0{site}".encode())
        self._hash_key = whole.digest()

    def __repr__(self) -> str:
        return "Tokens()"

    @property
    def owner(self) -> str:
        """A hash that sites with the same secret and the same name share."""
        return self.hash_of("")

    @staticmethod
    def new_visit(moment: int) -> str:
        """A new visit's id: its day, and 48 random bits that nobody knows but its tokens."""
        return f"{moment // DAY:0{DIGITS}x}{secrets.token_urlsafe(6)}"

    @staticmethod
    def day_of(visit: str) -> int:
        """The day on which a visit began (counted from 1970, UTC); 0 where its id says none."""
        try:
            return int(visit[:DIGITS], 16)
        except ValueError:
            return 0

    def hash_of(self, visit: str) -> str:
        """What events call a visit: a keyed hash of its id (BLAKE2b: RFC 7693, 2.9)."""
        digest = hashlib.blake2b(visit.encode(), key=self._hash_key, digest_size=12)
        return digest.hexdigest()

    def beacon(self, subject: Subject, moment: int) -> str:
        """The token that a page reports its stages with."""
        return self._beacons.sign(SEPARATOR.join(subject), moment)

    def read_beacon(self, token: str, moment: int, age: int = BEACON_AGE) -> Reading | None:
        """What a beacon is about, in time for `age` seconds; None for any other token."""
        signed = self._beacons.read(token, moment, age)
        return _reading((*signed.text.split(SEPARATOR), ""), signed.is_fresh) if signed else None

    def site(self, subject: Subject, arm: str, moment: int) -> str:
        """The visit's token for the site's own flow: outcomes are recorded with it."""
        return self._sites.sign(SEPARATOR.join((*subject, arm)), moment)

    def read_site(self, token: str, moment: int) -> Reading | None:
        """What a site token is about; None for any other token."""
        signed = self._sites.read(token, moment, OUTCOME_AGE)
        return _reading(tuple(signed.text.split(SEPARATOR)), signed.is_fresh) if signed else None


def _reading(parts: tuple[str, ...], is_fresh: bool) -> Reading:
    """The text of a token that holds; that of another form says nothing."""
    if len(parts) != len(Subject._fields) + 1:
        return Reading(Subject(), "", is_fresh=False)
    return Reading(Subject(*parts[:-1]), parts[-1], is_fresh)
