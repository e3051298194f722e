"""Twin of `anew`: what the other tests begin with is all that making an organisation stores."""

from collections.abc import Callable
from datetime import UTC, datetime

from flask import Flask

from reporting.database import db, transaction
from tests.casework import anew
from tests.casework.lost import everything


def empty() -> None:
    with transaction() as session:
        for table in reversed(db.metadata.sorted_tables):
            session.execute(table.delete())


def test_what_is_put_again_is_all_that_was_made(
    app: Flask, clock_at: Callable[[datetime], None]
) -> None:
    clock_at(datetime(2026, 3, 1, 12, tzinfo=UTC))
    assert everything() == []
    added = anew.organisation("again", "Sana")
    made = everything()
    empty()
    assert everything() == []
    assert anew.organisation("again", "Sana") is added
    assert sorted(map(repr, everything())) == sorted(map(repr, made))
    # Another name, or another minute, is another organisation.
    other = anew.organisation("other", "Rana")
    empty()
    clock_at(datetime(2026, 3, 1, 12, 1, tzinfo=UTC))
    later = anew.organisation("again", "Sana")
    assert len({one.organisation_id for one in (added, other, later)}) == 3
