"""URLs: which of them every browser parses the same way, and how one is read, quoted and compared.

What leaves the middleware passes `strict_split` first, and is handed on byte for byte.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit

MAX_URL = 2048  # characters
DEFAULT_PORTS = {"http": ":80", "https": ":443"}

# A host name of plain labels, in lower case; no address in brackets, no underscore (RFC 1123, 2.1).
LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
HOST = rf"{LABEL}(?:\.{LABEL})*"
HOST_AND_PORT = re.compile(rf"({HOST})(:\d{{1,5}})?", re.ASCII)
# A subset of RFC 3986 on which urllib and the browsers' WHATWG parsers agree; \Z, because $ allows
# a newline.
AFTER_HOST = r"[!#$&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~%]*"
STRICT_URL = re.compile(rf"(https?)://({HOST})(:443|:80)?(?:(?=[/?#]){AFTER_HOST})?\Z", re.ASCII)
URL_OF_ASCII = re.compile(rf"https?://{HOST}(?::\d{{1,5}})?/{AFTER_HOST}", re.ASCII)
ORIGIN = re.compile(r"\s*(https?://[^/?#\\]*)", re.IGNORECASE | re.ASCII)
NOT_LATIN1_TEXT = re.compile(r"[^ -\xff]")
DOT_SEGMENT = re.compile(r"/(?:\.|%2e){1,2}(?:/|\Z)", re.IGNORECASE | re.ASCII)

# What `quote` leaves alone: all that may stand in a path, in a query, and anywhere behind the host
# (RFC 3986).
SAFE_PATH = "/:@!$&'()*+,;=-._~"
SAFE_QUERY = "!$&'()*+,-./:;=?@[]_~%"
SAFE_AFTER_HOST = "!#$&'()*+,-./:;=?@[]_~%"

RESERVED = re.compile(r"[^A-Za-z0-9._~-]")
PERCENT = {char: quote(char, safe="") for char in map(chr, range(128))}


def strict_split(url: str) -> SplitResult | None:
    """Split a URL that all browsers parse the same way; None for any other.

    Only http and https, an ASCII host of plain labels that is not an address, the scheme's own
    port, printable ASCII without blanks, quotes, brackets of markup and backslashes, no dot
    segments, and at most `MAX_URL` characters (WHATWG URL, "valid URL string"; RFC 3986).
    """
    if len(url) > MAX_URL or not (match := STRICT_URL.match(url)):
        return None
    scheme, host, port = match.groups()
    parts = urlsplit(url)
    if parts.scheme != scheme or parts.netloc != host + (port or ""):
        return None
    if host.rpartition(".")[2].isdigit() or (port and port != DEFAULT_PORTS[scheme]):
        return None
    return None if DOT_SEGMENT.search(parts.path) else parts


def normalise_location(value: str) -> str:
    """A redirect's Location as a browser would read it: ASCII, scheme and host in lower case.

    RFC 3986, 6.2.
    `value` is a header's value as WSGI gives it (latin-1). What cannot be normalised safely is
    returned as it is, for `strict_split` to refuse.
    """
    match = ORIGIN.match(value)
    if not match or "\\" in value or len(value) > MAX_URL:
        return value
    rest = value[match.end() :].rstrip(" \t")
    if NOT_LATIN1_TEXT.search(rest):
        return value
    return match[1].lower() + quote(rest, safe=SAFE_AFTER_HOST, encoding="latin-1")


def host_of(url: str) -> str:
    """The host of an absolute URL with its port, in lower case; "" without one.

    A backslash ends it, as in browsers (WHATWG URL, "authority state"). A user name is not part of
    it.
    """
    rest = url.partition("://")[2]
    for end in "/?#\\":
        rest = rest.partition(end)[0]
    return rest.rpartition("@")[2].lower()


def path_of(url: str) -> str:
    """A URL of a site as a reference: whatever a proxy made of scheme and host, they stay."""
    return "/" + url.split("/", 3)[3]


def without_port(host: str) -> str:
    """A Host header's name alone."""
    return host.partition(":")[0]


def is_local_path(text: str) -> bool:
    """Whether this is a path of the same site, and not what browsers read as another host."""
    return text.startswith("/") and not text.startswith(("//", "/\\"))


def first_values(query: str, *, keep_blank: bool = False) -> dict[str, str]:
    """The parameters of a query string; of several with one name, the first."""
    return dict(reversed(parse_qsl(query, keep_blank_values=keep_blank)))


def quoted(url: str) -> str:
    """A URL as a value inside another: all but unreserved characters are encoded (RFC 3986, 2.3).

    The same as `quote(url, safe="")`, in a third of its time: every page has a few.
    """
    return RESERVED.sub(_percent, url)


def _percent(found: re.Match[str]) -> str:
    return PERCENT.get(found[0]) or quote(found[0], safe="")
