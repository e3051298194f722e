"""Members whom the roster names and whose record somebody took out of the table, or altered.

They are granted keys, for keys follow the roster: so they must be seen, and can be removed.
"""

from typing import Any

import pytest
import sqlalchemy
from flask import Flask
from flask.testing import FlaskClient

from casework import audit, audit_commands, credentials, invitations, keys, members
from casework.credentials import NewMember
from casework.models import Grant, Member
from casework.policy import ActionRefused
from reporting.database import db, transaction
from reporting.sealing import b64, random_id
from tests.casework import people
from tests.casework.hands import Hands
from tests.casework.people import Organisation, add_member, add_organisation, session_of
from tests.casework.planted import held, newest, plant_grant

HIDDEN = {
    "deleted": "DELETE FROM member WHERE id = :m",
    "removed": "UPDATE member SET state = 'removed' WHERE id = :m",
    "waiting": "UPDATE member SET state = 'waiting' WHERE id = :m",
    "no key": "UPDATE member SET state = 'waiting', public_key = NULL WHERE id = :m",
    "no state": "UPDATE member SET state = 'x' WHERE id = :m",
    "nowhere": "UPDATE member SET organisation_id = NULL WHERE id = :m",
    "elsewhere": "UPDATE member SET organisation_id = :o WHERE id = :m",
}
SECTION = "Named in the signed list only"
UNSIGNED = "Nobody has signed the name"


def change(statement: str, **values: bytes) -> None:
    used = {name: value for name, value in values.items() if f":{name}" in statement}
    with transaction() as session:
        session.execute(sqlalchemy.text(statement), used)


def hide(how: str, who: NewMember) -> None:
    change(HIDDEN[how], m=who.member_id, o=add_organisation("other").id)


def verify(app: Flask) -> Any:
    return app.test_cli_runner().invoke(audit_commands.audit_group, ["verify"])


@pytest.mark.parametrize("how", HIDDEN)
def test_whoever_is_hidden_is_shown_and_removed_by_the_roster(
    app: Flask, hands: Hands, organisation: Organisation, how: str
) -> None:
    karim = add_member(organisation, "supervisor", "Karim")
    hide(how, karim)
    hands.forward(days=31)
    desk = app.test_client()
    people.sign_in(desk, organisation.supervisor)
    intake = newest(organisation)[0].intake
    assert len(intake) == 2
    assert intake[-1] in held(karim.member_id), "keys follow the roster"

    page = desk.get("/staff/people").text
    section = page[page.index(SECTION) :].partition("</section>")[0]
    assert "Karim" in section
    assert "Supervisor" in section
    assert credentials.fingerprint(karim.public_key) in section
    assert UNSIGNED in section

    there = f"/staff/people/{b64(karim.member_id)}/remove"
    assert there in section
    asked = desk.get(there).text
    assert credentials.fingerprint(karim.public_key) in asked
    assert UNSIGNED in asked
    before = newest(organisation)[0]
    assert people.post(desk, there, {}, asked).status_code == 303

    now = newest(organisation)[0]
    assert set(now.members) == {organisation.supervisor.member_id}
    assert now.identity != before.identity
    assert (now.intake[-1], now.casework[-1]) != (before.intake[-1], before.casework[-1])
    assert held(karim.member_id) == frozenset()
    assert SECTION not in desk.get("/staff/people").text
    done = audit.of(db.session(), organisation.id, karim.member_id)
    assert done[-1][0] == "remove_member"


@pytest.mark.parametrize("how", HIDDEN)
def test_verify_names_them(app: Flask, organisation: Organisation, how: str) -> None:
    karim = add_member(organisation, "caseworker", "Karim")
    words = f"member {b64(karim.member_id)} is granted keys by the roster"
    assert verify(app).exit_code == 0
    hide(how, karim)
    done = verify(app)
    assert f"demo: {words} as caseworker, and has no active record" in done.output
    assert done.exit_code == 1


