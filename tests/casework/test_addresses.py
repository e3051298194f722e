"""Where notices go: each member sets, changes and removes their own address."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from casework import audit, members
from casework.models import AuditEntry, Member
from casework.sessions import Session
from reporting.database import db
from tests.casework import people
from tests.casework.people import Organisation

PLACE = "/staff/profile/address"


@pytest.fixture
def browser(client: FlaskClient, organisation: Organisation) -> FlaskClient:
    """The browser of the signed-in supervisor."""
    assert people.sign_in(client, organisation.supervisor).status_code == 303
    return client


def save(browser: FlaskClient, email: str) -> tuple[int, str]:
    page = browser.get("/staff/profile").text
    answer = people.post(browser, PLACE, {"email": email}, page)
    return answer.status_code, answer.text


def address_of(member_id: bytes) -> str | None:
    db.session.expire_all()
    return db.session.get_one(Member, member_id).email


def test_a_member_sets_changes_and_removes_their_address(
    browser: FlaskClient, organisation: Organisation
) -> None:
    me = organisation.supervisor.member_id
    for typed, kept in [
        ("sana@help.invalid", "sana@help.invalid"),
        (" s@h.invalid ", "s@h.invalid"),
    ]:
        assert save(browser, typed)[0] == 303
        assert address_of(me) == kept
        assert f'value="{kept}"' in browser.get("/staff/profile").text
    # Saved as it stands, nothing happened.
    save(browser, "s@h.invalid")
    save(browser, "")
    assert address_of(me) is None
    done = audit.of(db.session(), organisation.id, me)
    assert [detail for action, detail in done if action == "change_address"] == [{}, {}, {}]
    written = b"".join(db.session.scalars(select(AuditEntry.entry)))
    assert b"change_address" in written
    assert b".invalid" not in written


@pytest.mark.parametrize(
    "typed", ["sana", "a@b.invalid\nBcc: c@d.invalid", f"{'a' * 250}@b.invalid"]
)
def test_what_is_no_address_is_refused_beside_its_field(
    browser: FlaskClient, organisation: Organisation, typed: str
) -> None:
    save(browser, "sana@help.invalid")
    status, page = save(browser, typed)
    assert status == 422
    assert "<title>Error: My profile" in page
    assert 'href="#email"' in page
    assert 'aria-describedby="email-hint wrong-email" aria-invalid="true"' in page
    assert typed.partition("\n")[0] in page
    assert address_of(organisation.supervisor.member_id) == "sana@help.invalid"
    fields = {"name": "Karim", "role": "caseworker", "email": typed}
    refused = people.post(browser, "/staff/people/invite", fields, page)
    assert refused.status_code == 422
    assert 'href="#email"' in refused.text
    assert 'value="Karim"' in refused.text


def test_who_has_no_queue_is_not_asked(app: Flask, client: FlaskClient) -> None:
    people.sign_in(client, people.add_lead())
    page = client.get("/staff/profile").text
    assert PLACE not in page
    assert people.post(client, PLACE, {"email": "a@b.invalid"}, page).status_code == 403


def test_the_address_of_who_is_removed_goes(
    browser: FlaskClient, app: Flask, organisation: Organisation, sana: Session
) -> None:
    karim = people.add_member(organisation, "caseworker", "Karim")
    his = app.test_client()
    people.sign_in(his, karim)
    save(his, "karim@help.invalid")
    assert address_of(karim.member_id) == "karim@help.invalid"
    members.remove(sana, karim.member_id)
    assert address_of(karim.member_id) is None
