"""Can everybody use the page: axe-core in Chromium.

In every state of the page, light and dark; and does it find what is planted.
"""

from __future__ import annotations

import pytest

from .axe import RUN
from .site import served
from .steps import MENU_FIRST, NOW
from .table import AGENTS

UNSURE = {"color-contrast: #link"}  # text that scrolls sideways: axe cannot see what is behind it


@pytest.fixture(scope="module")
def dressed():
    dress = {"brand": "Midnight Records", "title": "Harbour Lights", "artist": "Paper Lanterns"}
    with served({"page": dress}) as one:
        yield one


@pytest.fixture(params=["light", "dark"])
def page(request, chromium, dressed, axe):
    """A function that opens the page and readies axe."""

    def ready(path, app, platform):
        chromium.open(dressed.url + path, AGENTS[app, platform])
        chromium.cdp(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": request.param}],
        )
        chromium.cdp("Runtime.evaluate", expression=axe)
        assert chromium.script(
            f"return matchMedia('(prefers-color-scheme: {request.param})').matches"
        )
        return chromium

    return ready


def first(_):
    """As it comes."""


def failed(browser):
    browser.tap(NOW)
    browser.until("document.querySelectorAll('.step')[1].matches('.now')")


def waiting(browser):
    browser.script("window.kept = setTimeout; window.setTimeout = () => 0")  # so that it stays
    browser.tap(NOW)
    browser.script("window.setTimeout = kept")
    browser.until("document.querySelector('[aria-busy]')")


def climbed(browser):
    failed(browser)
    browser.tap(NOW)
    browser.until(MENU_FIRST)


def copied(browser):
    browser.tap("#copy")
    browser.until("document.querySelector('#copy').textContent === 'Copied'")


def returned(browser):
    browser.tap(NOW)
    browser.leave()
    browser.come_back()


STATES = [
    pytest.param("/track", "tiktok", "android", first, id="first"),
    pytest.param("/track", "tiktok", "android", waiting, id="while it is being opened"),
    pytest.param("/track", "tiktok", "android", failed, id="after a failed step"),
    pytest.param("/track", "tiktok", "android", climbed, id="after the last step"),
    pytest.param("/track", "tiktok", "android", copied, id="copied"),
    pytest.param("/track", "tiktok", "android", returned, id="come back"),
    pytest.param("/smart", "tiktok", "ios", first, id="written: the menu is the main thing"),
    pytest.param("/smart", "wechat", "android", first, id="written: another host app"),
    pytest.param("/track", "instagram", "ios", first, id="a step with a hint"),
    pytest.param("/track", "tiktok", "ios", first, id="a tap, the rows and the search"),
]


@pytest.mark.parametrize(("path", "app", "platform", "state"), STATES)
def test_no_violations(page, path, app, platform, state):
    browser = page(path, app, platform)
    state(browser)
    violations, unsure = browser.script(RUN)
    assert violations == []
    assert set(unsure) <= UNSURE


FAULTS = [
    pytest.param(
        "document.documentElement.removeAttribute('lang')", "html-has-lang", id="no language"
    ),
    pytest.param(
        "document.querySelector('#state').style.cssText = 'color: #888; background: #777'",
        "color-contrast",
        id="grey on grey",
    ),
    pytest.param(
        "document.querySelector('.step.now a').textContent = ''",
        "link-name",
        id="a button without words",
    ),
]


@pytest.mark.parametrize(("fault", "told"), FAULTS)
def test_a_planted_fault_is_found(page, fault, told):
    browser = page("/track", "tiktok", "android")
    browser.script(fault)
    assert told in {line.partition(":")[0] for line in browser.script(RUN)[0]}
