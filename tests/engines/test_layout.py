"""What is seen without scrolling, in Chromium: of every host app, in every language.

With artwork, on two small screens: the release, and the one thing to do.
"""

from __future__ import annotations

import json

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
# The worst contrast of each line of text with what is behind it, sampled from a picture of the page
# without its text (WCAG 2.2, "contrast ratio").
CONTRAST = """
const parsed = colour => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
const light = rgb => rgb.map(one => one / 255)
  .map(one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
  .reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0);
const contrast = (one, other) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
const picture = new Image();
picture.src = "data:image/png;base64," + PICTURE;
await picture.decode();
const canvas = document.createElement("canvas");
[canvas.width, canvas.height] = [picture.width, picture.height];
const paper = canvas.getContext("2d");
paper.drawImage(picture, 0, 0);
return LINES.map(([name, colour, [left, top, width, height]]) => {
  const found = [];
  for (let x = 0.02; x < 1; x += 0.08) for (const y of [0.1, 0.5, 0.9]) {
    const pixel = paper.getImageData(left + width * x, top + height * y, 1, 1).data;
    found.push(contrast(light(parsed(colour)), light([...pixel].slice(0, 3))));
  }
  return [name, Math.min(...found)];
});
"""
FIRST = """
document.documentElement.className = "js";
for (const step of [...document.querySelectorAll(".step")].slice(0, 1)) step.classList.add("now");
await Promise.all([...document.images].map(image => image.decode().catch(() => 0)));
"""
LINES = """
const lines = [...document.querySelectorAll(
  "h1, .by b, .by > bdi, #state, .button, small, li, kbd, summary, #copy, .stay a")]
  .filter(one => one.getClientRects().length)
  .map(one => {
    const range = document.createRange();
    range.selectNodeContents(one);
    const box = range.getBoundingClientRect();
    return [one.id || one.className || one.localName, getComputedStyle(one).color,
      [box.x, box.y, box.width, box.height]];
  })
  .filter(([, , [, top, , height]]) => height && top + height < innerHeight);
document.head.insertAdjacentHTML("beforeend",
  "<style>* { color: transparent !important } li::before { content: none !important }</style>");
return lines;
"""
# The bottom of what must be seen, the width that is needed, and whether anything is cut off.
MEASURE = """
const bottom = selector => document.querySelector(selector).getBoundingClientRect().bottom;
const led = document.querySelector(".led");
return {
  release: bottom("h1"),
  action: led ? bottom("li:last-child") : bottom(".step.now .button"),
  then: led ? document.querySelector("#copy").getBoundingClientRect().top + 24 : 0,
  art: led && innerHeight < 500 ? document.querySelector(".art").clientHeight : 0,
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


@Request.application
def broken(request: Request) -> Response:
    """The same without any cover."""
    return site if request.path in TARGETS else Response("none", 404)


@pytest.fixture(params=["chromium", "webkit"])
def engine(request):
    return request.getfixturevalue(request.param)


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
            seen = chromium.script(FIRST + MEASURE)
            lowest = max(seen["release"], seen["action"], seen["then"])
            is_fine = lowest <= height and seen["width"] <= width and seen["art"] <= 96
            if not is_fine or seen["small"] or seen["hidden"]:
                faults.append((*row, width, seen))
    assert faults == []


@pytest.fixture
def shown(chromium, dressed):
    """A function that shows a page without its policy, as a host app on a small screen would."""

    def show(app, platform, goal, size=SIZES[1], **dress):
        rules = {**RULES, "page": {**DRESS, **dress}}
        headers = {"User-Agent": AGENTS[app, platform], "Accept-Language": "en"}
        client = Client(EscapeMiddleware(site, rules))
        page = client.get(PATHS[goal], base_url=ORIGIN, headers=headers).text
        chromium.open(dressed.url, AGENTS[app, platform])
        sized(chromium, *size)
        frame = chromium.cdp("Page.getFrameTree")["frameTree"]["frame"]["id"]
        page = page.replace("<script>", "<script type=text>")
        chromium.cdp("Page.setDocumentContent", frameId=frame, html=page)
        chromium.script(FIRST)
        return chromium

    return show


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("colour", ["white", "black", "red", "yellow", "blue"])
@pytest.mark.parametrize("row", [("tiktok", "ios", "app"), ("tiktok", "ios", "browser")])
def test_text_over_any_artwork_can_be_read(shown, row, colour, scheme):
    for size in (*SIZES, (844, 390)):
        browser = shown(*row, size, artwork=f"/cover.svg?colour={colour}")
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.cdp("Emulation.setEmulatedMedia", features=features)
        lines = browser.script(LINES)
        picture = browser.cdp("Page.captureScreenshot")["data"]
        script = CONTRAST.replace("PICTURE", json.dumps(picture))
        found = dict(browser.script(script.replace("LINES", json.dumps(lines))))
        assert {"state", "copy"} & set(found)
        assert {name: ratio for name, ratio in found.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("row", [("tiktok", "android", "app"), ("tiktok", "ios", "browser")])
def test_text_of_twice_the_size_stays_within_the_screen(shown, row):
    browser = shown(*row)
    browser.script("document.documentElement.style.fontSize = '200%'")
    assert browser.script(MEASURE)["width"] <= SIZES[1][0]


def test_a_title_of_many_words_takes_two_lines(shown):
    title = "Donaudampfschifffahrtsgesellschaftskapitänsmütze und andere Lieder vom Fluss"
    for size in SIZES:
        seen = shown("tiktok", "android", "app", size, title=title).script(MEASURE)
        assert seen["action"] <= size[1]
        assert seen["width"] == size[0]


def test_nothing_moves_as_the_artwork_comes(chromium, dressed):
    chromium.open(f"{dressed.url}/track", AGENTS["tiktok", "android"])
    shifts = """
    return await new Promise(done => {
      let sum = 0;
      new PerformanceObserver(list => { for (const one of list.getEntries()) sum += one.value })
        .observe({type: "layout-shift", buffered: true});
      setTimeout(() => done(sum), 3000);
    });
    """
    chromium.until("[...document.images].every(image => image.complete)")
    assert chromium.script("return document.images.length") == 2
    assert chromium.script(shifts) == 0


def test_the_artwork_is_asked_for_once(webkit, dressed):
    """A host app's webview draws no icon, which would ask for it once more."""
    dressed.asked.clear()
    webkit.open(f"{dressed.url}/track", AGENTS["tiktok", "ios"])
    webkit.until("document.images[1].complete && document.images[1].naturalWidth > 0")
    assert dressed.asked == ["/track", "/cover.svg"]


def test_broken_artwork_leaves_the_field_behind_it(engine):
    """Whether it breaks before the page's script runs or after."""
    with served({"page": {**DRESS, "artwork": "/nothing.png"}}, broken) as site_without:
        engine.open(f"{site_without.url}/track", AGENTS["tiktok", "android"])
        engine.until("document.images.length === 0")
        box = engine.script("return document.querySelector('.art').getBoundingClientRect().height")
        assert box > 80
