"""One process of each engine for all tests, and one served site.

Where an engine is missing, its tests are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ..support.needs import need
from . import axe as axe_core
from . import chromium as chromium_engine
from . import webkit as webkit_engine
from .site import Site, served


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("ESCAPE_MW_MODE", raising=False)
        with served() as one:
            yield one


@pytest.fixture(scope="session")
def webkit() -> Iterator[webkit_engine.WebKit]:
    need(webkit_engine.missing())
    with webkit_engine.WebKit() as host:
        yield host


@pytest.fixture(scope="session")
def chromium() -> Iterator[chromium_engine.Chromium]:
    need(chromium_engine.missing())
    with chromium_engine.Chromium() as browser:
        yield browser


@pytest.fixture(params=["chromium", "webkit"])
def engine(request: pytest.FixtureRequest, site: Site) -> Any:
    """Each engine in turn; what the site was asked before is forgotten."""
    site.asked.clear()
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core."""
    text = axe_core.source(tmp_path_factory.mktemp("axe"))
    absent = "axe-core is not here (ESCAPE_MW_AXE names its axe.min.js), and npm could not fetch it"
    need(None if text else absent)
    return text or ""
