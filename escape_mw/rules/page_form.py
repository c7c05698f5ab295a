"""The form of `page:`, how the page is dressed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from ..decision.dress import COLOUR, ORIGIN, Dress, is_artwork
from .fields import Matching, Strict, invalid, known_id


def _artwork(value: str) -> str:
    if not (value.startswith("https://") or is_artwork(value, ())):
        raise invalid(
            f"{value!r} is not a path on this site such as /static/cover.jpg,"
            " a data:image/... URL, or an https URL"
        )
    return value


Image = Annotated[str, AfterValidator(_artwork)]


def _not_a_comment(value: Any) -> Any:
    if value is None:
        raise invalid("is empty: # begins a comment; put the colour in quotes, as '#1db954'")
    return value


class PageForm(Strict):
    """How the page is dressed."""

    brand: str | None = None
    title: str | None = None
    artist: str | None = None
    accent: Annotated[
        Annotated[str, Matching(COLOUR, "a colour such as '#1db954'")] | None,
        BeforeValidator(_not_a_comment),
    ] = None
    artwork: Image | None = None
    logo: Image | None = None
    language: Annotated[str, known_id("language")] | None = None
    template: str | None = None
    style: str | None = None

    def dress(self, folder: Path) -> Dress:
        """The same as a plain value; the paths of template and style begin at `folder`."""
        said = self.model_dump(exclude={"artwork_hosts"})
        files = {name: str(folder / said[name]) for name in ("template", "style") if said[name]}
        return Dress(**{**said, **files})


class SitePageForm(PageForm):
    """The same for the whole site, with the hosts that artwork may come from."""

    artwork_hosts: list[
        Annotated[
            str,
            Matching(
                ORIGIN, "an https origin such as https://cdn.label.example, without a / behind"
            ),
        ]
    ] = []
