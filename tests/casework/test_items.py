"""What members add to an incident: an id a form sends names nothing but what it may name."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from casework import incidents
from casework.models import Item
from casework.policy import ActionRefused
from casework.sessions import Session
from reporting import clock
from reporting.database import db, transaction
from reporting.sealing import b64, random_id
from tests.casework import sent
from tests.casework.decided import counted, made
from tests.casework.people import Organisation, sign_in


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


def note_in(session: Session) -> bytes:
    """An incident with a note of that member's."""
    incident_id = made(session, sent.send())
    incidents.save_note(session, incident_id, random_id(), 0, "Called back.")
    return incident_id


def test_a_note_says_who_wrote_it_and_when(sana: Session) -> None:
    (note,) = incidents.open_incident(sana, note_in(sana)).notes
    assert (note.author_id, note.day, note.altered) == (sana.member_id, clock.today(), False)


@pytest.mark.parametrize("column", [one.key for one in Item.__table__.columns][1:])
def test_nothing_of_a_note_is_changed_unseen(sana: Session, column: str) -> None:
    """Whoever writes to the database could else put a colleague's name on it, or another day."""
    incident_id = note_in(sana)
    with transaction():
        row = item_of("note")
        before: Any = getattr(row, column)
        change: dict[type, Any] = {
            bytes: lambda: bytes(len(before)),
            int: lambda: before + 1,
            str: lambda: "answer",
        }
        setattr(row, column, change[type(before)]())
    assert len(incidents.open_incident(sana, incident_id).altered) == 1


def test_a_note_that_does_not_open_is_in_nobodys_name(
    client: FlaskClient, organisation: Organisation, sana: Session
) -> None:
    sign_in(client, organisation.supervisor)
    place = f"/staff/incidents/{b64(note_in(sana))}"
    signed = re.compile(r'<p class="day">(.*?)</p>\s*<p class="said"')

    def signature() -> str:
        (found,) = signed.findall(client.get(place).get_data(as_text=True))
        return re.sub("<[^>]*>", "", found)

    assert signature().startswith(organisation.supervisor.name)
    with transaction():
        row = item_of("note")
        row.boxed = bytes(len(row.boxed))
    assert signature() == "–, –"
