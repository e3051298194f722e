"""What members add to an incident: an id a form sends names nothing but what it may name."""

import pytest
from sqlalchemy import select

from casework import incidents
from casework.models import Item
from casework.policy import ActionRefused
from casework.sessions import Session
from reporting.database import db
from tests.casework import sent
from tests.casework.test_incidents import counted, made


def item_of(kind: str) -> Item:
    return db.session.scalars(select(Item).where(Item.kind == kind)).one()


@pytest.mark.parametrize("revision", [0, 1])
@pytest.mark.parametrize("kind", ["coding", "record"])
def test_a_note_does_not_take_the_place_of_another_item(
    sana: Session, kind: str, revision: int
) -> None:
    """The chain would say that the coding is a note, and the incident open no more."""
    incident_id = made(sana, sent.send())
    with pytest.raises(ActionRefused) as refused:
        incidents.save_note(sana, incident_id, item_of(kind).item_id, revision, "Mine now")
    assert refused.value.reason == ("version" if revision else "unknown")
    opened = incidents.open_incident(sana, incident_id)
    assert (opened.altered, opened.notes) == ((), ())


def test_an_answer_does_not_take_the_place_of_what_names_the_record(sana: Session) -> None:
    """Of that item older revisions go, and so the first one does not tell that there is one."""
    one, incident_id = counted(sana)
    item = item_of("record")
    assert item.revision > 1
    told = len(sent.messages(one))
    with pytest.raises(ActionRefused) as refused:
        incidents.answer(sana, incident_id, one.report_id, item.item_id, "Which line?", "question")
    assert refused.value.reason == "unknown"
    assert len(sent.messages(one)) == told
    assert incidents.open_incident(sana, incident_id).altered == ()
