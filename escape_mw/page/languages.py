"""The page's words: a JSON file for each language in `locales/`, read on first use."""

from __future__ import annotations

import json
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from ..web import accept

FALLBACK = "en"


@cache
def available() -> tuple[str, ...]:
    """The tags of all languages that the page speaks, such as "pt-BR"."""
    names = (entry.name for entry in files(__package__).joinpath("locales").iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in names if name.endswith(".json")))


@cache
def words(tag: str) -> dict[str, Any]:
    """All texts of one language, by name."""
    text = files(__package__).joinpath("locales", f"{tag}.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def choose(accept_language: str) -> str:
    """The best language for an Accept-Language header, English where none fits.

    Each wish in its order, from the whole tag to its first part (RFC 4647, 3.4, "Lookup"): en-US
    before de finds en.
    """
    return _chosen(accept_language[: accept.LONGEST])


@lru_cache(maxsize=512)
def _chosen(accept_language: str) -> str:
    tags = _tags()
    for wish in accept.languages(accept_language):
        tag = wish
        while tag:
            if tag in tags:
                return tags[tag]
            tag = tag.rpartition("-")[0]
    return FALLBACK


@cache
def _tags() -> dict[str, str]:
    """Every tag that a browser may ask for, in lower case, with the language that answers it."""
    aliases = ((tag, (tag, *words(tag).get("also", ()))) for tag in available())
    return {alias.lower(): tag for tag, names in aliases for alias in names}
