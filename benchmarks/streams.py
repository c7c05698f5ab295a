"""How long streamed responses take on uvicorn while the rules file is edited every second.

    python -m benchmarks.streams

200 connections at once ask for a stream of five parts, half of them as TikTok, for as long as both
runs last: of the bare application, and of the wrapped one.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.support import agents
from tests.support.real_http import Served

CONNECTIONS = 200
SECONDS = 20
PARTS = 5
PAUSE = 0.02
RULES = "BENCHMARK_RULES"
FORM = {
    "version": 1,
    "rules": [
        *({"path": f"/artist{number}/**", "to": "page"} for number in range(50)),
        {"path": "/**", "to": "redirect"},
    ],
}


async def bare(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for number in range(PARTS):
        await asyncio.sleep(PAUSE)
        more = number + 1 < PARTS
        await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": more})


if RULES in os.environ:
    from escape_mw.asgi import EscapeMiddleware

    wrapped = EscapeMiddleware(bare, os.environ[RULES])


async def visitor(port: int, agent: str, end: float, times: list[float]) -> None:
    """One connection that asks again and again."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.monotonic() < end:
        begun = time.monotonic()
        writer.write(f"GET /x HTTP/1.1\r\nHost: x\r\nUser-Agent: {agent}\r\n\r\n".encode())
        await reader.readuntil(b"\r\n0\r\n\r\n")
        times.append(time.monotonic() - begun)
    writer.close()


async def edited(path: Path, end: float) -> int:
    """Write other rules every second; how often."""
    number = 0
    while time.monotonic() < end:
        number += 1
        form = {**FORM, "page": {"brand": f"Edit {number}"}}
        path.write_text(json.dumps(form), "utf-8")
        await asyncio.sleep(1)
    return number


async def run(port: int, path: Path) -> list[float]:
    """The seconds that each response took."""
    times: list[float] = []
    end = time.monotonic() + SECONDS
    asked = [
        visitor(port, (agents.SAFARI, agents.TIKTOK_IOS)[number % 2], end, times)
        for number in range(CONNECTIONS)
    ]
    await asyncio.gather(edited(path, end), *asked)
    return times


def main() -> None:
    worst: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "escape.yaml")
        path.write_text(json.dumps(FORM), "utf-8")
        os.environ[RULES] = str(path)
        print("| application | responses | median, ms | p99, ms | slowest, ms |")
        print("|---|---|---|---|---|")
        for name in ("bare", "wrapped"):
            words = (
                "-m",
                "uvicorn",
                "--port",
                "PORT",
                "--log-level",
                "critical",
                "--no-access-log",
            )
            served = Served(*words, f"benchmarks.streams:{name}", folder=Path.cwd())
            times = asyncio.run(run(int(served.url.rpartition(":")[2]), path))
            served.stop()
            p99 = statistics.quantiles(times, n=100)[98]
            worst[name] = max(times) if name == "wrapped" else p99
            figures = (statistics.median(times), p99, max(times))
            cells = " | ".join(f"{figure * 1000:.0f}" for figure in figures)
            print(f"| {name} | {len(times)} | {cells} |", flush=True)
    print(f"\nthe slowest, wrapped, beside the bare p99: {worst['wrapped'] / worst['bare']:.2f} ×")


if __name__ == "__main__":
    main()
