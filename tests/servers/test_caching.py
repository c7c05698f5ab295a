"""Behind nginx as a caching proxy: the recipes of docs/recipes.md, as they stand there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from escape_mw.cli.main import main

from ..support.agents import SAFARI, TIKTOK_ANDROID
from ..support.needs import need
from ..support.real_http import Served, get

ROOT = Path(__file__).parent.parent.parent
RECIPE = re.search(r"```nginx\n(.*?)```", (ROOT / "docs" / "recipes.md").read_text(), re.DOTALL)[1]
NGINX = """
daemon off; master_process off; pid FOLDER/pid; error_log stderr crit;
events {}
http {
    access_log off;
    client_body_temp_path FOLDER/body; proxy_temp_path FOLDER/proxy; \
fastcgi_temp_path FOLDER/f; uwsgi_temp_path FOLDER/u; scgi_temp_path FOLDER/s;
    proxy_cache_path FOLDER/cache keys_zone=pages:1m;
    server {
        listen 127.0.0.1:PORT;
        proxy_cache pages;
        add_header X-Cache $upstream_cache_status;
        RECIPE
        location / { proxy_pass http://127.0.0.1:8000; proxy_set_header Host $host; }
    }
}
"""


@pytest.fixture
def cached(tmp_path):
    """Serve an application of tests/servers/site.py behind nginx, with or without the recipe."""
    need(None if shutil.which("nginx") else "nginx not installed")
    running = []

    def start(app, recipe=""):
        site = Served(
            "-m", "waitress", "--listen", "127.0.0.1:PORT", f"tests.servers.site:{app}", folder=ROOT
        )
        running.append(site)
        config = (
            NGINX.replace("RECIPE", recipe)
            .replace("FOLDER", str(tmp_path))
            .replace("http://127.0.0.1:8000", site.url)
        )

        def configured(port):
            path = tmp_path / "nginx.conf"
            path.write_text(config.replace("PORT", str(port)))
            return ["nginx", "-c", str(path), "-p", str(tmp_path)]

        running.append(Served(configured, folder=ROOT))
        return running[-1].url + "/presave/x"

    yield start
    for one in reversed(running):
        one.stop()


ORDERS = [
    pytest.param([SAFARI, TIKTOK_ANDROID] * 2, id="Safari first"),
    pytest.param([TIKTOK_ANDROID, SAFARI] * 2, id="TikTok first"),
]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("app", "recipe"),
    [("varying", ""), ("keeping", RECIPE)],
    ids=["vary: true", "the recipe that does not cache guarded paths"],
)
def test_everybody_gets_his_own(cached, app, recipe, order):
    url = cached(app, recipe)
    for agent in order:
        text = get(url, agent)[2]
        assert (text == "site") == (agent == SAFARI)
        assert ("intent://" in text) == (agent == TIKTOK_ANDROID)


def test_without_a_recipe_no_browser_is_ever_served_an_escape(cached):
    """A cache that keeps the site's own page serves it to TikTok too.

    That is never worse, and docs/recipes.md says so.
    """
    url = cached("keeping")
    assert "intent://" in get(url, TIKTOK_ANDROID)[2]
    assert get(url, SAFARI)[2] == "site"
    assert get(url, TIKTOK_ANDROID)[2] == "site"


CHECKED = [
    pytest.param("keeping", "", 1, "a cache has answered (x-cache: hit)", id="without a recipe"),
    pytest.param("keeping", RECIPE, 0, "note: a shared cache may keep", id="with the recipe"),
    pytest.param("varying", "", 0, "Vary: user-agent", id="vary: true"),
]


@pytest.mark.parametrize(("app", "recipe", "code", "told"), CHECKED)
def test_check_says_what_the_cache_does(cached, app, recipe, code, told):
    url = cached(app, recipe)
    done = CliRunner().invoke(main, ["check", "--url", url])
    assert (done.exit_code, told in done.output) == (code, True), done.output
