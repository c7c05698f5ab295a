"""What is seen without scrolling, in Chromium: of every host app, in every language.

With artwork, on two small screens: the release, and the one thing to do.
"""

from __future__ import annotations

import pytest
from werkzeug.test import Client
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from escape_mw import EscapeMiddleware
from escape_mw.page.languages import available

from .site import ORIGIN, RULES, TARGETS, served
from .table import AGENTS, LADDERS, PATHS

SIZES = [(320, 454), (390, 664)]
DRESS = {
    "brand": "Midnight Records",
    "title": "Harbour Lights",
    "artist": "Paper Lanterns",
    "artwork": "/cover.svg",
}
COVER = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">'
    '<path fill="{}" d="M0 0h9v9H0z"/></svg>'
)
# The bottom of what must be seen, the width that is needed, and whether anything is cut off.
MEASURE = """
document.documentElement.className = "js";
for (const step of [...document.querySelectorAll(".step")].slice(0, 1)) step.classList.add("now");
await Promise.all([...document.images].map(image => image.decode().catch(() => 0)));
const bottom = selector => document.querySelector(selector).getBoundingClientRect().bottom;
const led = document.querySelector(".led");
return {
  release: bottom("h1"),
  action: led ? bottom("li:last-child") : bottom(".step.now .button"),
  then: led ? document.querySelector("#copy").getBoundingClientRect().top + 24 : 0,
  width: document.documentElement.scrollWidth,
  small: [...document.querySelectorAll("a, button, summary")].filter(one => {
    const box = one.getBoundingClientRect();
    return box.height && box.height < 44;
  }).map(one => one.textContent),
  hidden: [...document.querySelectorAll("h1, .button")].filter(
    one => one.scrollWidth > one.clientWidth + 1).length,
};
"""


@Request.application
def site(request: Request) -> Response:
    """A site that redirects to music, has covers of one colour, and a page without a policy."""
    if request.path in TARGETS:
        return redirect(TARGETS[request.path])
    if request.path == "/":
        return Response("<!doctype html>", content_type="text/html")
    colour = request.args.get("colour", "teal")
    return Response(COVER.format(colour), content_type="image/svg+xml")


@pytest.fixture(scope="module")
def dressed():
    with served({"page": DRESS}, site) as one:
        yield one


def sized(browser, width, height):
    browser.cdp(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=height,
        deviceScaleFactor=1,
        mobile=True,
    )


ROWS = [row for row, ways in LADDERS.items() if not ways or ways[0].trigger != "redirect"]


@pytest.fixture(scope="module")
def pages():
    """Every page of the site in a language, without another load of the browser's."""
    client = Client(EscapeMiddleware(site, {**RULES, "page": DRESS}))

    def in_language(language):
        for app, platform, goal in ROWS:
            headers = {"User-Agent": AGENTS[app, platform], "Accept-Language": language}
            page = client.get(PATHS[goal], base_url=ORIGIN, headers=headers).text
            assert f'lang="{language}"' in page
            yield (app, platform, goal), page.replace("<script>", "<script type=text>")

    return in_language


@pytest.mark.parametrize("language", available())
def test_the_release_and_the_one_thing_to_do_are_seen(chromium, dressed, pages, language):
    chromium.open(dressed.url, AGENTS["tiktok", "ios"])
    frame = chromium.cdp("Page.getFrameTree")["frameTree"]["frame"]["id"]
    faults = []
    for row, page in pages(language):
        chromium.cdp("Page.setDocumentContent", frameId=frame, html=page)
        for width, height in SIZES:
            sized(chromium, width, height)
            seen = chromium.script(MEASURE)
            lowest = max(seen["release"], seen["action"], seen["then"])
            is_fine = lowest <= height and seen["width"] <= width
            if not is_fine or seen["small"] or seen["hidden"]:
                faults.append((*row, width, seen))
    assert faults == []
