"""The demo and the preview in Chromium: every control changes the screen, and axe has no remark."""

from __future__ import annotations

import pytest

from escape_mw import load
from escape_mw.cli import demo
from escape_mw.cli.preview import Preview

from ..support.agents import CHROME_DESKTOP
from .axe import RUN
from .site import running

RULES = {"version": 1, "page": {"brand": "Midnight Records", "title": "Harbour Lights"}}
APPS = {"demo": demo.phone, "preview": lambda: Preview(lambda: load(RULES))}
SCREEN = "document.querySelector('iframe').contentDocument"
LOADED = (
    f"({SCREEN}.readyState === 'complete' && {SCREEN}.body && {SCREEN}.body.textContent.trim())"
)


@pytest.fixture(params=APPS)
def page(request, chromium):
    with running(APPS[request.param]()) as url:
        chromium.open(url, CHROME_DESKTOP)
        chromium.until(LOADED)
        yield chromium


def sized(browser, width, scheme):
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.cdp("Emulation.setDeviceMetricsOverride", **metrics)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.cdp("Emulation.setEmulatedMedia", features=features)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_has_no_remark(page, axe, width, scheme):
    sized(page, width, scheme)
    assert page.script("return document.documentElement.scrollWidth") <= width
    page.cdp("Runtime.evaluate", expression=axe)
    violations, _ = page.script(RUN.replace("axe.run()", "axe.run(document, {iframes: false})"))
    assert violations == []


CHANGES = """
const before = () => SCREEN.documentElement.outerHTML + document.querySelector("form").offsetWidth;
const loaded = () => new Promise(done => document.querySelector("iframe").onload = done);
const changed = [];
for (const one of document.querySelectorAll("input:not(:checked), option:not(:checked)")) {
  const old = before(), next = loaded();
  if (one.localName === "option") one.selected = true; else one.checked = true;
  one.dispatchEvent(new Event("change", {bubbles: true}));
  await next;
  changed.push([one.value, SCREEN.body.textContent.trim().length > 0, before() !== old]);
}
return changed;
""".replace("SCREEN", SCREEN)


def test_every_control_has_a_screen(page):
    changed = page.script(CHANGES)
    assert len(changed) >= 8
    assert [value for value, has_words, _ in changed if not has_words] == []
    same = [value for value, _, is_new in changed if not is_new]
    assert len(same) < len(changed) / 2, same  # such as a width, or a language of the same words
