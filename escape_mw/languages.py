"""The page's words: one small YAML file for each language in `locales/`, read when a visitor first asks for it."""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import yaml
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

FALLBACK = "en"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def available() -> tuple[str, ...]:
    """The tags of every language that the page speaks, such as "pt-BR"."""
    names = (entry.name for entry in files(__package__).joinpath("locales").iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


@cache
def words(tag: str) -> dict[str, Any]:
    """Every text of one language, by name."""
    text = files(__package__).joinpath("locales", f"{tag}.yaml").read_bytes()
    loaded: dict[str, Any] = yaml.load(text, Loader=LOADER)  # noqa: S506 - our own file
    return loaded


@cache
def _tags() -> dict[str, str]:
    """Every tag that a browser may ask for, in lower case, with the language that answers it."""
    return {
        alias.lower(): tag for tag in available() for alias in (tag, *words(tag).get("also", ()))
    }


def choose(accept_language: str) -> str:
    """The best language for an Accept-Language header, English where none fits.

    Each wish in its order, from the whole tag to its first part (RFC 4647, 3.4, "Lookup"): en-US before de finds en.
    """
    return _chosen(accept_language[:200])


@lru_cache(maxsize=512)
def _chosen(accept_language: str) -> str:
    for wish, quality in parse_accept_header(accept_language, LanguageAccept):
        tag = wish.lower()
        while tag and quality:
            if tag in _tags():
                return _tags()[tag]
            tag = tag.rpartition("-")[0]
    return FALLBACK
