"""The examples of examples/edge, run as they stand there but for their paths and ports."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from escape_mw.cli.gate import gate

from ..support.agents import SAFARI, TIKTOK_IOS
from ..support.needs import need
from ..support.real_http import Served
from ..support.waiting import until
from .asking import ask
from .conftest import ROOT, Gate
from .edges import NGINX, edge
from .site import TRACK

EXAMPLES = ROOT / "examples" / "edge"
FPM = next(iter(sorted(Path("/usr/sbin").glob("php-fpm*"))), None)
POOL = """
[global]
error_log = FOLDER/fpm.log
daemonize = no
[site]
user = root
group = root
listen = FOLDER/php.sock
pm = static
pm.max_children = 4
clear_env = no
env[ESCAPE_GATE] = URL
php_value[session.save_path] = FOLDER
"""
MAIN = "daemon off; master_process off; pid FOLDER/pid; error_log FOLDER/e; pcre_jit on;\n"
MAIN += "events {}\nhttp { access_log off;\ninclude FOLDER/site.conf; }"


@pytest.fixture
def php_site(tmp_path, monkeypatch):
    """nginx and PHP-FPM with the example's site, and the gate beside them."""
    need(None if NGINX and FPM else "nginx or php-fpm not installed (Debian: php-fpm)")
    monkeypatch.setenv("ESCAPE_MW_SECRET", "a secret for tests only")
    rules = tmp_path / "escape.yaml"
    text = (EXAMPLES / "escape.yaml").read_text()
    rules.write_text(text.replace("/var/lib/escape/events.sqlite3", str(tmp_path / "events")))
    socket = f"unix:{tmp_path}/site.sock"
    behind = Gate(rules, socket)
    for part in ("http", "server"):
        given = ("--rules", rules, "--gate", behind.url, "--site", socket, "--snippet", part)
        (tmp_path / f"escape-{part}.conf").write_text(edge("nginx", *given))
    pool = POOL.replace("FOLDER", str(tmp_path)).replace("URL", behind.url)
    (tmp_path / "fpm.conf").write_text(pool)
    php = subprocess.Popen([FPM, "-R", "-F", "-y", str(tmp_path / "fpm.conf")])
    until((tmp_path / "php.sock").exists)

    def configured(port):
        text = (EXAMPLES / "nginx-php.conf").read_text().replace("80;", f"127.0.0.1:{port};", 1)
        for place, own in {
            "/etc/nginx/escape-": f"{tmp_path}/escape-",
            "/run/php/php-fpm.sock": f"{tmp_path}/php.sock",
            "/var/www/label": str(EXAMPLES / "site"),
        }.items():
            text = text.replace(place, own)
        (tmp_path / "site.conf").write_text(text)
        (tmp_path / "nginx.conf").write_text(MAIN.replace("FOLDER", str(tmp_path)))
        return [NGINX, "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path)]

    nginx = Served(configured, folder=ROOT)
    nginx.events = tmp_path / "events"
    nginx.gate = behind
    yield nginx
    nginx.stop()
    behind.stop()
    php.terminate()
    php.wait(10)


def outcomes(file):
    with closing(sqlite3.connect(file)) as database:
        query = "SELECT name, outcome FROM escape_mw_events WHERE name = 'outcome'"
        try:
            return database.execute(query).fetchall()
        except sqlite3.OperationalError:  # the gate has written nothing yet
            return []


def test_a_php_site_reports_an_outcome(php_site):
    """A visitor chooses to stay, and pre-saves; PHP tells the gate with the visit's token."""
    page = ask(php_site.url, "/presave")
    assert page.is_page
    marker = re.search(rb"_esc=2~stay~[^&\"]*", page.body)[0].decode()
    stays = ask(php_site.url, f"/presave?{marker}")
    assert b"<form" in stays.body
    session = next(one for one in stays.all("set-cookie") if "PHPSESSID" in one).partition(";")[0]
    done = ask(php_site.url, "/presaved", TIKTOK_IOS, "POST", {"Cookie": session}, b"")
    assert (done.status, done.body) == (200, b"Thank you.")
    until(lambda: outcomes(php_site.events))
    assert outcomes(php_site.events) == [("outcome", "pre-save")]


def test_a_php_site_is_left_alone_otherwise(php_site):
    assert ask(php_site.url, "/listen").is_page
    plain = ask(php_site.url, "/listen", SAFARI)
    assert (plain.status, plain.all("location")) == (302, [TRACK])
    assert b"Night Ferry" in ask(php_site.url, "/", SAFARI).body
    assert b"<form" in ask(php_site.url, "/presave", SAFARI).body
    until(lambda: php_site.gate.has_seen("/listen"))
    assert not php_site.gate.has_seen("/")


def test_nobody_forges_a_visit_for_php(php_site):
    forged = {"X-Escape-Visit": "forged", "X-Forwarded-Proto": "https"}
    for agent in (SAFARI, TIKTOK_IOS):
        reply = ask(php_site.url, "/other", agent, headers=forged)
        session = reply.all("set-cookie")[0].partition(";")[0]
        ask(php_site.url, "/presaved", agent, "POST", {"Cookie": session}, b"")
    until(lambda: php_site.gate.has_seen("/presaved"))
    assert not any("outcome" in line["path"] for line in php_site.gate.said)


def test_systemd_reads_the_unit(tmp_path):
    need(None if shutil.which("systemd-analyze") else "systemd-analyze not installed")
    text = (EXAMPLES / "escape-gate.service").read_text()
    unit = tmp_path / "escape-gate.service"
    unit.write_text(text.replace("/opt/escape/bin/escape-mw", sys.executable))
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_unit_and_the_container_start_what_exists():
    """No container is built here: what it starts is read."""
    unit = (EXAMPLES / "escape-gate.service").read_text()
    command = re.search(r"ExecStart=\S+/escape-mw (.*)", unit)[1].split()
    options = {option for parameter in gate.params for option in parameter.opts}
    assert {word for word in command if word.startswith("--")} <= options
    container = (EXAMPLES / "Dockerfile").read_text()
    assert "escape_mw.edge.gate:application" in container
    assert "USER gate" in container
