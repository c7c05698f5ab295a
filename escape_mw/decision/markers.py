"""The marker: one query parameter on this site's URLs, which says what was tried there.

It looks like `_esc=intent-app~VISIT~RULE~tiktok~android.DATE.SIGNATURE`: the technique by its name,
then what the visit is about (`Subject`). `_esc=stay~VISIT.DATE.SIGNATURE` says "continue here".

A marker holds on the host and the path that it was made for, and for `MAX_AGE`; what the query says
besides is not bound, because browsers strip click ids. Where its signature does not hold, only the
technique is read: that can make a decision more careful and nothing else, so loops end without any
secret that processes share.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes, urlsplit

from ..web.urls import SAFE_PATH
from .handoffs import LINE_PARAMETER
from .model import STAY, Marker, Subject
from .signing import Signer, is_young
from .tokens import SEPARATOR

MAX_AGE = 600  # seconds
STAY_AGE = 1800  # seconds
WORD = r"[A-Za-z0-9_-]*"
FORM = re.compile(
    rf"(?:{STAY}~{WORD}|[a-z][a-z-]{{0,30}}(?:~{WORD}){{4}})\.([0-9a-f]{{1,10}})\.{WORD}", re.ASCII
)
MAX_LENGTH = 300  # characters


class Markers:
    """Writes markers into this site's URLs, and reads them.

    `name` is the parameter's name; `secret` and `site` are those of `Tokens`.
    """

    def __init__(self, name: str = "_esc", secret: str | None = None, site: str = "") -> None:
        self.name = name
        self._is_shared = secret is not None
        self._steps = Signer(secret, f"escape_mw.marker.{site}")
        self._stays = Signer(secret, f"escape_mw.stay.{site}")

    def add_to(self, url: str, technique: str, subject: Subject) -> str:
        """`url`, one of this site's, with the marker of a technique."""
        return self._with(url, self.value(url, technique, subject))

    def value(self, url: str, technique: str, subject: Subject) -> str:
        """The marker of a technique, for this URL."""
        text = SEPARATOR.join((technique, *subject))
        return self._steps.sign(text, *_host_and_path(url))

    def stay_url(self, url: str, visit: str = "") -> str:
        """`url` with the marker that says: continue here; `visit` is a measured visit's id."""
        return self._with(url, self._stays.sign(f"{STAY}{SEPARATOR}{visit}", _host(url)))

    def carry_over(self, url: str, base: str, marker: Marker) -> str:
        """`url`, to which this site leads a marked visit on, with the marker.

        `base` is the same URL in full. A verified marker is made anew for it, and keeps its date.
        """
        text, _, _ = marker.raw.partition(".")
        value = marker.raw
        if marker.is_verified and marker.is_stay:
            value = self._stays.sign(text, _host(base), issued=marker.issued)
        elif marker.is_verified:
            value = self._steps.sign(text, *_host_and_path(base), issued=marker.issued)
        rest, hash_, fragment = url.partition("#")
        return self._with(rest, value) + hash_ + fragment

    def extract(self, query: str) -> tuple[str, str]:
        """Take our markers out of a raw query string; whatever else stands there stays as it is.

        Returns the first one's value, "" where there is none, and the rest.
        """
        if self.name not in query:
            return "", query
        parts = query.split("&")
        ours = [part for part in parts if self._is_marker(part)]
        if not ours:
            return "", query
        gone = {*ours, LINE_PARAMETER}
        rest = [part for part in parts if part not in gone]
        return ours[0].partition("=")[2], "&".join(rest)

    def read(self, value: str, url: str | None) -> Marker | None:
        """What a marker says that stands in `url`; None for a "continue here" that does not hold.

        `url` is None where the requested address cannot be trusted.
        """
        match = FORM.fullmatch(value)
        if match is None:
            return None
        if value.startswith(STAY + SEPARATOR):
            return self._read_stay(value, match[1], url)
        return self._read_step(value, match[1], url)

    def stay_of(self, url: str) -> Marker | None:
        """The "continue here" that one of this site's URLs says, such as a referrer."""
        value, _ = self.extract(url.partition("#")[0].partition("?")[2])
        return self.read(value, url) if value.startswith(STAY) else None

    def _read_stay(self, value: str, date: str, url: str | None) -> Marker | None:
        signed = self._stays.read(value, STAY_AGE, _host(url)) if url else None
        if signed and signed.is_fresh:
            visit = signed.text.partition(SEPARATOR)[2]
            return Marker(value, STAY, Subject(visit), signed.issued, is_verified=True)
        # Which process answers must not decide whether a visitor may stay.
        if signed is None and not self._is_shared and is_young(date, STAY_AGE):
            return Marker(value, STAY)
        return None

    def _read_step(self, value: str, date: str, url: str | None) -> Marker:
        technique, *rest = value.partition(".")[0].split(SEPARATOR)
        signed = self._steps.read(value, MAX_AGE, *_host_and_path(url)) if url else None
        if signed and signed.is_fresh:
            return Marker(value, technique, Subject(*rest), signed.issued, is_verified=True)
        claimed = Subject(rule=rest[1])  # it only says where to look first
        if is_young(date, MAX_AGE):
            return Marker(value, technique, claimed)
        return Marker(value, "", claimed, is_expired=True)

    def _with(self, url: str, value: str) -> str:
        return f"{url}{'&' if '?' in url else '?'}{self.name}={value}"

    def _is_marker(self, part: str) -> bool:
        name, _, value = part.partition("=")
        return name == self.name and len(value) <= MAX_LENGTH and bool(FORM.fullmatch(value))


def _host_and_path(url: str) -> tuple[str, str]:
    """What a marker binds; a path may be quoted in several ways, all of them the same page's."""
    _, host, path, _, _ = urlsplit(url)
    if "%" in path:
        path = quote(unquote_to_bytes(path), safe=SAFE_PATH)
    return host, path


def _host(url: str) -> str:
    return urlsplit(url).netloc
