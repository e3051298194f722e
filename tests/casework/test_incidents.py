"""An incident: made of a report, opened and noted on by colleagues, and nobody else's."""

import pytest
from sqlalchemy import select

from analytics.models import Record, RecordCode
from casework import admission, audit, handover, incidents, linking, reports, triage
from casework.policy import ActionRefused
from casework.sessions import Session
from reporting.database import db
from reporting.sealing import random_id
from tests.casework import people, sent
from tests.casework.decided import closed, made, recorded, work_of
from tests.casework.people import Organisation


def test_a_report_becomes_a_record(sana: Session) -> None:
    one = sent.send()
    incident_id = made(sana, one)
    closed(sana, incident_id)
    assert recorded() == 0
    assert handover.waiting(sana) == 1
    assert handover.hand_over(sana) == 1
    assert handover.waiting(sana) == 0
    row = db.session.scalars(select(Record)).one()
    assert (row.ref_year, row.month, row.country) == (2025, "2025-03", "DE")
    assert (row.type, row.setting) == ("af.threat", "loc.transport")
    codes = {(c.field, c.code) for c in db.session.scalars(select(RecordCode))}
    assert ("motive", "b.language") in codes
    assert [m.get("status") for m in sent.messages(one)] == ["being_read", "finished"]
    assert audit.verify(sana.organisation_id or b"") is None


def test_a_colleague_with_the_same_keys_opens_everything(
    sana: Session, organisation: Organisation
) -> None:
    incident_id = made(sana, sent.send())
    ben = people.session_of(people.add_member(organisation, "caseworker", "Ben"))
    opened = incidents.open_incident(ben, incident_id)
    assert opened.threads[0][1].first.body.text == sent.ANSWERS["what_happened"]


def test_another_organisation_sees_nothing(sana: Session) -> None:
    one = sent.send()
    incident_id = made(sana, one)
    other = people.session_of(people.add_organisation("other").supervisor)
    for attempt in (
        lambda: reports.open_report(other, one.report_id),
        lambda: reports.open_file(other, one.report_id, 0),
        lambda: incidents.open_incident(other, incident_id),
        lambda: triage.claim(other, one.report_id, 1),
        lambda: incidents.close(other, incident_id, 1),
        lambda: linking.unlink(other, one.report_id, 1),
    ):
        with pytest.raises(ActionRefused) as refused:
            attempt()
        assert refused.value.reason == "unknown"
    assert triage.page(other, triage.Filters(view="all")).lines == ()


def test_notes_have_revisions_and_conflicts(sana: Session) -> None:
    incident_id = made(sana, sent.send())
    item = random_id()
    incidents.save_note(sana, incident_id, item, 0, "First\nline")
    incidents.save_note(sana, incident_id, item, 0, "First\nline")
    incidents.save_note(sana, incident_id, item, 1, "Second")
    with pytest.raises(ActionRefused) as refused:
        incidents.save_note(sana, incident_id, item, 1, "Third")
    assert refused.value.reason == "version"
    notes = incidents.open_incident(sana, incident_id).notes
    assert [(n.revision, n.value["text"]) for n in notes] == [(2, "Second")]


def test_every_opening_is_in_the_chain(sana: Session) -> None:
    one = sent.send()
    admission.admit_new(sana)
    reports.open_report(sana, one.report_id)
    incident_id = linking.new_incident(sana, one.report_id, work_of(one).version)
    incidents.open_incident(sana, incident_id)
    chain = sana.organisation_id or b""
    session = db.session()
    assert [a for a, _ in audit.of(session, chain, one.report_id)].count("open_report") == 2
    assert "open_incident" in [a for a, _ in audit.of(session, chain, incident_id)]
    assert audit.verify(chain) is None
