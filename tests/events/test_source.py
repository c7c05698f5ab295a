"""What a command says where the events cannot be used: the driver's reason, without a password."""

import pytest
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from escape_mw.events import source

PLAIN = "postgresql+psycopg://127.0.0.1/events"
BESIDE_THE_USER = "postgresql+psycopg://label:hush-hush@127.0.0.1/events"
AMONG_THE_OPTIONS = f"{PLAIN}?password=hush-hush&user=label"


def of_the_driver(text):
    return OperationalError("SELECT 1", {}, Exception(text))


REASONS = [
    pytest.param(PLAIN, of_the_driver("no such host\nIs it up?"), "no such host", id="first line"),
    pytest.param(
        PLAIN, of_the_driver("None of them answers"), "None of them answers", id="no password"
    ),
    pytest.param(PLAIN, of_the_driver(""), "OperationalError", id="the driver says nothing"),
    pytest.param(PLAIN, SQLAlchemyError("QueuePool limit"), "QueuePool limit", id="SQLAlchemy's"),
    pytest.param(
        BESIDE_THE_USER, of_the_driver("not hush-hush"), "not ***", id="a password by the user"
    ),
    pytest.param(
        AMONG_THE_OPTIONS, of_the_driver("not hush-hush"), "not ***", id="a password as an option"
    ),
]


@pytest.mark.parametrize(("url", "error", "reason"), REASONS)
def test_the_reason(monkeypatch, url, error, reason):
    asked = []

    def fail(address):
        asked.append(address)
        raise error

    monkeypatch.setattr(source, "holds_events", fail)
    assert said_of(url) == f"postgresql://127.0.0.1/events: cannot be used: {reason}"
    assert asked == [url], "the driver gets the password"


def said_of(url):
    with pytest.raises(source.SourceError) as raised, source.open_events(url):
        pass
    return str(raised.value)


NO_FILE = "this file does not exist; the site creates it with its first event"
NO_URL = (
    "that is not a database URL; one looks like sqlite:////srv/events.sqlite3 "
    "or postgresql+psycopg://user@host/name"
)
UNUSABLE = [
    pytest.param("sqlite:////nowhere/x", f"/nowhere/x: {NO_FILE}", id="no file"),
    pytest.param("sqlite:///file:/nowhere/x?uri=true", f"file:/nowhere/x: {NO_FILE}", id="a URI"),
    pytest.param("sqlite://", f":memory:: {NO_FILE}", id="in memory"),
    pytest.param("nonsense", NO_URL, id="no URL"),
    pytest.param("nonsense://h/x", NO_URL, id="a URL of no database"),
]


@pytest.mark.parametrize(("url", "message"), UNUSABLE)
def test_what_cannot_be_opened(url, message):
    assert said_of(url) == message


@pytest.mark.parametrize("url", ["sqlite:///{}", "sqlite:///file:{}?uri=true"])
def test_a_file_without_events(tmp_path, url):
    (tmp_path / "other").touch()
    message = said_of(url.format(tmp_path / "other"))
    assert message.endswith(
        "/other: it holds no events; the site creates the tables with its first event"
    )


def test_a_server_of_this_machine(monkeypatch):
    monkeypatch.setattr(source, "holds_events", lambda _: False)
    assert said_of("postgresql+psycopg:///events").startswith("postgresql:///events: it holds no")
