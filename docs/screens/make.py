"""Make the pictures of this folder anew: python -m docs.screens.make (needs chromium-driver)."""

from __future__ import annotations

import argparse
import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from werkzeug.wrappers import Request, Response

from escape_mw import load
from escape_mw.cli import demo
from escape_mw.cli.preview import Preview
from tests.engines.chromium import Chromium
from tests.engines.seen import WATCH
from tests.engines.site import pages, running, served
from tests.engines.table import AGENTS
from tests.support.agents import CHROME_DESKTOP

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

HERE = Path(__file__).parent
NOW = ".step.now .button"
PHONE, SMALL, LANDSCAPE, TABLET = (390, 844), (320, 454), (844, 390), (768, 1024)
DRESS = {"brand": "Midnight Records", "title": "Harbour Lights", "artist": "Paper Lanterns"}
COVER = {**DRESS, "artwork": "/cover.svg"}


class Picture(NamedTuple):
    """One state of the page: who sees it, where it leads, and what was done before."""

    name: str
    app: str
    platform: str = "ios"
    path: str = "/track"
    state: str = "first"
    language: str = "en"
    scheme: str = "light"
    size: tuple[int, int] = PHONE
    dress: dict[str, str] = COVER


PICTURES = [
    Picture("tiktok-android", "tiktok", "android"),
    Picture("tiktok-android-dark", "tiktok", "android", scheme="dark"),
    Picture("tiktok-ios", "tiktok"),
    Picture("tiktok-ios-written", "tiktok", path="/smart"),
    Picture("tiktok-ios-written-dark", "tiktok", path="/smart", scheme="dark"),
    Picture("tiktok-android-waiting", "tiktok", "android", state="waiting"),
    Picture("tiktok-android-failed", "tiktok", "android", state="failed"),
    Picture("tiktok-android-last", "tiktok", "android", state="last"),
    Picture("tiktok-ios-copied", "tiktok", path="/smart", state="copied"),
    Picture("instagram-ios", "instagram"),
    Picture("x-ios-written", "x", path="/smart", scheme="dark"),
    Picture("kakaotalk-ios-ko", "kakaotalk", language="ko"),
    Picture("tiktok-ios-ar", "tiktok", path="/smart", language="ar"),
    Picture("instagram-ios-ja", "instagram", language="ja", scheme="dark"),
    Picture("tiktok-android-de", "tiktok", "android", language="de"),
    Picture("tiktok-ios-hi", "tiktok", language="hi"),
    Picture("bare", "tiktok", "android", dress={}),
    Picture("no-artwork-dark", "instagram", scheme="dark", dress=DRESS),
    Picture("small", "tiktok", "android", size=SMALL),
    Picture("small-open", "tiktok", size=SMALL),
    Picture("small-written", "tiktok", path="/smart", size=SMALL, scheme="dark"),
    Picture("landscape", "tiktok", size=LANDSCAPE),
    Picture("landscape-written", "tiktok", path="/smart", size=LANDSCAPE, scheme="dark"),
    Picture("tablet", "tiktok", "android", size=TABLET),
]
FAILED = (NOW, "document.querySelectorAll('.step')[1].matches('.now')")
STATES = {  # what is tapped, and what has happened then
    "first": [],
    "waiting": [(NOW, "document.querySelector('[aria-busy]')")],
    "failed": [FAILED],
    "last": [FAILED, (NOW, "document.querySelector('.led')")],
    "copied": [("#copy", "document.querySelector('#copy').textContent === 'Copied'")],
}


@Request.application
def site(request: Request) -> Response:
    """The site of the tests, with a cover."""
    if request.path == "/cover.svg":
        return Response((HERE / "cover.svg").read_bytes(), content_type="image/svg+xml")
    return pages


def shot(browser: Chromium, picture: Picture) -> bytes:
    """The picture, as PNG."""
    width, height = picture.size
    browser.watch = "" if picture.state == "waiting" else WATCH  # which makes the page's clock run
    with served({"page": {**picture.dress, "language": picture.language}}, site) as at:
        browser.open(at.url + picture.path, AGENTS[picture.app, picture.platform])
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": True}
        browser.cdp("Emulation.setDeviceMetricsOverride", **metrics)
        scheme = {"name": "prefers-color-scheme", "value": picture.scheme}
        browser.cdp("Emulation.setEmulatedMedia", features=[scheme])
        for tapped, happened in STATES[picture.state]:
            browser.tap(tapped)
            browser.until(happened)
        browser.until("[...document.images].every(image => image.complete)")
        return base64.b64decode(browser.cdp("Page.captureScreenshot")["data"])


