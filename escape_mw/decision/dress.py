"""How the page of a release is dressed: plain words, from the site down to one visit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from ..web.paths import fill


@dataclass(frozen=True, slots=True)
class Dress:
    """The rules' `page:` as a plain value; None for what is not said.

    `accent` is a colour such as "#1db954", `artwork` a path of the site, a data URL, or an https
    URL, `language` a tag of the page's own, or "auto" for the visitor's, `template` a file's path.
    """

    brand: str | None = None
    title: str | None = None
    artist: str | None = None
    accent: str | None = None
    artwork: str | None = None
    language: str | None = None
    template: str | None = None

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
            artwork=fill(self.artwork, captures) if self.artwork else None,
        )


NAMES = tuple(field.name for field in fields(Dress))
UNDRESSED = Dress()


def _filled(text: str | None, captures: Mapping[str, str]) -> str | None:
    """A text with captures in it; whatever shows it escapes it."""
    for name, value in captures.items():
        text = text and text.replace(f"{{{name}}}", value)
    return text
