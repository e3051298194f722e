"""An organisation made once in a run and put again where a test only needs to have one.

Making one is an eighth of all that the tests of casework compute. Tests of the making call
`organisations.add` themselves. Same instance, names, cost and minute: what is put here differs in
nothing from what would be made, but in what was drawn by chance. Whoever patches something that
goes into it calls `organisations.add` too.
"""

from typing import Any

from flask import current_app
from sqlalchemy import Table, insert, select

from casework import audit, handover, members, organisations
from casework.organisations import Added
from reporting.database import db, transaction

# Each table's rows, in an order in which they may be inserted.
Rows = list[tuple[Table, list[dict[str, Any]]]]

_known: dict[tuple[object, ...], tuple[Added, Rows]] = {}


def organisation(slug: str, supervisor: str) -> Added:
    """What `organisations.add` gives for these."""
    instance = current_app.extensions["instance"]
    # All that goes into what is stored, besides chance: a change of any has it made again.
    key = (
        (instance.instance_id, instance.pepper, members.stretch_cost()),
        (slug, supervisor, audit.minute()),
    )
    if key not in _known:
        added = organisations.add(slug, f"Organisation {slug}", supervisor)
        _known[key] = added, _rows_of(added.organisation_id)
        return added
    added, rows = _known[key]
    _forget(added.organisation_id)
    with transaction() as session:
        for table, values in rows:
            session.execute(insert(table), values)
    return added


def _forget(organisation_id: bytes) -> None:
    """What this process remembers of it, it remembers from another test."""
    handover._MONTHS.pop(organisation_id, None)
    handover._LOOKED.discard(organisation_id)
    handover._FAILED.pop(organisation_id, None)


def _rows_of(organisation_id: bytes) -> Rows:
    found: Rows = []
    # A reading that went on would show the test nothing of what others write after it.
    with transaction() as session:
        for table in db.metadata.sorted_tables:
            name = {"organisation": "id", "audit_entry": "chain"}.get(table.name, "organisation_id")
            if name not in table.c:
                continue
            rows = session.execute(select(table).where(table.c[name] == organisation_id)).mappings()
            if values := [dict(row) for row in rows]:
                found.append((table, values))
    return found
