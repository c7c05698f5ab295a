"""What a command says where the events cannot be used: the driver's reason, without a password."""

import pytest
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from escape_mw.events import source

PLAIN = "postgresql+psycopg://127.0.0.1/events"
BESIDE_THE_USER = "postgresql+psycopg://label:hush-hush@127.0.0.1/events"
AMONG_THE_OPTIONS = f"{PLAIN}?user=label&password=hush-hush"


def of_the_driver(text):
    return OperationalError("SELECT 1", {}, Exception(text))


REASONS = [
    pytest.param(PLAIN, of_the_driver("no such host\nIs it up?"), "no such host", id="first line"),
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
    def fail(_):
        raise error

    monkeypatch.setattr(source, "holds_events", fail)
    with pytest.raises(source.SourceError) as raised, source.open_events(url):
        pass
    assert str(raised.value) == f"postgresql://127.0.0.1/events: cannot be used: {reason}"
