"""How each server is started, and what it needs."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

from ..support.real_http import Served, get

ROOT = Path(__file__).parent.parent.parent
BIN = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}{os.pathsep}/usr/sbin"
UWSGI = shutil.which("uwsgi", path=BIN)
APACHE = shutil.which("apache2", path=BIN)
MODULES = Path("/usr/lib/apache2/modules")
SYSTEM_PYTHON = "/usr/bin/python3"  # the one that Debian's mod_wsgi is built for

GUNICORN = ("-m", "gunicorn", "--bind", "127.0.0.1:PORT", "--log-level", "critical")
WSGIREF = (
    "from wsgiref.simple_server import make_server; "
    "make_server('127.0.0.1', PORT, NAME).serve_forever()"
)
WERKZEUG = (
    "from werkzeug.serving import run_simple; run_simple('127.0.0.1', PORT, NAME, threaded=True)"
)
SERVERS = {
    "wsgiref": ("-c", f"from MODULE import NAME; {WSGIREF}"),
    "werkzeug": ("-c", f"from MODULE import NAME; {WERKZEUG}"),
    "waitress": ("-m", "waitress", "--listen", "127.0.0.1:PORT", "MODULE:NAME"),
    "gunicorn sync": (*GUNICORN, "MODULE:NAME"),
    "gunicorn gthread": (*GUNICORN, "--worker-class", "gthread", "--threads", "4", "MODULE:NAME"),
    "gunicorn gevent": (*GUNICORN, "--worker-class", "gevent", "MODULE:NAME"),
    "gunicorn with two workers": (*GUNICORN, "--workers", "2", "MODULE:NAME"),
    "cheroot": ("-m", "tests.servers.cheroot_server", "PORT", "MODULE", "NAME"),
    "uwsgi": (
        UWSGI or "uwsgi",
        "--http-socket",
        "127.0.0.1:PORT",
        "--module",
        "MODULE:NAME",
        "--master",
        "--die-on-term",
        "--disable-logging",
    ),
}
APACHE_CONF = """
LoadModule mpm_event_module MODULES/mod_mpm_event.so
LoadModule authz_core_module MODULES/mod_authz_core.so
LoadModule wsgi_module MODULES/mod_wsgi.so
ServerName site.example
Listen 127.0.0.1:PORT
PidFile FOLDER/pid
ErrorLog FOLDER/error.log
DefaultRuntimeDir FOLDER
WSGISocketPrefix FOLDER/wsgi
WSGIDaemonProcess site threads=4 home=FOLDER python-path=ROOT:PACKAGES
WSGIScriptAlias / FOLDER/site.wsgi process-group=site application-group=%{GLOBAL}
WSGIChunkedRequest On
"""
# Apache does not serve as root; the user that it serves as may read what root may, so that a folder
# of root's own will do.
AS_ROOT = (
    "setpriv",
    "--reuid=www-data",
    "--regid=www-data",
    "--clear-groups",
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
)


def missing(server: str) -> str | None:
    """What is not installed here, if anything."""
    if server == "mod_wsgi":
        return (
            None
            if APACHE and (MODULES / "mod_wsgi.so").exists()
            else "mod_wsgi not installed (Debian: apache2-bin, libapache2-mod-wsgi-py3)"
        )
    if server == "uwsgi":
        return None if UWSGI else "uwsgi not installed"
    needed = ["gunicorn", "gevent"] if server == "gunicorn gevent" else [server.partition(" ")[0]]
    absent = [name for name in needed if importlib.util.find_spec(name) is None]
    return f"{' and '.join(absent)} not installed" if absent else None


def unfit(server: str) -> str | None:
    """Why a server that is installed cannot serve what this Python has installed, if so."""
    if server != "mod_wsgi":
        return None
    ours = "{}.{}".format(*sys.version_info)
    asked = subprocess.run(
        [SYSTEM_PYTHON, "-c", "import sys; print('{}.{}'.format(*sys.version_info))"],
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = asked.stdout.strip()
    return None if ours == theirs else f"mod_wsgi is built for Python {theirs}, this is {ours}"


def start(server: str, application: str, folder: Path) -> Served:
    """Serve an application, named as `module:name` in this folder, until it answers.

    `folder` is for what the server writes.
    """
    module, _, name = f"tests.servers.{application}".partition(":")
    if server == "mod_wsgi":
        served = Served(_apache(module, name, folder), folder=ROOT)
    else:
        served = Served(
            *(word.replace("MODULE", module).replace("NAME", name) for word in SERVERS[server]),
            folder=ROOT,
        )
    try:
        get(served.url, "")  # some listen before they have loaded it
    except OSError:
        served.stop()
        raise
    return served


def _apache(module: str, name: str, folder: Path) -> Callable[[int], list[str]]:
    (folder / "site.wsgi").write_text(f"from {module} import {name} as application\n")
    places = {
        "MODULES": MODULES,
        "FOLDER": folder,
        "ROOT": ROOT,
        "PACKAGES": sysconfig.get_path("purelib"),
    }

    def words(port: int) -> list[str]:
        conf = APACHE_CONF.replace("PORT", str(port))
        for place, path in places.items():
            conf = conf.replace(place, str(path))
        (folder / "apache.conf").write_text(conf)
        first = ["env", "PYTHONDONTWRITEBYTECODE=1", *(AS_ROOT if os.geteuid() == 0 else ())]
        return [
            *first,
            str(APACHE),
            "-d",
            str(folder),
            "-f",
            str(folder / "apache.conf"),
            "-DFOREGROUND",
        ]

    return words
