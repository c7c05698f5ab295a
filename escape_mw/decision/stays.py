"""The visitor's choice to continue here: a link of our page, then a session cookie.

The link leads to this site's own URL, with a marker that is signed and dated. The request that it
makes passes, and the site's response gets one header more: a cookie that keeps the choice for half
an hour, and with it the site token of a measured visit. It is the one cookie of this package, set
by nothing but that tap. Where cookies are refused, this page passes all the same.
"""

from __future__ import annotations

import re

from ..web.urls import host_of
from .signing import FORM, Signer, is_young

LINK_AGE = 600  # seconds
COOKIE_AGE = 1800  # seconds
COOKIE = "escape_stay"
HEAD = f"{FORM}~stay~"
STAY_RE = re.compile(rf"{HEAD}[A-Za-z0-9_.~-]*\.([0-9a-f]{{1,10}})\.[A-Za-z0-9_-]*", re.ASCII)


class Stays:
    """Writes and reads the choice; `secret` and `site` are those of `Tokens`."""

    def __init__(self, secret: str | None = None, site: str = "") -> None:
        self._is_shared = secret is not None
        self._links = Signer(secret, f"escape_mw.stay.{site}")
        self._cookies = Signer(secret, f"escape_mw.stay.cookie.{site}")

    def marker(self, url: str, token: str, moment: int) -> str:
        """The marker that says "continue here" on this URL's host.

        `token` is the site token of a measured visit, else "".
        """
        return self._links.sign(f"stay~{token}", moment, host_of(url))

    def read_marker(self, value: str, url: str | None, moment: int) -> str | None:
        """The site token that a marker brings ("" without one); None where it does not hold."""
        match = STAY_RE.fullmatch(value)
        if match is None or url is None:
            return None
        signed = self._links.read(value, moment, LINK_AGE, host_of(url))
        if signed is not None:
            return signed.text.removeprefix("stay~") if signed.is_fresh else None
        # Which process answers must not decide whether a visitor may stay.
        return "" if not self._is_shared and is_young(match[1], moment, LINK_AGE) else None

    def cookie(self, url: str, root: str, token: str, moment: int) -> str:
        """The Set-Cookie that keeps the choice: for this host, below `root`.

        A root with a semicolon, which no Path can hold, gets the whole host (RFC 6265, 4.1.1).
        """
        path = "/" if not root or ";" in root else root
        value = self._cookies.sign(token, moment, host_of(url))
        secure = "; Secure" if url.startswith("https:") else ""
        return f"{COOKIE}={value}; HttpOnly; Path={path}; SameSite=Lax{secure}"

    def read_cookie(self, header: str, url: str | None, moment: int) -> str | None:
        """The site token in a Cookie header ("" without one); None where nobody chose to stay."""
        if url is None or COOKIE not in header:
            return None
        for part in header.split(";"):
            name, _, value = part.strip().partition("=")
            if name != COOKIE:
                continue
            signed = self._cookies.read(value, moment, COOKIE_AGE, host_of(url))
            if signed is not None and signed.is_fresh:
                return signed.text
        return None
