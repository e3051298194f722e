"""What the services ask of the database: nothing twice, and no more for many than for few."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from casework import admission, handover, incidents, linking, reports
from casework.models import AuditEntry, Incident, Item
from casework.sessions import Session
from reporting.database import db, transaction
from reporting.sealing import b64
from tests import acts
from tests.casework import sent
from tests.casework.decided import closed, incident_of, made, recorded, work_of


def asked(service: Callable[..., object], *arguments: Any) -> list[str]:
    """The statements of one call, without what begins and ends its transactions."""
    with acts.seen() as seen:
        service(*arguments)
    return [act for act in seen if not act.startswith(("BEGIN", "COMMIT"))]


def read(statements: list[str]) -> Counter[str]:
    return Counter(one for one in statements if one.startswith("SELECT"))


def test_nothing_is_asked_twice(sana: Session) -> None:
    one = sent.send()
    admission.admit_new(sana)
    version = work_of(one).version
    done = {"new_incident": asked(linking.new_incident, sana, one.report_id, version)}
    (incident_id,) = db.session.scalars(select(Incident.id))
    opened = incidents.open_incident(sana, incident_id)
    chosen = replace(opened.coding, certainty="V2")
    done["save_coding"] = asked(incidents.save_coding, sana, incident_id, 1, chosen)
    done["close"] = asked(incidents.close, sana, incident_id, 2)
    twice = {name: [text for text, n in read(all_).items() if n > 1] for name, all_ in done.items()}
    assert twice == {"new_incident": [], "save_coding": [], "close": []}
    # The twin: what is looked for again is found here.
    with transaction() as database, acts.seen() as seen:
        for _ in range(2):
            reports.find(database, sana, one.report_id)
    assert list(read(seen).values()) == [2]
    most = {"new_incident": 17, "save_coding": 9, "close": 14}
    assert {name: len(all_) for name, all_ in done.items() if len(all_) > most[name]} == {}


@pytest.mark.parametrize("together", [50, 1])
def test_a_hand_over_reads_many_as_it_reads_few(
    sana: Session, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr(handover, "_OPEN_AT_ONCE", together)
    reads = []
    for count in (2, 6):
        for _ in range(count):
            closed(sana, made(sana, sent.send()))
        reads.append(read(asked(handover.hand_over, sana)).total())
    assert recorded() == 8
    # The twin opens one after the other.
    assert (reads[0] == reads[1]) == (together == 50)


def test_many_that_are_handed_over_are_named_in_the_order_of_their_ids(sana: Session) -> None:
    ids = sorted(made(sana, sent.send()) for _ in range(5))
    for incident_id in ids:
        closed(sana, incident_id)
    before = db.session.query(AuditEntry).count()
    handover.hand_over(sana)
    chain = select(AuditEntry.subject).where(AuditEntry.chain == sana.organisation_id)
    named = db.session.scalars(chain.order_by(AuditEntry.seq)).all()
    assert [b64(one) for one in named[-6:-1] if one] == [b64(one) for one in ids]
    assert db.session.query(AuditEntry).count() == before + 6


@pytest.mark.parametrize("planted", [True, False])
def test_a_new_revision_comes_after_whatever_stands_under_its_id(
    sana: Session, *, planted: bool
) -> None:
    """A row that somebody put in its way, of another kind, must not stop the next coding."""
    incident_id = made(sana, sent.send())
    opened = incidents.open_incident(sana, incident_id)
    if planted:
        item = db.session.scalars(select(Item).where(Item.kind == "coding")).one()
        row = {column.key: getattr(item, column.key) for column in Item.__table__.columns}
        with transaction() as database:
            database.add(Item(**{**row, "revision": 2, "kind": "note"}))
    chosen = replace(opened.coding, certainty="V2")
    incidents.save_coding(sana, incident_id, incident_of(incident_id).version, chosen)
    opened = incidents.open_incident(sana, incident_id)
    assert opened.coding.certainty == "V2"
    assert opened.coded.revision == (3 if planted else 2)
    assert opened.altered == ()
