"""What `escape-mw edge` writes: it asks for exactly what the prefilter says, and knows its age."""

from __future__ import annotations

import http.client
import json
import logging
import shutil
import subprocess

import pytest
import yaml
from click.testing import CliRunner

from escape_mw import load
from escape_mw.cli.main import main
from escape_mw.edge.gate import Gate as GateApplication
from escape_mw.edge.prefilter import prefilter_of
from escape_mw.engine.engine import Engine

from ..support.agents import SAFARI, TIKTOK_IOS
from ..support.needs import need
from ..support.real_http import Served
from .asking import ask
from .cases import CASES
from .conftest import ROOT, refusing
from .edges import EDGES, NGINX, edge, missing
from .matcher import Matcher, acts, requests
from .site import Origin

NUMBER = 600  # requests for each set of rules
NODE = """
import { asks } from "FILE";
const lines = (await import("node:fs")).readFileSync(0, "utf8").trim().split("\\n");
for (const line of lines) {
  const [method, href, headers] = JSON.parse(line);
  const url = new URL(href);
  const found = asks(method, url, new Headers(headers));
  console.log(JSON.stringify([found, url.pathname + url.search]));
}
"""


def file_of(folder, rules):
    path = folder / "escape.yaml"
    path.write_text(yaml.safe_dump(rules))
    return path


