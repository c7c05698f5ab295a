"""What a site's own template and style have that the page's Content-Security-Policy refuses."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from html.parser import HTMLParser

from ..decision.dress import Dress
from .skin import Skin, image_source

ELEMENTS = ("iframe", "object", "embed", "form", "base", "video", "audio")
JAVASCRIPT = re.compile(
    r"(?:|module|(?:text|application)/(?:x-)?(?:java|ecma)script)", re.IGNORECASE
)
URL = re.compile(r"""@import|@font-face|url\(\s*["']?([^"')]*)""", re.IGNORECASE)
ONLY = "only page.artwork and page.logo"


def images_of(dress: Dress) -> set[str]:
    """The sources of images that the policy of a page in this dress lets in."""
    return {image_source(one) for one in (dress.artwork, dress.logo) if one}


def refusals(page: str, skin: Skin, images: Collection[str]) -> list[str]:
    """What browsers leave out of a page in this skin, each said once."""
    reader = _Reader(skin, images)
    reader.feed(page)
    return list(dict.fromkeys(reader.found))


def style_refusals(style: str, images: Collection[str]) -> Iterator[str]:
    """The same of a style."""
    for found in URL.finditer(style):
        if found[1] is None:
            yield found[0].lower()
        elif image_source(found[1]) not in images:
            yield f"url({found[1]}) ({ONLY})"


class _Reader(HTMLParser):
    def __init__(self, skin: Skin, images: Collection[str]) -> None:
        super().__init__()
        self.found: list[str] = []
        self._ours = {"style": f"{skin.style}", "script": f"{skin.script}"}
        self._images = images
        self._is_code = True

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in ELEMENTS:
            self.found.append(f"<{tag}>")
        if "style" in values:
            self.found.append("style= (use page.style)")
        self.found += [f"{name}=" for name in values if name.startswith("on")]
        if tag == "script":
            self._is_code = JAVASCRIPT.fullmatch(values.get("type", "")) is not None
            self.found += ["<script>"] if "src" in values and self._is_code else []
        elif tag == "link":
            self._read_link(values.get("rel", "").split(), values.get("href", ""))
        elif tag in ("img", "source"):
            self._read_image(tag, values)

    handle_startendtag = handle_starttag

    def _read_link(self, rel: list[str], href: str) -> None:
        if {"stylesheet", "preload", "modulepreload"} & set(rel):
            self.found.append(f'<link rel="{" ".join(rel)}"> (write its rules into page.style)')
        elif "icon" in rel and image_source(href) not in self._images:
            self.found.append(f'<link rel="icon" href="{href}"> ({ONLY})')

    def _read_image(self, tag: str, values: dict[str, str]) -> None:
        for name in ("src", "srcset"):
            value = values.get(name, "")
            if value == "None":
                self.found.append(
                    f'<{tag} {name}="None">: put it between {{% if %}} and {{% endif %}}'
                )
            elif value and image_source(value) not in self._images:
                self.found.append(f'<{tag} {name}="{value}"> ({ONLY})')

    def handle_data(self, data: str) -> None:
        kind, text = self.cdata_elem, data.strip()
        if kind not in self._ours or not text or text == self._ours[kind].strip():
            return
        if kind == "style":
            self.found.append("<style> (use page.style)")
        elif self._is_code:
            self.found.append("<script>")
