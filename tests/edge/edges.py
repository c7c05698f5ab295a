"""The edge servers, each as its owner would run it: a gate, a site, and what stands in front."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from escape_mw import load
from escape_mw.edge.prefilter import plain, prefilter_of

from ..engines.npm import fetched
from ..support.real_http import Served
from .conftest import ROOT

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin")
HAPROXY = shutil.which("haproxy", path="/usr/sbin:/usr/bin")
CADDY = shutil.which("caddy", path="/usr/sbin:/usr/bin")
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
        expires 1h;
        add_header Content-Security-Policy "default-src 'none'" always;
        location = /private/x { deny all; }
        location / {
            proxy_pass ORIGIN;
            proxy_buffer_size 32k;
            proxy_buffers 8 32k;
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

    takes_two_gates = True
    waits_for_its_check = False  # before it gives up what a hung gate has taken
    sends_forms_on = True
    waits_for_slow_sites = True  # longer than for the gate

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


MINIFLARE = """
import { Miniflare } from "MODULES/miniflare/dist/src/index.js";
import { readFileSync } from "node:fs";
const external = (address) => ({ external: { address, http: {} } });
const route = `export default { fetch(request, env) {
  return (new URL(request.url).hostname === "gate.example" ? env.GATE : env.SITE).fetch(request);
} }`;
const common = { modules: true, compatibilityDate: "2025-01-01" };
const flare = new Miniflare({
  host: "127.0.0.1",
  port: PORT,
  workers: [
    { ...common, name: "escape", script: readFileSync("WORKER", "utf8"), outboundService: "net" },
    { ...common, name: "net", script: route, serviceBindings: {
        GATE: external("GATE"), SITE: external("ORIGIN") } },
  ],
});
await flare.ready;
process.on("SIGTERM", () => flare.dispose().then(() => process.exit(0)));
"""


@cache
def modules():
    """Where npm has put miniflare, None where it cannot."""
    return fetched(Path(tempfile.mkdtemp()), "miniflare")


class Worker(Nginx):
    """The Worker in workerd, which reaches its gate and its site by bindings of miniflare's."""

    takes_two_gates = False  # a Worker has one, and a load balancer behind it
    sends_forms_on = False  # workerd does not say that a connection was refused, Cloudflare does

    def __init__(self, folder, rules, gates, site):
        given = ("--gate", "http://gate.example", "--site", "http://label.example")
        (folder / "worker.js").write_text(edge("worker", "--rules", rules, *given))
        places = {"MODULES": modules(), "WORKER": folder / "worker.js"}
        places |= {'GATE")': f'{gates[0].removeprefix("http://")}")'}
        text = MINIFLARE.replace("ORIGIN", site.removeprefix("http://"))
        for place, own in places.items():
            text = text.replace(place, str(own))
        self.folder, self.written = folder, text
        Served.__init__(self, self.configured, folder=ROOT)

    def configured(self, port):
        program = self.folder / "program.mjs"
        program.write_text(self.written.replace("PORT", str(port)))
        return ["node", str(program)]


class Example(Nginx):
    """A server that no command writes for: the example, with the prefilter's expressions."""

    name, command = "", ()
    takes_two_gates = False

    def __init__(self, folder, rules, gates, site):
        prefilter = prefilter_of(load(rules).policy)
        self.folder = folder
        self.text = (ROOT / "examples" / "edge" / self.name).read_text()
        for place, own in {
            "127.0.0.1:8010": gates[0].removeprefix("http://"),
            "127.0.0.1:8080": site.removeprefix("http://"),
            "/run/escape": str(folder),
            "AGENTS": self.quoted(prefilter.agents[0].regex),
            "PACKAGES": self.quoted("|".join(map(plain, prefilter.packages))),
        }.items():
            self.text = self.text.replace(place, own)
        Served.__init__(self, self.configured, folder=ROOT)

    @staticmethod
    def quoted(regex):
        return regex

    def configured(self, port):
        path = self.folder / self.name
        path.write_text(self.placed(self.text, port))
        return [*self.command, str(path)]


class HAProxy(Example):
    name, command = "haproxy.cfg", (HAPROXY, "-f")
    waits_for_slow_sites = False
    waits_for_its_check = True

    @staticmethod
    def placed(text, port):
        return text.replace("bind :80\n", f"bind 127.0.0.1:{port}\n")


class Caddy(Example):
    name, command = "Caddyfile", (CADDY, "run", "--adapter", "caddyfile", "--config")

    @staticmethod
    def placed(text, port):
        return text.replace("http://:80 {", f"http://:{port} {{\n\tbind 127.0.0.1")

    @staticmethod
    def quoted(regex):
        return regex.replace("\\", "\\\\")


EDGES = {
    "nginx": Nginx,
    "nginx, included": IncludedNginx,
    "worker": Worker,
    "HAProxy": HAProxy,
    "Caddy": Caddy,
}


def missing(kind):
    """What is not installed for an edge server, if anything."""
    if issubclass(kind, Example):
        return None if kind.command[0] else f"{kind.__name__} not installed"
    if issubclass(kind, Worker):
        return None if shutil.which("node") and modules() else "miniflare not installed (npm)"
    return None if NGINX else "nginx not installed"
