"""Answers that any framework can send, and the headers that all of this package's answers share."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

Header = tuple[str, str]

# No escape answer may be kept by anybody: it is right for one visitor's app only (RFC 9111; Fastly
# and Cloudflare docs).
NO_STORE = (
    ("Cache-Control", "no-store"),
    ("CDN-Cache-Control", "no-store"),
    ("Surrogate-Control", "no-store"),
    ("Vary", "User-Agent"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)
HTML = ("Content-Type", "text/html; charset=utf-8")
BARE_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
UNSENDABLE = re.compile(r"[^\t -~]")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response that any framework can send.

    `status` is such as "200 OK", `headers` are in order, `body` is whole. Raises ValueError where a
    header's value holds what no header may hold (RFC 9110, 5.5), so that an answer that exists can
    be sent.
    """

    status: str
    headers: tuple[Header, ...]
    body: bytes

    def __post_init__(self) -> None:
        for name, value in self.headers:
            if UNSENDABLE.search(value):
                raise ValueError(f"the header {name} holds what a header may not hold")


def csp(base: str, *, script: str, style: str, more: str = "") -> str:
    """A Content-Security-Policy that allows one inline script and one inline style."""
    return f"{base}; script-src {source_hash(script)}; style-src {source_hash(style)}{more}"


def source_hash(text: str) -> str:
    """What a Content-Security-Policy calls an inline script or style by (W3C CSP3, 2.3.1)."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def minified(package: str, name: str) -> str:
    """A text of a package without its comments and indentation, which no visitor needs."""
    lines = (line.strip() for line in template_text(package, name).splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


@cache
def template_text(package: str, name: str) -> str:
    """A file of a package's `templates/`; read once, for a process may give up the right to."""
    return files(package).joinpath("templates", name).read_text("utf-8")
