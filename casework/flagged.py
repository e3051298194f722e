"""Incidents that are flagged as waiting: for a record to be put or withdrawn (sealing.md 7).

Asked at every request of a signed-in member, so each question goes by the partial index of the
flag. Plain columns only; nothing is opened here.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, literal_column, select

from casework.models import Incident
from casework.policy import IncidentState
from casework.sessions import Session
from reporting.database import db

# As many incidents are opened and prepared at a time as fit well into one request.
AT_ONCE = 200
# As the partial index says it: `waits IS 1` would not be seen to mean the same.
_WAITS: ColumnElement[Any] = literal_column("incident.waits")


def count(session: Session, state: IncidentState) -> int:
    """How many of one state wait."""
    mine = Incident.organisation_id == session.organisation_id
    query = select(func.count()).where(mine, _WAITS, Incident.state == state)
    return db.session().scalar(query) or 0


def batches(session: Session, *states: IncidentState) -> Iterator[list[bytes]]:
    """The ids of those in these states, each once, even if it goes on waiting."""
    last = b""
    while True:
        values = {"organisation": session.organisation_id, "last": last, "limit": AT_ONCE}
        ids = list(db.session().scalars(_following(states), values))
        if not ids:
            return
        yield ids
        last = ids[-1]


def reopened() -> Select[bytes]:
    """Those that are not closed, of the bound `organisation`: a hand-over does not take them."""
    return _of(IncidentState.OPEN, IncidentState.CODED)


@cache
def _following(states: tuple[IncidentState, ...]) -> Select[bytes]:
    following = _of(*states).where(Incident.id > bindparam("last"))
    return following.order_by(Incident.id).limit(bindparam("limit"))


def _of(*states: IncidentState) -> Select[bytes]:
    """Says which states not, else SQLite takes the index of the list and reads all in these."""
    others = [state for state in IncidentState if state not in states]
    return select(Incident.id).where(
        Incident.organisation_id == bindparam("organisation"),
        _WAITS,
        Incident.state.not_in(others),
    )
