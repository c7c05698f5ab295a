"""Behind nginx: the recipes of docs/recipes.md, as they stand there."""

from __future__ import annotations

import ast
import http.client
import inspect
import re
import shutil
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner
from werkzeug.middleware.proxy_fix import ProxyFix

from escape_mw.cli.main import main

from ..support.agents import SAFARI, TIKTOK_ANDROID
from ..support.needs import need
from ..support.real_http import OPENER, Served, get

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "recipes.md").read_text("utf-8")
PROXY, RECIPE = re.findall(r"```nginx\n(.*?)```", TEXT, re.DOTALL)[:2]
PROXY_FIX = next(one for one in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL) if "Fix" in one)
NGINX = """
daemon off; master_process off; pid FOLDER/pid; error_log stderr crit;
events {}
http {
    access_log off;
    client_body_temp_path FOLDER/body; proxy_temp_path FOLDER/proxy; \
fastcgi_temp_path FOLDER/f; uwsgi_temp_path FOLDER/u; scgi_temp_path FOLDER/s;
    proxy_cache_path FOLDER/cache keys_zone=pages:1m;
    SERVERS
}
"""
CACHE = """
    server {
        listen 80;
        proxy_cache pages;
        add_header X-Cache $upstream_cache_status;
        RECIPE
        location / { proxy_pass http://127.0.0.1:8000; proxy_set_header Host $host; }
    }
"""


@pytest.fixture
def proxied(tmp_path):
    """proxied(servers, site): the URL of nginx with these server blocks in front of a site."""
    need(None if shutil.which("nginx") else "nginx not installed")
    running = []

    def start(servers, *words):
        site = Served(*words, folder=ROOT)
        running.append(site)
        servers = servers.replace("listen 80", "listen 127.0.0.1:PORT")
        config = (
            NGINX.replace("SERVERS", servers)
            .replace("FOLDER", str(tmp_path))
            .replace("http://127.0.0.1:8000", site.url)
        )

        def configured(port):
            path = tmp_path / "nginx.conf"
            path.write_text(config.replace("PORT", str(port)))
            return ["nginx", "-c", str(path), "-p", str(tmp_path)]

        running.append(Served(configured, folder=ROOT))
        return running[-1].url

    yield start
    for one in reversed(running):
        one.stop()


@pytest.fixture
def cached(proxied):
    """A site that says it may be kept, behind a cache, with or without the recipe."""

    def start(recipe=""):
        words = ("-m", "waitress", "--listen", "127.0.0.1:PORT", "tests.servers.site:keeping")
        return proxied(CACHE.replace("RECIPE", recipe), *words) + "/presave/x"

    return start


ORDERS = [
    pytest.param([SAFARI, TIKTOK_ANDROID] * 2, id="Safari first"),
    pytest.param([TIKTOK_ANDROID, SAFARI] * 2, id="TikTok first"),
]


@pytest.mark.parametrize("order", ORDERS)
def test_by_the_recipe_everybody_gets_his_own(cached, order):
    url = cached(RECIPE)
    for agent in order:
        text = get(url, agent)[2]
        assert (text == "site") == (agent == SAFARI)
        assert ("intent://" in text) == (agent == TIKTOK_ANDROID)


def test_without_a_recipe_no_browser_is_ever_served_an_escape(cached):
    """A cache that keeps the site's own page serves it to TikTok too.

    That is never worse, and docs/recipes.md says so.
    """
    url = cached()
    assert "intent://" in get(url, TIKTOK_ANDROID)[2]
    assert get(url, SAFARI)[2] == "site"
    assert get(url, TIKTOK_ANDROID)[2] == "site"


CHECKED = [
    pytest.param("", 1, "a cache has answered (x-cache: hit)", id="without a recipe"),
    pytest.param(RECIPE, 0, "note: a shared cache may keep", id="with the recipe"),
]


@pytest.mark.parametrize(("recipe", "code", "told"), CHECKED)
def test_check_says_what_the_cache_does(cached, recipe, code, told):
    url = cached(recipe)
    done = CliRunner().invoke(main, ["check", "--url", url])
    assert (done.exit_code, told in done.output) == (code, True), done.output


# --- the site's own address -----------------------------------------------------------------------

SITE = """
import os
from waitress import serve
from escape_mw import EscapeMiddleware

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    names = ("REMOTE_ADDR", "HTTP_HOST", "wsgi.url_scheme")
    return [" ".join(environ[name] for name in names).encode()]

os.chdir("FOLDER")
"""
RULES = """
version: 1
rules:
  - {path: /presave/**, to: page}
"""
FORGED = {
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "666",
    "X-Forwarded-Prefix": "/evil",
    "Forwarded": "for=6.6.6.6;host=evil.example;proto=https",
    "X-Real-IP": "6.6.6.6",
}
# waitress is told whom to trust, or deletes the headers.
TRUSTED = re.search(r'--trusted-proxy-headers="([^"]+)"', TEXT)[1]
WAYS = [
    pytest.param(PROXY_FIX, "clear_untrusted_proxy_headers=False", id="ProxyFix"),
    pytest.param(
        'app = EscapeMiddleware(app, rules="escape.yaml")',
        f"trusted_proxy='127.0.0.1', trusted_proxy_headers={TRUSTED!r}.split()",
        id="waitress",
    ),
]
ANYWHERE = [
    pytest.param("/", id="a path of no rule"),
    pytest.param("/presave/x", id="a path of a rule"),
    pytest.param("/listen", id="a path that is not cached"),
    pytest.param("/a//b/../c%2Fd", id="an odd path"),
]


def ask(url, path, agent, host="label.example"):
    """Status and text, from a client that forges every header that a proxy might set."""
    request = urllib.request.Request(
        url + path, headers={**FORGED, "Host": host, "User-Agent": agent}
    )
    with OPENER.open(request, timeout=60) as response:
        return response.read().decode()


@pytest.mark.parametrize(("wrapped", "options"), WAYS)
@pytest.mark.parametrize("path", ANYWHERE)
def test_a_client_chooses_neither_its_address_nor_the_sites(
    proxied, tmp_path, wrapped, options, path
):
    (tmp_path / "escape.yaml").write_text(RULES)
    code = f"{SITE.replace('FOLDER', str(tmp_path))}{wrapped}\nserve(app, port=PORT, {options})"
    inner = RECIPE.replace("\n", "\n    ").rstrip()
    url = proxied(PROXY.replace("    location / {", f"    {inner}\n    location / {{"), "-c", code)
    assert ask(url, path, SAFARI) == "127.0.0.1 label.example http"
    page = ask(url, "/presave/x", TIKTOK_ANDROID)
    assert "label.example/presave/x" in page
    assert not {"evil", "6.6.6.6", "666"} & set(re.findall(r"evil|6\.6\.6\.6|666", page))
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        ask(url, path, SAFARI, host="evil.example")


def test_nginx_sets_every_header_that_proxyfix_believes():
    """One that it does not set is the client's own. By default ProxyFix believes two."""
    call = ast.parse(PROXY_FIX).body[-1].value
    believed = {
        name: parameter.default
        for name, parameter in inspect.signature(ProxyFix).parameters.items()
        if name.startswith("x_")
    } | {word.arg: word.value.value for word in call.keywords}
    names = {name.removeprefix("x_") for name, times in believed.items() if times}
    given = {one.lower() for one in re.findall(r"proxy_set_header X-Forwarded-(\w+)", PROXY)}
    assert names == given == {"for", "proto", "host"}
    assert "proxy_set_header" not in RECIPE, "a location with one of its own would lose the others"
