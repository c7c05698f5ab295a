"""What a browser says it accepts, as werkzeug reads it; imported when the first header is read.

At most `LONGEST` characters of a header are looked at.
"""

from __future__ import annotations

from functools import lru_cache

LONGEST = 200  # characters


def languages(header: str) -> tuple[str, ...]:
    """The tags of an Accept-Language header in lower case, the best liked first, none refused."""
    return _languages(header[:LONGEST])


def takes_gzip(header: str) -> bool:
    """Whether an Accept-Encoding header allows gzip."""
    return _takes_gzip(header[:LONGEST])


@lru_cache(maxsize=512)
def _languages(header: str) -> tuple[str, ...]:
    from werkzeug.datastructures import LanguageAccept  # noqa: PLC0415 - slow to import
    from werkzeug.http import parse_accept_header  # noqa: PLC0415

    wishes = parse_accept_header(header, LanguageAccept)
    return tuple(tag.lower() for tag, quality in wishes if quality)


@lru_cache(maxsize=128)
def _takes_gzip(header: str) -> bool:
    from werkzeug.http import parse_accept_header  # noqa: PLC0415 - slow to import

    return parse_accept_header(header)["gzip"] > 0
