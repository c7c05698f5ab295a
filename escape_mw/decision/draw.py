"""A fair draw that every process repeats: a keyed hash of what is drawn for."""

from __future__ import annotations

import hashlib

SCALE = 1 << 64


def draw(subject: str, name: str, purpose: bytes, secret: str = "") -> float:
    """A number from 0 to just below 1, evenly spread over subjects (BLAKE2b, RFC 7693, 2.9).

    One `purpose` (up to 16 bytes), and one `name` within it, tell nothing of another's draw; with a
    `secret`, nobody else can compute it.
    """
    key = hashlib.blake2b(secret.encode(), salt=purpose).digest()
    digest = hashlib.blake2b(f"{name}\0{subject}".encode(), key=key, digest_size=8).digest()
    return int.from_bytes(digest, "big") / SCALE
