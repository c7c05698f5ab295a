"""Databases to write events to: a new SQLite file, and a new schema on a real PostgreSQL server."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sql

from .needs import need

GIVEN = "ESCAPE_MW_POSTGRES"  # a SQLAlchemy URL of a server to use, such as postgresql+psycopg://user@host/name
BINARIES = Path("/usr/lib/postgresql")
SETTINGS = ("listen_addresses=", "fsync=off", "synchronous_commit=off", "full_page_writes=off")


def missing() -> str | None:
    """What is not installed here, if anything."""
    return (
        None
        if os.environ.get(GIVEN) or _folder()
        else f"PostgreSQL is not installed (Debian: postgresql), and {GIVEN} names no server"
    )


def _folder() -> Path | None:
    """Where the newest PostgreSQL's programs are."""
    found = sorted(BINARIES.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


@contextmanager
def server() -> Iterator[str]:
    """The URL of a server.

    The one that the environment names, or a private one that ends with this.
    """
    if given := os.environ.get(GIVEN):
        yield given
        return
    programs = _folder()
    assert programs
    who = (
        {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    )  # it does not run as root
    folder = Path(
        tempfile.mkdtemp(prefix="escape-pg-")
    )  # short, for the socket's path may have 107 characters
    try:
        if who:
            shutil.chown(folder, who["user"], who["group"])
        data = folder / "data"
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, **who}
        subprocess.run(
            [
                programs / "initdb",
                "--username=escape",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
                data,
            ],
            check=True,
            **quiet,
        )
        options = [word for setting in SETTINGS for word in ("-c", setting)]
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, "-k", folder, *options], **quiet
        )
        try:
            yield _ready(f"postgresql+psycopg://escape@/postgres?host={folder}", process)
        finally:
            process.send_signal(signal.SIGINT)  # at once, whoever is still connected
            process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _ready(url: str, process: subprocess.Popen[bytes]) -> str:
    engine = sql.create_engine(url, poolclass=sql.NullPool)
    deadline = time.monotonic() + 60
    while True:
        try:
            engine.connect().close()
        except sql.exc.OperationalError:
            assert process.poll() is None, "PostgreSQL ended"
            assert time.monotonic() < deadline, "PostgreSQL does not answer"
            time.sleep(0.05)
        else:
            return url


@contextmanager
def new_schema(url: str) -> Iterator[str]:
    """The URL of an empty schema on a server, gone afterwards."""
    name = f"escape_{secrets.token_hex(6)}"
    engine = sql.create_engine(url, poolclass=sql.NullPool)
    with engine.begin() as connection:
        connection.execute(sql.text(f"CREATE SCHEMA {name}"))
    try:
        yield (
            sql.make_url(url)
            .update_query_dict({"options": f"-csearch_path={name}"})
            .render_as_string(hide_password=False)
        )
    finally:
        with engine.begin() as connection:
            connection.execute(sql.text(f"DROP SCHEMA {name} CASCADE"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The server of all tests of this run."""
    need(missing())
    with server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A new database of each sort."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'events.sqlite3'}"
        return
    with new_schema(request.getfixturevalue("postgres")) as url:
        yield url
