"""The page of any visitor, on a phone in a desktop browser, for designers."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from bs4 import BeautifulSoup
from werkzeug.test import Client

from escape_mw import catalogue, load
from escape_mw.cli.preview import SAMPLE_SMART_LINK, STATES, Preview, page_for
from escape_mw.page.languages import available
from escape_mw.web.answers import source_hash

from ..support.agents import CHROME_DESKTOP, SAFARI
from ..support.examples import TRACK
from ..support.markup import EVERY, WORD, assert_only_words_differ, unsigned
from ..support.needs import corpus
from ..support.real_http import Served, get
from ..support.wsgi import environ_of

RULES = load({"version": 1, "page": {"brand": "Midnight Records"}})


APPS = [app.id for app in catalogue.load().apps] + [""]


def page(app, platform, to=TRACK, state="first", rules=RULES):
    return page_for(rules, {"app": app, "platform": platform, "to": to, "state": state})


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("platform", ["ios", "android"])
def test_every_host_app_has_a_page_in_every_state(app, platform):
    for state in STATES:
        answer = page(app, platform, state=state)
        assert answer is not None
        assert BeautifulSoup(answer.body, "html.parser").h1.text == "Midnight Records"


def triggers(answer):
    """How the buttons of a page are fired."""
    made = BeautifulSoup(answer.body, "html.parser")
    return [link["data-trigger"] for link in made.select("a.button")]


@pytest.mark.parametrize("to", [TRACK, SAMPLE_SMART_LINK], ids=["a track", "a smart link"])
@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("platform", ["ios", "android"])
def test_after_a_failed_step_nothing_fires_by_itself_and_a_way_is_left(app, platform, to):
    """Where there was a way out at all: some host apps have only their menu."""
    first, returned = (page(app, platform, to, state) for state in STATES)
    assert returned.status == "200 OK"
    assert set(triggers(returned)) <= {"tap"}
    assert bool(triggers(returned)) == (first.status == "302 Found" or bool(triggers(first)))


@pytest.fixture
def client():
    return Client(Preview(lambda: load(RULES)))


def test_everything_is_chosen_on_the_page(client):
    made = BeautifulSoup(client.get("/").text, "html.parser")
    names = {one["name"] for one in made.select("select, input")}
    assert names == {"app", "platform", "to", "state", "language", "scheme", "width"}
    assert made.select_one("form")["action"] == "/page"
    assert len(made.select("#language option")) == 21
    assert made.select_one("#app [selected]")["value"] == "tiktok"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_scheme_is_chosen_in_a_style_of_the_sites_own_too(tmp_path, scheme):
    (tmp_path / "our.css").write_text(
        "@media ( prefers-color-scheme : dark ) { h1 { color: red } }"
    )
    (tmp_path / "escape.yaml").write_text("version: 1\npage: {style: our.css}\n")
    made = Client(Preview(lambda: load(tmp_path / "escape.yaml"))).get(
        "/page", query_string={"scheme": scheme}
    )
    condition = "all" if scheme == "dark" else "not all"
    assert f"@media {condition} {{ h1 {{ color: red }} }}" in made.text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_scheme_is_chosen_and_the_policy_still_holds(client, scheme):
    made = client.get("/page", query_string={"app": "tiktok", "scheme": scheme})
    style = re.search(r"<style>(.*?)</style>", made.text, re.DOTALL)[1]
    assert "prefers-color-scheme" not in style
    assert f":root{{color-scheme:{scheme};" in style
    policy = made.headers["Content-Security-Policy"]
    assert f"style-src {source_hash(style)}" in policy
    assert "frame-ancestors 'self'" in policy
    assert int(made.headers["Content-Length"]) == len(made.data)


def test_languages_and_redirects(client):
    arabic = client.get("/page", query_string={"app": "tiktok", "language": "ar"})
    assert BeautifulSoup(arabic.text, "html.parser").html["dir"] == "rtl"
    query = {"app": "line", "platform": "android", "to": SAMPLE_SMART_LINK}
    assert "A redirect, without a page" in client.get("/page", query_string=query).text


def test_an_edit_is_shown_and_so_is_what_is_wrong_with_it(tmp_path):
    rules = tmp_path / "escape.yaml"
    client = Client(Preview(lambda: load(rules)))
    for text, told in [
        ("version: 1\npage: {brand: One}\n", "<h1"),
        ("version: 1\npage: {brand: Two}\n", "Two</bdi></h1>"),
        ("version: 1\npage: {brnad: Three}\n", "page.brnad: unknown key"),
    ]:
        rules.write_text(text)
        assert told in client.get("/page", query_string={"app": "tiktok"}).text
    assert "page.brnad: unknown key" in client.get("/").text


def test_command(tmp_path):
    (tmp_path / "cover.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "escape.yaml").write_text("version: 1\npage: {artwork: /cover.svg}\n")
    (tmp_path / ".secret").write_text("a secret")
    words = ("-m", "escape_mw", "preview", "--port", "PORT", "--rules", "escape.yaml")
    served = Served(*words, "--static", ".", folder=tmp_path)
    assert "Your page" in get(served.url, CHROME_DESKTOP).text
    assert 'src="/cover.svg"' in get(f"{served.url}/page?app=tiktok", CHROME_DESKTOP).text
    assert "<svg" in get(f"{served.url}/cover.svg", CHROME_DESKTOP).text
    for path in ("/escape.yaml", "/.secret", "/nothing.svg"):  # beside the images
        assert get(served.url + path, CHROME_DESKTOP)[0] == 404
    assert "The page on http://" in served.stop()


@pytest.mark.parametrize("given", ["state=first&language={}", "state={}&language=en", "to={}"])
def test_the_preview_repeats_nothing_of_a_request(given):
    rules = load({"version": 1})
    preview = Preview(lambda: rules)

    def body(path, query=""):
        return unsigned(b"".join(preview(environ_of(SAFARI, path, query), lambda *_: None)))

    known = {
        body("/page", f"app=tiktok&state={state}&language={language}")
        for state in STATES
        for language in available()
    }
    known |= {body("/"), body("/page", "app=tiktok&to=nowhere"), body("/nothing")}
    for value in EVERY:
        for path in ("/page", "/" + value):
            assert body(path, f"app=tiktok&{given.format(quote(value))}") in known, value


OUR_APP = {"id": "our-app", "tokens": ["OurApp/"], "menu": {"ios": {"sign": "x", "label": "x"}}}


def index(word):
    """The page to choose on, with a word for a host app's name and for the destination."""
    rules = load({"version": 1, "apps": {"add": [OUR_APP | {"name": word}]}})
    return b"".join(Preview(lambda: rules, word)(environ_of(), lambda *_: None))


def test_no_markup_leaves_its_place_on_the_index():
    assert index(WORD).count(WORD.encode()) > 1
    for value in EVERY:
        assert_only_words_differ(index(WORD), index(value), value)


def test_no_labelled_markup_does():
    rows = [row["value"] for row in corpus("xss_payloads.jsonl")]
    for first in range(0, len(rows), 10):
        value = " ".join(rows[first : first + 10])
        assert_only_words_differ(index(WORD), index(value), value)
