"""Records of members that somebody altered: pages stay up, say so, and remove them."""

from collections.abc import Iterator

import pytest
import sqlalchemy
from flask import Flask
from flask.testing import FlaskClient

from casework import credentials, invitations, members
from reporting.database import transaction
from reporting.sealing import b64
from tests.casework import people
from tests.casework.people import Organisation, add_member, session_of
from tests.casework.planted import newest


def change(statement: str, member_id: bytes) -> None:
    with transaction() as session:
        session.execute(sqlalchemy.text(f"{statement} WHERE id = :m"), {"m": member_id})


def row_of(page: str, name: str) -> str:
    """What the table of everybody says of one person."""
    table = page[page.index('id="all-title"') :]
    return table[table.index(f"<bdi>{name}</bdi>") :].partition("</tr>")[0]


@pytest.fixture(autouse=True)
def connections_closed(app: Flask) -> Iterator[None]:
    """What a test's application leaves open is closed by whichever rubbish is collected first."""
    yield
    app.extensions["redis"].close()


@pytest.fixture
def client(app: Flask, organisation: Organisation) -> FlaskClient:
    """The supervisor's browser."""
    found = app.test_client()
    people.sign_in(found, organisation.supervisor)
    return found


def test_whoever_waits_without_a_key_cannot_be_admitted(
    client: FlaskClient, organisation: Organisation
) -> None:
    new = invitations.enrol(organisation.id, "caseworker", "Karim")
    admit = f"/staff/people/{b64(new.member_id)}/admit"
    assert admit in client.get("/staff/people").text
    change("UPDATE member SET public_key = NULL", new.member_id)
    page = client.get("/staff/people").text
    assert admit not in page
    assert "altered: no key" in row_of(page, "Karim")
    assert f"/staff/people/{b64(new.member_id)}/remove" in row_of(page, "Karim")
    assert "altered" not in row_of(page, organisation.supervisor.name)


def test_whom_the_roster_names_is_not_admitted_again(
    client: FlaskClient, organisation: Organisation
) -> None:
    """Their grants are there still; whoever was invited again is named no more, and is admitted."""
    karim = add_member(organisation, "caseworker", "Karim")
    change("UPDATE member SET state = 'waiting'", karim.member_id)
    page = client.get("/staff/people").text
    admit = f"/staff/people/{b64(karim.member_id)}/admit"
    assert admit not in page
    assert "altered" in row_of(page, "Karim")
    number = newest(organisation)[1].number
    fields = {"compared": "yes", "role": "caseworker"}
    fields["fingerprint"] = credentials.fingerprint(karim.public_key)
    answer = people.post(client, admit, fields, page)
    assert answer.status_code == 409
    assert "already in the signed list" in answer.text
    assert newest(organisation)[1].number == number


def test_a_name_that_somebody_took_beforehand_keeps_nobody(organisation: Organisation) -> None:
    karim = add_member(organisation, "caseworker", "Karim")
    other = add_member(organisation, "caseworker", "Other")
    taken = f"removed {b64(karim.member_id)}"
    change(f"UPDATE member SET sign_in_name = '{taken}'", other.member_id)
    members.remove(session_of(organisation.supervisor), karim.member_id)
    assert karim.member_id not in newest(organisation)[0].members
