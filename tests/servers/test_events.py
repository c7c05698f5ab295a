"""Two workers and one SQLite file: every event of 500 visits once.

A killed worker takes its last second along, no more.
"""

from __future__ import annotations

import http.client
import os
import re
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import unquote

from escape_mw import Event, load
from escape_mw.events.database import Database

from ..support.agents import CHROME_ANDROID, TIKTOK_ANDROID
from ..support.measured import MARKER
from ..support.needs import need
from . import serving
from .measured import RULES

WHOLE = {"eligible", "shown", "tapped", "arrived", "outcome"}
GONE = (ConnectionError, http.client.HTTPException)  # the worker that had the request was killed


class Site:
    """Asks a served site.

    `statuses` is what it answered, `gone` how many requests a killed worker took along.
    """

    def __init__(self, url):
        self.address = url.removeprefix("http://")
        self.statuses = Counter()
        self.gone = 0

    def ask(self, method, path, agent, body=b""):
        try:
            with closing(http.client.HTTPConnection(self.address, timeout=30)) as connection:
                connection.request(method, path, body, {"User-Agent": agent})
                with connection.getresponse() as answer:
                    text = answer.read().decode()
        except GONE:
            self.gone += 1
            return ""
        self.statuses[answer.status] += 1
        return text

    def worker(self):
        """The process that answers."""
        return int(self.ask("GET", "/", CHROME_ANDROID).split()[0])

    def visit(self, number):
        """A page in TikTok, a tap that is told twice, the real browser, a pre-save.

        Returns what its events call the visit.
        """
        page = self.ask("GET", f"/presave/{number}", TIKTOK_ANDROID)
        if not page:
            return None
        token = re.search('data-visit="([^"]*)"', page)[1]
        for _ in range(2):
            self.ask("POST", "/_escape/e", TIKTOK_ANDROID, f"{token} tapped intent".encode())
        marker = MARKER.search(unquote(page))[0]
        arrival = self.ask("GET", f"/presave/{number}?{marker}", CHROME_ANDROID)
        visit = arrival.partition(" ")[2]
        if visit:  # the worker may have been killed in between
            self.ask("POST", "/_escape/outcome/presave", CHROME_ANDROID, visit.encode())
        return load(RULES).policy.tokens.hash_of(token.split("~")[1])


def told(database):
    """Visit -> what was told of it, and how often something was only counted."""
    visits, counted = {}, Counter()
    for record in database.read():
        if isinstance(record, Event):
            visits.setdefault(record.visit, []).append(record.name)
        else:
            counted[record.name] += record.number
    return visits, counted


def whole(visits, ids):
    return all(sorted(visits.get(one, ())) == sorted(WHOLE) for one in ids)


def until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def test_a_killed_worker_takes_no_event_of_the_others_along(tmp_path, monkeypatch):
    need(serving.missing("gunicorn with two workers"))
    url = f"sqlite:///{tmp_path / 'events.sqlite3'}"
    monkeypatch.setenv("EVENTS_DATABASE", url)
    served = serving.start("gunicorn with two workers", "measured:wrapped", tmp_path)
    database = Database(url)
    try:
        site = Site(served.url)
        workers = set()
        until(
            lambda: (
                workers.add(int(site.ask("GET", "/", CHROME_ANDROID).split()[0]))
                or len(workers) == 2
            )
        )
        with ThreadPoolExecutor(8) as pool:
            before = list(pool.map(site.visit, range(200)))
            until(lambda: whole(told(database)[0], before))
            during = [pool.submit(site.visit, number) for number in range(200, 300)]
            until(lambda: sum(one.done() for one in during) > 30)
            os.kill(min(workers), signal.SIGKILL)
            during = [one.result() for one in during]
            after = list(pool.map(site.visit, range(300, 500)))
    finally:
        served.stop()
    visits, counted = told(database)
    database.close()
    assert set(site.statuses) == {200, 204}
    assert site.gone <= 8, "no more than were on their way"
    assert whole(visits, before)
    assert whole(visits, after)
    assert len(set(before) | set(after)) == 400
    for one in filter(None, during):
        assert set(visits.get(one, ())) <= WHOLE
        assert len(visits.get(one, ())) == len(set(visits.get(one, ())))
    assert len(set(visits) - {*before, *during, *after}) <= site.gone
    assert sum(map(len, visits.values())) > 2000 + 100, "the other worker's are there"
    assert set(counted) == {"repeat"}
    assert 400 <= counted["repeat"] <= 500
