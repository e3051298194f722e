"""What the database is told to do, in order: what a dead row or a log would show of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from reporting.database import db

DELETE = "DELETE FROM record "


@contextmanager
def seen() -> Iterator[list[str]]:
    """Statements and commits; of a deleted record its id in hex, and a line for each."""
    acts: list[str] = []

    def executed(
        _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool
    ) -> None:
        if not statement.startswith(DELETE):
            acts.append(statement)
            return
        for values in parameters if many else [parameters]:
            one: Any
            for one in values.values() if isinstance(values, dict) else values:
                # psycopg wraps what is bytes.
                acts.append(DELETE + bytes(getattr(one, "obj", one)).hex())

    def committed(_connection: Any) -> None:
        acts.append("COMMIT")

    event.listen(db.engine, "before_cursor_execute", executed)
    event.listen(db.engine, "commit", committed)
    try:
        yield acts
    finally:
        event.remove(db.engine, "before_cursor_execute", executed)
        event.remove(db.engine, "commit", committed)


def deletions(acts: list[str]) -> list[list[str]]:
    """The deleted records' ids, transaction by transaction."""
    found: list[list[str]] = [[]]
    for act in acts:
        if act == "COMMIT":
            found.append([])
        elif act.startswith(DELETE):
            found[-1].append(act.removeprefix(DELETE))
    return [ids for ids in found if ids]