def sheet(browser: Chromium, shots: dict[str, bytes]) -> bytes:
    """All pictures side by side, as PNG."""
    body = "".join(
        f"<figure><figcaption>{name}</figcaption>"
        f"<img src='data:image/png;base64,{base64.b64encode(data).decode()}'></figure>"
        for name, data in shots.items()
    )
    style = (
        "body{margin:8px;background:#777;color:#fff;font:14px sans-serif;display:flex;"
        "flex-wrap:wrap;gap:8px}figure{margin:0}img{display:block;zoom:.5}"
    )
    browser.load("data:text/html,<title>sheet</title>")
    browser.script(f"document.body.innerHTML = {f'<style>{style}</style>{body}'!r}")
    size = {"width": 1640, "height": 2100, "deviceScaleFactor": 1, "mobile": False}
    browser.cdp("Emulation.setDeviceMetricsOverride", **size)
    browser.until("[...document.images].every(image => image.complete)")
    return base64.b64decode(browser.cdp("Page.captureScreenshot")["data"])


README = ("tiktok-android", "instagram-ios", "tiktok-ios-written", "tiktok-ios-ar")


CHOOSE = """
for (const [name, value] of Object.entries(CHOSEN)) document.forms[0].elements[name].value = value;
document.forms[0].dispatchEvent(new Event("change"));
"""


class Screen(NamedTuple):
    """The demo or the preview in a desktop's window: what is chosen, and how wide it is."""

    name: str
    app: WSGIApplication
    chosen: dict[str, str]
    width: int = 1080
    height: int = 840


def screens() -> Iterator[Screen]:
    """The demo as it opens; its pre-save in a narrow window; a preview of one's own rules."""
    cover = base64.b64encode((HERE / "cover.svg").read_bytes()).decode()
    dress = {**DRESS, "artwork": f"data:image/svg+xml;base64,{cover}", "accent": "#b3541e"}
    yield Screen("demo", demo.phone(), {})
    yield Screen("demo-narrow", demo.phone(), {"page": "/presave"}, 390, 1400)
    preview = Preview(lambda: load({"version": 1, "page": dress}))
    yield Screen("preview", preview, {"state": "returned", "language": "de", "app": "instagram"})


def screen_shot(browser: Chromium, screen: Screen) -> bytes:
    """The picture, as PNG."""
    with running(screen.app) as url:
        browser.open(url, CHROME_DESKTOP)
        size = {"width": screen.width, "height": screen.height}
        metrics = {**size, "deviceScaleFactor": 1, "mobile": False}
        browser.cdp("Emulation.setDeviceMetricsOverride", **metrics)
        shown = "document.querySelector('iframe').contentDocument"
        browser.until(f"{shown}.querySelectorAll('.cover').length")
        if screen.chosen:
            browser.script(f"{shown}.body.remove()")
            browser.script(CHOOSE.replace("CHOSEN", json.dumps(screen.chosen)))
            browser.until(f"{shown}.querySelectorAll('.cover').length")
        browser.until(f"[...{shown}.images].every(image => image.complete)")
        return base64.b64decode(browser.cdp("Page.captureScreenshot")["data"])


def wanted(names: list[str]) -> Iterator[Picture]:
    """The pictures of these names, all without any."""
    return (picture for picture in PICTURES if not names or picture.name in names)


def main() -> None:
    """Make the sheet of all, and README's pictures; or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--into", type=Path, default=HERE)
    options = parser.parse_args()
    with Chromium() as browser:
        shots = {picture.name: shot(browser, picture) for picture in wanted(options.names)}
        shots["sheet"] = sheet(browser, shots)
        shots |= {screen.name: screen_shot(browser, screen) for screen in screens()}
    for name in ("sheet", *(screen.name for screen in screens()), *(options.names or README)):
        (options.into / f"{name}.png").write_bytes(shots[name])


if __name__ == "__main__":
    main()
