"""The edge servers, each as its owner would run it: a gate, a site, and what stands in front."""

from __future__ import annotations

import shutil
import subprocess
import sys

from ..real_http import Served
from .conftest import ROOT

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin")
OWN = """
daemon off; master_process off; pid FOLDER/pid; error_log FOLDER/error.log warn; pcre_jit on;
events {}
http {
    access_log off;
    proxy_cache_path FOLDER/cache keys_zone=pages:1m;
    include FOLDER/escape-http.conf;
    server {
        listen 127.0.0.1:PORT;
        client_max_body_size 200m;
        include FOLDER/escape-server.conf;
        location = /private/x { deny all; }
        location / {
            proxy_pass ORIGIN;
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header X-Escape-Visit $escape_visit;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "";
            proxy_cache pages;
            proxy_cache_key $request_uri;
            add_header X-Cache $upstream_cache_status always;
        }
    }
}
"""


def edge(*words):
    """What `escape-mw edge` writes."""
    command = [sys.executable, "-m", "escape_mw", "edge", *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def gates_of(gates):
    return [word for gate in gates for word in ("--gate", gate)]


class Nginx(Served):
    """nginx, by the whole configuration that is written for it."""

    missing = None if NGINX else "nginx not installed"

    def __init__(self, folder, rules, gates, site):
        self.folder = folder
        self.written = edge("nginx", "--rules", rules, *gates_of(gates), "--site", site)
        super().__init__(self.configured, folder=ROOT)

    @staticmethod
    def site_for_gate(_, site):
        return site

    def configured(self, port):
        text = self.written.replace("listen 80;", f"listen 127.0.0.1:{port};")
        text = text.replace("worker_processes auto;", "")
        return self.words(text)

    def words(self, text):
        path = self.folder / "nginx.conf"
        path.write_text(text)
        own = f"daemon off; master_process off; pid {self.folder}/pid; error_log {self.folder}/e;"
        own = "" if "daemon off" in text else own
        return [NGINX, "-c", str(path), "-p", str(self.folder), *(["-g", own] if own else [])]


class IncludedNginx(Nginx):
    """An nginx that its owner has configured, with a cache, and two files included."""

    def __init__(self, folder, rules, gates, site):
        where = self.site_for_gate(folder, site)
        for part in ("http", "server"):
            given = ("--rules", rules, *gates_of(gates), "--site", where, "--snippet", part)
            (folder / f"escape-{part}.conf").write_text(edge("nginx", *given))
        self.origin = site
        self.folder = folder
        Served.__init__(self, self.configured, folder=ROOT)

    @staticmethod
    def site_for_gate(folder, _):
        return f"unix:{folder}/nginx.sock"

    def configured(self, port):
        text = OWN.replace("FOLDER", str(self.folder)).replace("PORT", str(port))
        return self.words(text.replace("ORIGIN", self.origin))


EDGES = {"nginx": Nginx, "nginx, included": IncludedNginx}
