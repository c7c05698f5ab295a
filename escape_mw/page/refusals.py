"""What a template's own markup has that the page's Content-Security-Policy refuses."""

from __future__ import annotations

from collections.abc import Collection
from html.parser import HTMLParser

from ..decision.dress import Dress
from .skin import Skin, image_source

ELEMENTS = ("iframe", "object", "embed", "form", "base", "video", "audio")


def refusals(page: str, skin: Skin, dress: Dress) -> list[str]:
    """What browsers leave out of a page in this skin and dress, each said once."""
    reader = _Reader(skin, {image_source(dress.artwork), image_source(dress.logo)})
    reader.feed(page)
    return list(dict.fromkeys(reader.found))


class _Reader(HTMLParser):
    def __init__(self, skin: Skin, images: Collection[str]) -> None:
        super().__init__()
        self.found: list[str] = []
        self._ours = {"style": f"{skin.style}", "script": f"{skin.script}"}
        self._images = images

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in ELEMENTS:
            self.found.append(f"<{tag}>")
        if tag == "link" and "stylesheet" in (values.get("rel") or ""):
            self.found.append('<link rel="stylesheet"> (write its rules into page.style)')
        if tag == "script" and "src" in values:
            self.found.append("<script>")
        if "style" in values:
            self.found.append("style= (use page.style)")
        self.found += [f"{name}=" for name in values if name.startswith("on")]
        source = image_source(values.get("src")) if tag == "img" else ""
        if source and source not in self._images:
            self.found.append(f'<img src="{values["src"]}"> (only page.artwork and page.logo)')

    handle_startendtag = handle_starttag

    def handle_data(self, data: str) -> None:
        kind = self.cdata_elem
        if kind in self._ours and data.strip() and data.strip() != self._ours[kind].strip():
            self.found.append("<style> (use page.style)" if kind == "style" else "<script>")
