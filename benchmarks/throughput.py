"""Requests per second of a plain browser under gunicorn (2 workers).

With and without the middleware, in paired runs.

python -m pip install gunicorn; apt-get install wrk
python -m benchmarks.throughput
"""

from __future__ import annotations

import re
import statistics
import subprocess
from pathlib import Path

from tests.support.agents import SAFARI
from tests.support.real_http import Served

ROOT = Path(__file__).parent.parent
PAIRS = 9
SECONDS = 3


def served(name: str) -> Served:
    words = [
        "-m",
        "gunicorn",
        "--workers",
        "2",
        "--bind",
        "127.0.0.1:PORT",
        "--log-level",
        "critical",
        f"tests.servers.site:{name}",
    ]
    return Served(*words, folder=ROOT)


def per_second(url: str) -> float:
    command = ["wrk", "-t1", "-c8", f"-d{SECONDS}s", "-H", f"User-Agent: {SAFARI}", f"{url}/page"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])


def main() -> None:
    bare, wrapped = served("bare"), served("wrapped")
    per_second(bare.url), per_second(wrapped.url)
    runs = []
    for number in range(PAIRS):
        first, second = (bare, wrapped) if number % 2 else (wrapped, bare)
        figures = {first: per_second(first.url), second: per_second(second.url)}
        runs.append((figures[bare], figures[wrapped]))
    bare.stop(), wrapped.stop()
    ratios = [ours / theirs for theirs, ours in runs]
    print("| gunicorn, 2 workers, wrk | requests per second, median |\n|---|---|")
    print(f"| bare | {statistics.median(theirs for theirs, _ in runs):.0f} |")
    print(f"| wrapped | {statistics.median(ours for _, ours in runs):.0f} |")
    print(
        f"| wrapped beside bare, pair by pair | {statistics.median(ratios):.3f} × "
        f"({min(ratios):.3f} to {max(ratios):.3f}) |"
    )


if __name__ == "__main__":
    main()
