"""How the page of a release is dressed: plain words, from the site down to one visit."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace

from ..web.paths import PLACEHOLDER, fill
from ..web.urls import is_local_path

COLOUR = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)
ORIGIN = re.compile(r"https://[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?", re.ASCII)
# What browsers drop wherever it stands (WHATWG URL, 4.4), or read as a slash.
MISREAD = re.compile(r"[\x00-\x1f\x7f\\]")
DATA_IMAGE = re.compile(r"data:image/[a-z+.-]+[;,]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Dress:
    """The rules' `page:` as a plain value; None for what is not said.

    `accent` is a colour such as "#1db954", `artwork` and `logo` a path of the site, a data URL, or
    an https URL, `language` a tag of the page's own, or "auto" for the visitor's, `template` and
    `style` a file's path.
    """

    brand: str | None = None
    title: str | None = None
    artist: str | None = None
    accent: str | None = None
    artwork: str | None = None
    logo: str | None = None
    language: str | None = None
    template: str | None = None
    style: str | None = None

    def over(self, below: Dress) -> Dress:
        """This dress, and from the one below it whatever this one does not say."""
        said = {name: value for name in NAMES if (value := getattr(self, name)) is not None}
        return replace(below, **said) if said else below

    def filled(self, captures: Mapping[str, str]) -> Dress:
        """The dress with a path's captures: as they are in words, quoted whole in the artwork."""
        if not captures:
            return self
        return replace(
            self,
            title=_filled(self.title, captures),
            artist=_filled(self.artist, captures),
            artwork=_located(self.artwork, captures),
            logo=_located(self.logo, captures),
        )


NAMES = tuple(field.name for field in fields(Dress))
UNDRESSED = Dress()
OWN = ("title", "artist", "artwork", "accent")  # what an application may say of a release


def _filled(text: str | None, captures: Mapping[str, str]) -> str | None:
    """A text with captures in it; whatever shows it escapes it. Odd bytes are shown as U+FFFD."""
    if text is None:
        return None

    def word(match: re.Match[str]) -> str:
        value = captures.get(match[1], match[0])
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")

    return PLACEHOLDER.sub(word, text)


def _located(artwork: str | None, captures: Mapping[str, str]) -> str | None:
    """An artwork's address with captures in it; an image in itself has none."""
    if artwork is None or artwork.startswith("data:"):
        return artwork
    return fill(artwork, captures)


def is_artwork(value: str, hosts: Collection[str]) -> bool:
    """Whether a page may show this: a path of the site, an image in itself, or one of `hosts`.

    `hosts` are https origins.
    """
    if DATA_IMAGE.match(value):
        return True
    if MISREAD.search(value):
        return False
    if value.startswith("https://"):
        origin = ORIGIN.match(value)
        return origin is not None and origin[0] in hosts and value[origin.end() :][:1] in "/?"
    return is_local_path(value)


def own_dress(words: object, hosts: Collection[str]) -> tuple[Dress, list[str]]:
    """The application's own words for the page; with it, the keys that cannot be taken.

    `words` is a mapping with title, artist, artwork and accent. Markup in them is text like any
    other. `hosts` are the https origins that artwork may come from.
    """
    if not isinstance(words, Mapping):
        return UNDRESSED, [type(words).__name__]
    taken, ignored = {}, []
    for name, value in words.items():
        if value is None and name in OWN:
            continue  # such as an empty column of a database
        if name in OWN and isinstance(value, str) and _is_fit(name, value, hosts):
            taken[name] = str.__str__(value)  # a subclass may call itself safe
        else:
            ignored.append(f"{name}")
    return Dress(**taken), ignored


def _is_fit(name: str, value: str, hosts: Collection[str]) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    if name == "accent":
        return COLOUR.fullmatch(value) is not None
    return is_artwork(value, hosts) if name == "artwork" else True
