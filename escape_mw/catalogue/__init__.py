"""The data that ships with the package, read once for each process."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import yaml

from ..entries import AppEntry, Browsers, Crawlers, DestinationEntry, TechniqueRow

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Catalogue(NamedTuple):
    """Everything known of the world: who asks, where to, how out."""

    apps: tuple[AppEntry, ...]
    crawlers: Crawlers
    browsers: Browsers
    destinations: tuple[DestinationEntry, ...]
    techniques: tuple[TechniqueRow, ...]


@cache
def load() -> Catalogue:
    """The shipped catalogue."""
    return Catalogue(
        apps=tuple(AppEntry.model_validate(row) for row in _read("apps")),
        crawlers=Crawlers.model_validate(_read("crawlers")),
        browsers=Browsers.model_validate(_read("browsers")),
        destinations=tuple(DestinationEntry.model_validate(row) for row in _read("destinations")),
        techniques=tuple(TechniqueRow.model_validate(row) for row in _read("techniques")),
    )


def _read(name: str) -> Any:
    return yaml.load(files(__package__).joinpath(f"{name}.yaml").read_bytes(), Loader=LOADER)  # noqa: S506 - our own file
