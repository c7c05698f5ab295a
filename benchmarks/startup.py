"""What the middleware takes before the first request, and what it holds.

`python -m benchmarks.startup [RUNS]` prints Markdown.

Every figure is the median of fresh interpreters, one of each in a round.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

RUNS = 15
ROOT = Path(__file__).parent.parent
PARTS = {
    "werkzeug": "werkzeug",
    "pydantic": "pydantic",
    "pydantic_core": "pydantic",
    "jinja2": "jinja2",
    "markupsafe": "jinja2",
    "ua_parser": "ua-parser",
    "ua_parser_rs": "ua-parser",
    "yaml": "PyYAML",
    "itsdangerous": "itsdangerous",
    "escape_mw": "escape_mw itself",
}
IMPORTED = re.compile(r"import time:\s*(\d+) \|\s*\d+ \| ( *)([\w.]+)")
SITE = """
import time, wsgiref.simple_server, werkzeug, werkzeug.wrappers
def site(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b""]
"""
WRAPPED = """
begun = time.perf_counter()
import escape_mw
imported = time.perf_counter()
site = escape_mw.EscapeMiddleware(site)
"""
TIMES = """
import time
begun = time.perf_counter()
import escape_mw
imported = time.perf_counter()
app = escape_mw.EscapeMiddleware(lambda environ, start_response: [])
built = time.perf_counter()
app = escape_mw.EscapeMiddleware(lambda environ, start_response: [])
print((imported - begun) * 1000, (built - imported) * 1000, (time.perf_counter() - built) * 1000)
"""
VISITS = """
from wsgiref.util import setup_testing_defaults
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_{0} like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
)
TIKTOK = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_{0} like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Mobile/15E148 musical_ly_41.9.0 JsSdk/2.0"
)
environ = {
    "PATH_INFO": "/listen",
    "HTTP_HOST": "site.example",
    "wsgi.url_scheme": "https",
    "QUERY_STRING": "",
}
setup_testing_defaults(environ)
for number in range(5_000):
    for agent in (SAFARI, TIKTOK):
        site({**environ, "HTTP_USER_AGENT": agent.format(number)}, lambda *_: None)
"""
RESIDENT = """
import os
print(int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6)
"""
HELD = {
    "a site with wsgiref and werkzeug": SITE + RESIDENT,
    "the same in EscapeMiddleware": SITE + WRAPPED + RESIDENT,
    "the same after 10,000 different agents": SITE + WRAPPED + VISITS + RESIDENT,
}


def python(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=True, cwd=ROOT
    )


def timed() -> dict[str, float]:
    """Milliseconds that import and construction take, the first and the next."""
    names = (
        "import escape_mw",
        "EscapeMiddleware(app), the first",
        "EscapeMiddleware(app), the next",
    )
    return dict(zip(names, map(float, python("-c", TIMES).stdout.split()), strict=True))


def parted() -> dict[str, float]:
    """Milliseconds of the import by whose they are.

    What a package imports from the standard library counts as its own.
    """
    lines = [
        IMPORTED.match(line)
        for line in python("-X", "importtime", "-c", "import escape_mw").stderr.splitlines()
    ]
    parts: dict[str, float] = defaultdict(float)
    inside = ["Python's own start"]
    for found in reversed(
        [line for line in lines if line]
    ):  # a module is told after what it imports
        depth = len(found[2]) // 2
        name = PARTS.get(found[3].partition(".")[0], inside[depth])
        inside[depth + 1 :] = [name]
        parts[name] += int(found[1]) / 1000
    return dict(parts)


def held() -> dict[str, float]:
    """Megabytes resident."""
    return {name: float(python("-c", program).stdout) for name, program in HELD.items()}


def medians(look: Callable[[], dict[str, float]], runs: int) -> dict[str, float]:
    look()  # byte code is written, files are in the cache
    rounds = [look() for _ in range(runs)]
    return {
        name: statistics.median(figures.get(name, 0) for figures in rounds) for name in rounds[0]
    }


def main() -> None:
    """Measure and print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    print("| start-up | median, ms |\n|---|---|")
    for name, value in medians(timed, runs).items():
        print(f"| {name} | {value:.1f} |")
    print(
        "\n| whose, of the import (-X importtime, which takes its share) | median, ms |\n|---|---|"
    )
    for name, value in sorted(medians(parted, runs).items(), key=lambda item: -item[1]):
        print(f"| {name} | {value:.1f} |")
    if Path("/proc/self/statm").exists():
        print("\n| resident | median, MB | beside the site alone, MB |\n|---|---|---|")
        figures = medians(held, runs)
        for name, value in figures.items():
            print(f"| {name} | {value:.1f} | {value - next(iter(figures.values())):+.1f} |")


if __name__ == "__main__":
    main()
