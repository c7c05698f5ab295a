"""What a dress means for a browser: the style, and the policy that lets it in."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache
from typing import NamedTuple

from markupsafe import Markup

from ..decision.dress import ORIGIN
from ..web.answers import BARE_POLICY, csp, minified

PAGES = {"light": "#fbfaf8", "dark": "#0e0e10"}  # as in interstitial.css


class Skin(NamedTuple):
    """A page's style and script, and the Content-Security-Policy that allows them by hash.

    `reporting_policy` is that of a page that reports its stages too.
    """

    style: Markup
    script: Markup
    policy: str
    reporting_policy: str


def skin_of(accent: str | None, images: Iterable[str | None], own_style: str = "") -> Skin:
    """The skin of a page with this accent, these images, and a style of the site's own."""
    sources = dict.fromkeys(source for one in images if (source := image_source(one)))
    return _skin(accent, " ".join(sources), own_style)


def image_source(artwork: str | None) -> str:
    """What a policy calls the place of an artwork, "" for none: nothing else is let in."""
    if not artwork:
        return ""
    if artwork.startswith("data:"):
        return "data:"
    origin = ORIGIN.match(artwork)
    return origin[0] if origin else "'self'"


@lru_cache(256)
def _skin(accent: str | None, images: str, own_style: str) -> Skin:
    style = f"{minified(__package__, 'interstitial.css')}{_button_style(accent)}{own_style}"
    more = f"; img-src {images}" if images else ""
    script = minified(__package__, "interstitial.js")
    policy = csp(BARE_POLICY, script=script, style=style, more=more)
    return Skin(
        Markup(style),  # noqa: S704 - constants, a checked colour, and a checked file of the site's
        Markup(script),  # noqa: S704 - a constant
        policy,
        f"{policy}; connect-src 'self'",
    )


@cache
def _button_style(fill: str | None) -> str:
    """The button's colour, with black or white on it, whichever reads better.

    One that the page would hide has an edge (WCAG 2.2, 1.4.11: 3:1 for what a control is known by).
    """
    if fill is None:
        return ""
    label = "#000" if contrast(fill, "#000000") > contrast(fill, "#ffffff") else "#fff"
    style = f"\n:root{{--fill:{fill};--label:{label}}}"
    for scheme, page in PAGES.items():
        if contrast(fill, page) < 3:
            edge = f":root{{--edge:{_edge(fill, page)}}}"
            style += f"\n@media (prefers-color-scheme:{scheme}){{{edge}}}"
    return style


def _edge(fill: str, page: str) -> str:
    """The fill, as little darker or lighter as it must be to be seen on the page."""
    end = 0 if page == PAGES["light"] else 255
    channels = [int(fill[at : at + 2], 16) for at in (1, 3, 5)]
    shades = (
        "#" + "".join(f"{round(one + (end - one) * part / 20):02x}" for one in channels)
        for part in range(1, 21)
    )
    return next(shade for shade in shades if contrast(shade, page) >= 3)


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    """WCAG 2.2, "relative luminance"."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
