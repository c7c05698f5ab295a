"""The migrations of the events database, each from the schema version before it.

Only append: a released migration never changes, and it alters tables by SQL of its own, since the
tables in `tables` move on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

OLD = (
    *("visit", "once", "time", "name", "rule", "app", "app_version", "platform", "service", "kind"),
    *("goal", "technique", "trigger", "outcome", "experiment", "arm", "rule_version"),
    *("first", "handover", "by", "planned"),
)
BY_DAY = """
CREATE TABLE escape_mw_events (
    day BIGINT NOT NULL, visit VARCHAR(32) NOT NULL, once VARCHAR(96) NOT NULL,
    time BIGINT NOT NULL, name VARCHAR(64) NOT NULL, rule VARCHAR(64) NOT NULL,
    app VARCHAR(64) NOT NULL, app_version VARCHAR(64) NOT NULL, platform VARCHAR(64) NOT NULL,
    service VARCHAR(64) NOT NULL, kind VARCHAR(64) NOT NULL, goal VARCHAR(64) NOT NULL,
    technique VARCHAR(64) NOT NULL, "trigger" VARCHAR(64) NOT NULL,
    outcome VARCHAR(64) NOT NULL, experiment VARCHAR(64) NOT NULL, arm VARCHAR(64) NOT NULL,
    rule_version VARCHAR(64) NOT NULL, first VARCHAR(64) NOT NULL, handover VARCHAR(64) NOT NULL,
    "by" VARCHAR(64) NOT NULL, hints VARCHAR(64) NOT NULL DEFAULT '', planned BIGINT NOT NULL,
    PRIMARY KEY (day, visit, once)
)"""


def _say_more_of_visits(connection: Connection) -> None:
    """The rule's own version in place of all rules', and four columns more."""
    statements = ['RENAME COLUMN "rules" TO "rule_version"']
    for name in ("first", "handover", "by"):
        statements.append(f"ADD COLUMN \"{name}\" VARCHAR(64) NOT NULL DEFAULT ''")
    statements.append('ADD COLUMN "planned" BIGINT NOT NULL DEFAULT 0')
    for statement in statements:
        connection.exec_driver_sql(f"ALTER TABLE escape_mw_events {statement}")


def _begin_with_the_day(connection: Connection) -> None:
    """The visit's day at the head of the primary key, in place of an index of times."""
    names = ", ".join(f'"{name}"' for name in OLD)
    values = ", ".join(f'each."{name}"' for name in OLD)
    is_sqlite = connection.dialect.name == "sqlite"
    for statement in (
        "ALTER TABLE escape_mw_events RENAME TO escape_mw_events_2",
        BY_DAY + (" WITHOUT ROWID" if is_sqlite else ""),
        f"INSERT INTO escape_mw_events (day, {names}) "  # noqa: S608 - names of columns
        f"SELECT coalesce(first.time, each.time) / 86400, {values} FROM escape_mw_events_2 each "
        "LEFT JOIN escape_mw_events_2 first "
        "ON first.visit = each.visit AND first.once = 'eligible' ORDER BY 1, each.visit",
        "DROP TABLE escape_mw_events_2",
        "CREATE INDEX escape_mw_events_by_day ON escape_mw_events "
        "(day, app, platform, goal, first, app_version, handover) WHERE once = 'eligible'",
        "CREATE INDEX escape_mw_events_by_experiment ON escape_mw_events "
        "(experiment, day) WHERE once = 'eligible'",
    ):
        connection.exec_driver_sql(statement)


MIGRATIONS: Sequence[Callable[[Connection], None]] = (_say_more_of_visits, _begin_with_the_day)
