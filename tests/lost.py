"""A commit that goes through while its answer is lost, and a database that is away.

The database keeps what was written, as after a cut connection. Nothing here may undo it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import event

from reporting import submission
from reporting.database import db


@contextmanager
def answers(*, away: bool = False) -> Iterator[list[str]]:
    """Lose the answer of each write; `away`: nothing after it reaches the database either.

    Gives what was lost, so that a test sees that anything was.
    """
    lost: list[str] = []
    engine = db.engine
    commit, cut = engine.dialect.do_commit, engine.dialect.loaded_dbapi.OperationalError

    def committed(connection: Any) -> None:
        commit(connection)
        if db.session().info.get("writing"):
            lost.append("commit")
            raise cut("the connection is closed")

    def asked(*_given: object) -> None:
        if away and lost:
            raise cut("no connection")

    event.listen(engine, "before_cursor_execute", asked)
    try:
        with patch.object(engine.dialect, "do_commit", committed):
            yield lost
    finally:
        event.remove(engine, "before_cursor_execute", asked)


@contextmanager
def away(*, after_known: bool = False) -> Iterator[None]:
    """The database is away: from the first question, or once an addition was known."""
    with answers(away=True) as lost, pytest.MonkeyPatch.context() as patched:
        is_known = submission.is_known

        def known(name: bytes) -> bool:
            found = is_known(name)
            lost.append("away")
            return found

        if after_known:
            patched.setattr(submission, "is_known", known)
        else:
            lost.append("away")
        yield
        assert lost == ["away"]
