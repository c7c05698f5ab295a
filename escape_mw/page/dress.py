"""How a site dresses the page: its brand, title, colour and artwork."""

from __future__ import annotations

from dataclasses import dataclass

SELF = "'self'"


@dataclass(frozen=True, slots=True)
class Dress:
    """The rules' `page:` as a plain value.

    `accent` is a colour such as "#1db954", `artwork` a path of the site or a data URL, `language` a
    tag of the page's own, or "auto" for the visitor's.
    """

    brand: str | None = None
    title: str | None = None
    accent: str | None = None
    artwork: str | None = None
    language: str = "auto"

    @property
    def style(self) -> str:
        """The style of the button: the accent, with black or white on it, whichever reads better.

        WCAG 2.2, "relative luminance" and "contrast ratio".
        """
        if self.accent is None:
            return ""
        luminance = _luminance(self.accent)
        on_black, on_white = (luminance + 0.05) / 0.05, 1.05 / (luminance + 0.05)
        label = "#000" if on_black > on_white else "#fff"
        return f"\n.button{{background:{self.accent};color:{label}}}"

    @property
    def image_policy(self) -> str:
        """What the Content-Security-Policy says of the artwork."""
        if not self.artwork:
            return ""
        return f"; img-src {'data:' if self.artwork.startswith('data:') else SELF}"


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