class Asking(Served):
    """nginx as it is written, but that it tells what it would have done."""

    def __init__(self, folder, rules):
        text = edge("nginx", "--rules", file_of(folder, rules), "--site", refusing())
        tells = 'location / { return 200 "$escape_ask";'
        self.text = text.replace("location / {", tells, 1).replace("worker_processes auto;", "")
        self.folder = folder
        super().__init__(self.configured, folder=ROOT)

    def configured(self, port):
        path = self.folder / "nginx.conf"
        path.write_text(self.text.replace("listen 80;", f"listen 127.0.0.1:{port};"))
        own = f"daemon off; master_process off; pid {self.folder}/pid; error_log {self.folder}/e;"
        return [NGINX, "-c", str(path), "-p", str(self.folder), "-g", own]

    def answers(self, every):
        """Whether each request goes to the gate; None for one that nginx itself refuses."""
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=30)
        for asked in every:
            if asked.target.startswith("/_escape/"):
                yield True  # a location of its own
                continue
            target = asked.target.encode().decode("latin-1")
            connection._encode_request = lambda request: request.encode("latin-1")
            connection.putrequest(asked.method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in {"Host": asked.host or "x", **asked.headers}.items():
                connection.putheader(name, value.encode("latin-1"))
            connection.endheaders()
            response = connection.getresponse()
            body = response.read()
            yield None if response.status == 400 else body != b"" or asked.method == "HEAD"
        connection.close()


@pytest.mark.servers
@pytest.mark.parametrize("rules", CASES)
def test_nginx_asks_for_what_the_prefilter_says(tmp_path, rules):
    need(None if NGINX else "nginx not installed")
    matcher, engine = Matcher(prefilter_of(load(rules).policy)), Engine(rules)
    every = [asked for asked in requests(NUMBER, "nginx") if asked.host and asked.method != "HEAD"]
    served, compared = Asking(tmp_path, rules), 0
    for asked, answer in zip(every, served.answers(every), strict=True):
        if answer is None:
            continue
        compared += 1
        assert answer == matcher.asks(asked), asked
        assert answer or not acts(engine, asked), asked
    served.stop()
    assert compared > NUMBER / 2


@pytest.mark.servers
@pytest.mark.parametrize("rules", CASES)
def test_the_worker_asks_for_what_the_engine_acts_on(tmp_path, rules):
    need(None if shutil.which("node") else "node not installed")
    module = tmp_path / "worker.mjs"
    site = ("--gate", "https://gate.example", "--site", "https://label.example")
    module.write_text(edge("worker", "--rules", file_of(tmp_path, rules), *site))
    every = [asked for asked in requests(NUMBER * 2, "worker") if asked.host]
    every = [asked for asked in every if asked.target.startswith("/")]
    given = "\n".join(
        json.dumps([asked.method, f"https://{asked.host}{asked.target}", asked.headers])
        for asked in every
    )
    program = tmp_path / "program.mjs"
    program.write_text(NODE.replace("FILE", str(module)))
    done = subprocess.run(
        ["node", str(program)], input=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    engine, matcher = Engine(rules), Matcher(prefilter_of(load(rules).policy))
    sent = 0
    for asked, line in zip(every, done.stdout.splitlines(), strict=True):
        found, target = json.loads(line)
        seen = asked._replace(target=target)
        sent += found
        assert found or not acts(engine, seen), seen
        assert found == matcher.asks(seen), seen
    assert sent > 50


# --- its age --------------------------------------------------------------------------------------

RULES = {"version": 1, "rules": [{"path": "/presave/**", "to": "page"}]}
EDITS = [
    pytest.param({**RULES, "page": {"title": "Other"}}, True, id="another title"),
    pytest.param({**RULES, "mode": "observe"}, True, id="observe"),
    pytest.param({**RULES, "rules": [{"path": "/other", "to": "page"}]}, False, id="another path"),
    pytest.param({**RULES, "apps": {"only": ["tiktok"]}}, False, id="an app less"),
    pytest.param({**RULES, "exclude": ["/presave/a"]}, False, id="a path excluded"),
]


def run(*words):
    return CliRunner().invoke(main, ["edge", *map(str, words)])


@pytest.mark.parametrize("kind", ["nginx", "worker"])
@pytest.mark.parametrize(("edited", "is_fresh"), EDITS)
def test_check_says_whether_a_file_is_stale(tmp_path, kind, edited, is_fresh):
    rules, file = file_of(tmp_path, RULES), tmp_path / "written"
    gate = ("--gate", "https://gate.example", "--site", "https://label.example")
    gate = ("--site", "http://127.0.0.1:8080") if kind == "nginx" else gate
    file.write_text(run(kind, "--rules", rules, *gate).output)
    assert run(kind, "--rules", rules, "--check", file).exit_code == 0
    file_of(tmp_path, edited)
    done = run(kind, "--rules", rules, "--check", file)
    assert (done.exit_code, "stale" in done.output) == ((0, False) if is_fresh else (1, True))


def test_check_of_a_file_without_a_stamp(tmp_path):
    (tmp_path / "file").write_text("server {}")
    done = run("nginx", "--check", tmp_path / "file")
    assert (done.exit_code, "no stamp" in done.output) == (1, True)


def test_the_file_of_a_server_is_never_stale(tmp_path):
    """It depends on an address, and on no rule."""
    words = ["edge", "nginx", "--site", "unix:/run/site.sock", "--snippet", "server"]
    file = tmp_path / "escape-server.conf"
    file.write_text(CliRunner().invoke(main, words).output)
    done = CliRunner().invoke(main, [*words, "--check", str(file)])
    assert (done.exit_code, "depends on --site alone" in done.output) == (0, True)


WRONG = [
    pytest.param(["nginx"], "--site is missing", id="nginx without a site"),
    pytest.param(["worker"], "--site is missing", id="a worker without a site"),
    pytest.param(["nginx", "--site", "https://x.example"], "http://HOST:PORT", id="https"),
    pytest.param(
        ["nginx", "--snippet", "http", "--site", "http://127.0.0.1:80"], "unix:PATH", id="a snippet"
    ),
    pytest.param(
        ["worker", "--gate", "unix:/x", "--site", "https://x.example"], "by a URL", id="a socket"
    ),
    pytest.param(
        ["nginx", "--site", "http://a;b c"],
        "write http://HOST:PORT",
        id="what ends a line of nginx",
    ),
    pytest.param(
        ["nginx", "--site", "http://u:p@h:80"], "write http://HOST:PORT", id="a user for nginx"
    ),
    pytest.param(["nginx", "--site", "http://h:0"], "write http://HOST:PORT", id="port 0"),
    pytest.param(
        ["nginx", "--site", "unix:/a b"], "write http://HOST:PORT", id="a blank in a socket's path"
    ),
    pytest.param(
        ["worker", "--site", "https://h", "--gate", "https://a", "--gate", "https://b"],
        "a Worker asks one gate",
        id="two gates for a Worker",
    ),
    pytest.param(
        ["worker", "--site", "https://h", "--gate", "https://a/below"],
        "a Worker reaches a gate by a URL",
        id="a gate below a path",
    ),
]


@pytest.mark.parametrize(("words", "told"), WRONG)
def test_what_cannot_be_written(words, told):
    done = run(*words)
    assert (done.exit_code, told in done.output) == (2, True), done.output


def test_the_gate_warns_of_a_stale_edge_once(caplog):
    caplog.set_level(logging.WARNING, "escape_mw")
    gate = GateApplication(RULES, refusing())
    fresh = prefilter_of(load(RULES).policy).stamp
    for stamp in ("0123abcd", "0123abcd", fresh):
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/_escape/health"}
        list(gate({**environ, "HTTP_X_ESCAPE_STAMP": stamp}, lambda *_: None))
    assert [record.getMessage() for record in caplog.records] == [
        f"the edge server's configuration is stale (stamp '0123abcd', now '{fresh}'):"
        " write it again with escape-mw edge"
    ]


HOSTILE = [
    pytest.param({"exclude": ["/x\nevil; "]}, id="a new line"),
    pytest.param({"exclude": ["/x\"; evil; '"]}, id="quotes"),
    pytest.param({"exclude": ['/x\\"; evil; ', "/x\\t", "/x\\\\"]}, id="backslashes"),
    pytest.param({"exclude": ["/x/;evil()//*/ `${evil}"]}, id="JavaScript"),
    pytest.param({"exclude": ["/x $uri ${evil}"]}, id="variables"),
    pytest.param(
        {"apps": {"add": [{"id": "x", "name": "x", "tokens": ['a"b;\n/c', "ab\\", "$uri"]}]}},
        id="tokens",
    ),
]


@pytest.mark.servers
@pytest.mark.parametrize("more", HOSTILE)
def test_what_the_rules_say_stays_text(tmp_path, more):
    """Both languages read what was written, and as the expressions that were meant."""
    need(None if NGINX and shutil.which("node") else "nginx or node not installed")
    rules = {**RULES, **more}
    prefilter = prefilter_of(load(rules).policy)
    served = Asking(tmp_path, rules)
    assert list(served.answers(requests(50, "hostile")))
    served.stop()
    module = tmp_path / "worker.mjs"
    site = ("--gate", "https://gate.example", "--site", "https://label.example")
    module.write_text(
        edge("worker", "--rules", file_of(tmp_path, rules), *site)
        + "console.log(JSON.stringify([...AGENTS, ...PLACES.map((line) => line[0])]"
        + ".map((one) => one.source)));"
    )
    done = subprocess.run(["node", str(module)], capture_output=True, text=True, check=True)
    meant = [line.regex for line in (*prefilter.agents, *prefilter.places)]
    assert [one.replace("\\/", "/") for one in json.loads(done.stdout)] == meant


@pytest.mark.servers
def test_access_rules_of_an_nginx_hold_for_the_gate_too(tmp_path):
    """Whatever agent, marker or path brings a request to the gate."""
    kind, site = EDGES["nginx, included"], Origin()
    need(missing(kind))
    served = kind(tmp_path, file_of(tmp_path, RULES), [refusing()], site.url)
    for agent in (SAFARI, TIKTOK_IOS):
        for target in ("/private/x", "/private/x?_esc=1", "/private/%78?_esc=1"):
            assert ask(served.url, target, agent).status == 403
    assert site.asked == []
    served.stop()
    site.stop()
