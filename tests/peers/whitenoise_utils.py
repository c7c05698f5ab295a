"""Stands in for WhiteNoise's own `tests/utils.py`, which its source distribution leaves out.

Written from what its tests ask of it: a server over real HTTP, and a few files.
"""

from __future__ import annotations

import gzip
import threading
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.util import shift_path_info

import requests

FOLDER = Path(__file__).parent / "test_files"
STYLES = b".page { color: black; margin: 0 auto; }\n" * 40
SCRIPT = b"console.log('a script of more than twenty characters');\n" * 20
FILES = {
    "assets/subdir/javascript.js": SCRIPT,
    "assets/compressed.css": STYLES,
    "assets/compressed.css.gz": gzip.compress(STYLES, mtime=0),
    "assets/custom-mime.foobar": b"of an unknown kind\n",
    "assets/with-index/index.html": b"<!doctype html><title>An index</title>\n",
    "root/robots.txt": b"User-agent: *\nDisallow:\n",
    "static/app.js": SCRIPT,
    "static/styles.css": STYLES,
    "static/directory/page.txt": b"a page in a directory\n",
    "static/nonascii\u2713.txt": b"a file with a tick in its name\n",
    "static/with-index/index.html": b"<!doctype html><title>An index</title>\n",
}
urlpatterns: list[object] = []


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class AppServer:
    """An application below a prefix, and a client for it; everything else is not found."""

    PREFIX = "subdir"

    def __init__(self, application: Any) -> None:
        self.application = application
        self.server = make_server("127.0.0.1", 0, self.serve, handler_class=Quiet)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def serve(self, environ: dict[str, Any], start_response: Any) -> Any:
        if shift_path_info(environ) == self.PREFIX:
            return self.application(environ, start_response)
        start_response("404 Not Found", [("Content-Length", "0")])
        return []

    def request(self, method: str, path: str, **words: Any) -> requests.Response:
        url = f"http://127.0.0.1:{self.server.server_port}{path}"
        return requests.request(method, url, timeout=30, **words)

    def get(self, path: str, **words: Any) -> requests.Response:
        return self.request("get", path, **words)

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Files:
    """Files of a folder by short names: of `js`, its path, URL and content are attributes."""

    def __init__(self, directory: str, **paths: str) -> None:
        self.directory = str(FOLDER / directory)
        for name, path in paths.items():
            setattr(self, f"{name}_path", path)
            setattr(self, f"{name}_url", f"/{AppServer.PREFIX}/{path}")
            setattr(self, f"{name}_content", FILES[f"{directory}/{path}"])


def write_files() -> None:
    for name, content in FILES.items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
