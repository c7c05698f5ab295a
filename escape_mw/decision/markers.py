"""The marker: one query parameter on this site's URLs, which says what was tried there.

It looks like `_esc=2~intent-app~VISIT~RULE~tiktok~android.DATE.SIGNATURE`: the form's number, the
technique by its name, then what the visit is about (`Subject`). `_esc=2~stay~...` says "continue
here" (`stays`).

A marker holds on the host and the path that it was made for, and for `MAX_AGE`; what the query says
besides is not bound, because browsers strip click ids. Where its signature does not hold, only the
technique is read: that can make a decision more careful and nothing else, so loops end without any
secret that processes share. One of another form says nothing, and is as one that has grown old.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes, urlsplit

from ..web.urls import SAFE_PATH
from .handoffs import LINE_PARAMETER
from .model import Marker, Subject
from .signing import FORM, TOKEN_RE, Signer, is_young
from .stays import STAY_RE
from .tokens import SEPARATOR

MAX_AGE = 600  # seconds
WORD = r"[A-Za-z0-9_-]*"
STEP_RE = re.compile(
    rf"{FORM}~([a-z][a-z-]{{0,30}}(?:~{WORD}){{4}})\.([0-9a-f]{{1,10}})\.{WORD}", re.ASCII
)
MAX_LENGTH = 400  # characters
PARAMETER = "_esc"  # its name, where the rules say no other


class Markers:
    """Writes markers into this site's URLs, and reads them.

    `name` is the parameter's name; `secret` and `site` are those of `Tokens`.
    """

    def __init__(self, name: str = PARAMETER, secret: str | None = None, site: str = "") -> None:
        self.name = name
        self._signer = Signer(secret, f"escape_mw.marker.{site}")

    def add_to(self, url: str, value: str) -> str:
        """`url`, one of this site's, with a marker."""
        return f"{url}{'&' if '?' in url else '?'}{self.name}={value}"

    def value(self, url: str, technique: str, subject: Subject, moment: int) -> str:
        """The marker of a technique, for this URL."""
        text = SEPARATOR.join((technique, *subject))
        return self._signer.sign(text, moment, *_host_and_path(url))

    def carry_over(self, url: str, base: str, marker: Marker) -> str:
        """`url`, to which this site leads a marked visit on, with the marker.

        `base` is the same URL in full. A verified marker is made anew for it, and keeps its date.
        """
        value = marker.raw
        if marker.is_verified:
            value = self.value(base, marker.technique, marker.subject, marker.issued)
        rest, hash_, fragment = url.partition("#")
        return self.add_to(rest, value) + hash_ + fragment

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
        value = ours[0].partition("=")[2]
        # LINE's parameter goes only with the marker that brought it: the site's own stays.
        gone = {*ours, LINE_PARAMETER} if "~line-external~" in f"{value}~" else {*ours}
        return value, "&".join(part for part in parts if part not in gone)

    def read(self, value: str, url: str | None, moment: int) -> Marker | None:
        """What a marker says that stands in `url`; None for one that says "continue here".

        `url` is None where the requested address cannot be trusted.
        """
        if STAY_RE.fullmatch(value):
            return None
        match = STEP_RE.fullmatch(value)
        if match is None:  # of another form
            return Marker(value, "", is_expired=True)
        technique, *rest = match[1].split(SEPARATOR)
        signed = None
        if url is not None:
            signed = self._signer.read(value, moment, MAX_AGE, *_host_and_path(url))
        if signed and signed.is_fresh:
            return Marker(value, technique, Subject(*rest), signed.issued, is_verified=True)
        claimed = Subject(rule=rest[1])  # it only says where to look first
        if is_young(match[2], moment, MAX_AGE):
            return Marker(value, technique, claimed)
        return Marker(value, "", claimed, is_expired=True)

    def _is_marker(self, part: str) -> bool:
        name, _, value = part.partition("=")
        if name != self.name or len(value) > MAX_LENGTH:
            return False
        if STEP_RE.fullmatch(value) or STAY_RE.fullmatch(value):
            return True
        other = TOKEN_RE.fullmatch(value)
        return other is not None and other[1] != FORM


def _host_and_path(url: str) -> tuple[str, str]:
    """What a marker binds; a path may be quoted in several ways, all of them the same page's."""
    _, host, path, _, _ = urlsplit(url)
    if "%" in path:
        path = quote(unquote_to_bytes(path), safe=SAFE_PATH)
    return host, path
