"""The HTML report in Chromium: on a phone, a tablet and a desk, light and dark.

Everybody can read it (axe-core), nothing sticks out sideways, and it asks nothing of any server.
"""

from __future__ import annotations

import pytest

from escape_mw.events.source import open_events
from escape_mw.report.counts import Scope
from escape_mw.report.html import html
from escape_mw.report.readings import Plan
from escape_mw.report.summary import summary

from ..report.recorded import NAMES, SITES
from ..support.agents import CHROME_DESKTOP
from ..support.visits import NOON, write
from .axe import RUN

SHOWN = ("empty", "one", "lift", "groups", "stopped", "worse", "crowded", "evil")
WIDTHS = (320, 768, 1440)
STICKS_OUT = """
const width = document.documentElement.clientWidth;
return [...document.querySelectorAll("main *")]
  .filter(one => !one.closest(".wide, details:not([open])"))
  .filter(one => one.getBoundingClientRect().right > width + 1)
  .map(one => one.tagName);
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The path of a site's report."""
    folder = tmp_path_factory.mktemp("reports")

    def made(site):
        path = folder / f"{site}.html"
        if not path.exists():
            url = f"sqlite:///{folder / site}.sqlite3"
            write(url, *SITES[site])
            with open_events(url) as database, database.reading() as connection:
                found = summary(connection, Scope(), Plan(), NOON)
            path.write_text(html(found, NAMES), "utf-8")
        return path

    return made


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("site", SHOWN)
def test_everybody_can_read_it(chromium, axe, page, site, scheme):
    chromium.open(page(site).as_uri(), CHROME_DESKTOP)
    chromium.cdp(
        "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
    )
    chromium.script("for (const one of document.querySelectorAll('details')) one.open = true")
    chromium.cdp("Runtime.evaluate", expression=axe)
    for width in WIDTHS:
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
        chromium.cdp("Emulation.setDeviceMetricsOverride", **size)
        assert chromium.script("return innerWidth") == width
        assert chromium.script(RUN)[0] == [], width
        assert chromium.script(STICKS_OUT) == [], width
    assert [url for url in chromium.requests() if not url.startswith("file:")] == []
    assert chromium.complaints() == []