def test_nobody_is_shown_so_who_has_a_record(
    app: Flask, desk: FlaskClient, organisation: Organisation
) -> None:
    """The twin: neither members nor those who are invited, wait, left or are invited again."""
    for name in ("Karim", "Left", "Again"):
        add_member(organisation, "caseworker", name)
    by = session_of(organisation.supervisor)
    ids = {one.name: one.id for one in members.people(by)}
    members.remove(by, ids["Left"])
    invitations.invite_again(by, ids["Again"])
    invitations.invite(by, "caseworker", "New", organisation.id)
    invitations.enrol(organisation.id, "supervisor", "Waiting")
    assert SECTION not in desk.get("/staff/people").text
    assert verify(app).exit_code == 0


def test_the_record_that_comes_back_after_a_removal_opens_nothing(
    desk: FlaskClient, organisation: Organisation
) -> None:
    """Who hid it could bring it back for the next sign-in: the page says who that is."""
    karim = add_member(organisation, "caseworker", "Karim")
    with transaction() as session:
        row = session.get_one(Member, karim.member_id)
        kept = {column.name: getattr(row, column.name) for column in Member.__table__.columns}
        grants = [
            {column.name: getattr(one, column.name) for column in Grant.__table__.columns}
            for one in session.query(Grant).filter_by(holder_id=karim.member_id)
        ]
        session.delete(row)
    there = f"/staff/people/{b64(karim.member_id)}/remove"
    people.post(desk, there, {}, desk.get(there).text)
    with transaction() as session:
        session.add(Member(**kept))
        session.add_all([Grant(**one) for one in grants])
    page = desk.get("/staff/people").text
    assert SECTION not in page
    assert page.count("admitted by nobody") == 1
    assert len(newest(organisation)[0].casework) == 2
    assert held(karim.member_id) == {one["key_id"] for one in grants}, "old ones only"


def test_nobody_else_is_removed_by_it(organisation: Organisation) -> None:
    """Neither an unknown id, nor one of another organisation that the own roster does not name."""
    other = add_organisation("other", "Omar")
    by = session_of(organisation.supervisor)
    for wanted in (random_id(), other.supervisor.member_id):
        with pytest.raises(ActionRefused, match="unknown"):
            members.remove(by, wanted)
    assert held(other.supervisor.member_id)


def test_a_record_that_went_elsewhere_is_left_to_that_place(organisation: Organisation) -> None:
    """With what that place granted it."""
    karim = add_member(organisation, "caseworker", "Karim")
    other = add_organisation("other")
    change(HIDDEN["elsewhere"], m=karim.member_id, o=other.id)
    theirs = keys.id_of(keys.CASEWORK, plant_grant(other, karim, keys.CASEWORK, 1))
    members.remove(session_of(organisation.supervisor), karim.member_id)
    row = db.session.get_one(Member, karim.member_id)
    assert (row.state, row.name) == ("active", "Karim")
    assert held(karim.member_id) == {theirs}


def test_nobody_is_removed_twice(organisation: Organisation) -> None:
    karim = add_member(organisation, "caseworker", "Karim")
    by = session_of(organisation.supervisor)
    members.remove(by, karim.member_id)
    number = newest(organisation)[1].number
    with pytest.raises(ActionRefused, match="unknown"):
        members.remove(by, karim.member_id)
    assert newest(organisation)[1].number == number


@pytest.mark.parametrize("column", ["role", "state"])
@pytest.mark.parametrize("value", ["lead", "x"])
def test_a_planted_record_of_any_role_or_state_is_shown_and_removed(
    desk: FlaskClient, organisation: Organisation, column: str, value: str
) -> None:
    karim = add_member(organisation, "caseworker", "Karim")
    change(f"UPDATE member SET {column} = '{value}' WHERE id = :m", m=karim.member_id)
    page = desk.get("/staff/people").text
    assert ("admitted by nobody" in page) == (column == "role")
    assert (SECTION in page) == (column == "state")
    there = f"/staff/people/{b64(karim.member_id)}/remove"
    assert people.post(desk, there, {}, desk.get(there).text).status_code == 303
    assert "Karim" not in desk.get("/staff/people").text
