"""Records of members that somebody altered: pages stay up, say so, and remove them."""

import pytest
import sqlalchemy
from flask import Flask
from flask.testing import FlaskClient

from casework import audit_commands, credentials, invitations, members
from casework.policy import ActionRefused
from reporting.database import transaction
from reporting.sealing import b64
from tests.casework import people
from tests.casework.people import Organisation, add_lead, add_member, session_of
from tests.casework.planted import newest


def change(statement: str, member_id: bytes) -> None:
    with transaction() as session:
        session.execute(sqlalchemy.text(f"{statement} WHERE id = :m"), {"m": member_id})


def row_of(page: str, name: str) -> str:
    """What the table of everybody says of one person."""
    table = page[page.index('id="all-title"') :]
    return table[table.index(f"<bdi>{name}</bdi>") :].partition("</tr>")[0]


def test_whoever_waits_without_a_key_cannot_be_admitted(
    desk: FlaskClient, organisation: Organisation
) -> None:
    new = invitations.enrol(organisation.id, "caseworker", "Karim")
    admit = f"/staff/people/{b64(new.member_id)}/admit"
    assert admit in desk.get("/staff/people").text
    change("UPDATE member SET public_key = NULL", new.member_id)
    page = desk.get("/staff/people").text
    assert admit not in page
    assert "altered: no key" in row_of(page, "Karim")
    assert f"/staff/people/{b64(new.member_id)}/remove" in row_of(page, "Karim")
    assert "altered" not in row_of(page, organisation.supervisor.name)


def test_whom_the_roster_names_is_not_admitted_again(
    desk: FlaskClient, organisation: Organisation
) -> None:
    """Their grants are there still; whoever was invited again is named no more, and is admitted."""
    karim = add_member(organisation, "caseworker", "Karim")
    change("UPDATE member SET state = 'waiting'", karim.member_id)
    page = desk.get("/staff/people").text
    admit = f"/staff/people/{b64(karim.member_id)}/admit"
    assert admit not in page
    assert "altered" in row_of(page, "Karim")
    number = newest(organisation)[1].number
    fields = {"compared": "yes", "role": "caseworker"}
    fields["fingerprint"] = credentials.fingerprint(karim.public_key)
    answer = people.post(desk, admit, fields, page)
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


@pytest.fixture
def instance_desk(app: Flask) -> FlaskClient:
    """An administrator's browser."""
    found = app.test_client()
    people.sign_in(found, people.add_administrator())
    return found


def removed_by(desk: FlaskClient, member_id: bytes) -> int:
    there = f"/staff/people/{b64(member_id)}/remove"
    return people.post(desk, there, {}, desk.get(there).text).status_code


@pytest.mark.parametrize("by_supervisor", [True, False])
def test_an_administrator_removes_whoever_was_moved_out_of_an_organisation(
    desk: FlaskClient, instance_desk: FlaskClient, organisation: Organisation, by_supervisor: bool
) -> None:
    """Before or after the supervisor took them off the roster, and neither undoes the other."""
    karim = add_member(organisation, "caseworker", "Karim")
    change("UPDATE member SET organisation_id = NULL", karim.member_id)
    if by_supervisor:
        assert removed_by(desk, karim.member_id) == 303
    page = instance_desk.get("/staff/people").text
    assert "altered" in row_of(page, "Karim")
    assert "invite-again" not in row_of(page, "Karim")
    assert removed_by(instance_desk, karim.member_id) == 303
    assert "Karim" not in instance_desk.get("/staff/people").text
    if not by_supervisor:
        assert removed_by(desk, karim.member_id) == 303
    assert karim.member_id not in newest(organisation)[0].members


def test_an_administrator_removes_a_lead_of_an_unknown_role(instance_desk: FlaskClient) -> None:
    lea, other = add_lead("Lea"), add_lead("Other")
    change("UPDATE member SET role = 'x'", lea.member_id)
    page = instance_desk.get("/staff/people").text
    assert "altered" in row_of(page, "Lea")
    assert "altered" not in row_of(page, "Other")
    assert f"{b64(other.member_id)}/invite-again" in page
    assert removed_by(instance_desk, lea.member_id) == 303
    assert removed_by(instance_desk, lea.member_id) == 404


def test_a_lead_who_is_made_to_wait_is_shown_altered(instance_desk: FlaskClient) -> None:
    lea = add_lead("Lea")
    change("UPDATE member SET state = 'waiting'", lea.member_id)
    page = instance_desk.get("/staff/people").text
    assert "altered" in row_of(page, "Lea")
    assert "/admit" not in page


def test_nobody_but_they_removes_leads_and_administrators(organisation: Organisation) -> None:
    """Neither a member of an organisation, nor a lead, whatever role the record has."""
    lea, ada = add_lead("Lea"), people.add_administrator()
    karim = add_member(organisation, "caseworker", "Karim")
    change("UPDATE member SET role = 'x'", ada.member_id)
    for by in (organisation.supervisor, karim, lea):
        with pytest.raises(ActionRefused, match="unknown"):
            members.remove(session_of(by), ada.member_id)
    with pytest.raises(ActionRefused, match="unknown"):
        members.remove(session_of(lea), organisation.supervisor.member_id)
    with pytest.raises(ActionRefused, match="unknown"):
        members.remove(session_of(karim), organisation.supervisor.member_id)


NEW_KEYS = "New keys are made"


def remove(desk: FlaskClient, member_id: bytes) -> str:
    """The page after a removal."""
    there = f"/staff/people/{b64(member_id)}/remove"
    answer = people.post(desk, there, {}, desk.get(there).text)
    return desk.get(answer.location).text


@pytest.mark.parametrize("how", ["public_key = NULL", "public_key = NULL, state = 'waiting'"])
def test_it_says_that_new_keys_are_made_whatever_the_record_says(
    desk: FlaskClient, organisation: Organisation, how: str
) -> None:
    karim = add_member(organisation, "caseworker", "Karim")
    change(f"UPDATE member SET {how}", karim.member_id)
    there = f"/staff/people/{b64(karim.member_id)}/remove"
    assert NEW_KEYS in desk.get(there).text
    before = newest(organisation)[0]
    assert "New keys were made" in remove(desk, karim.member_id)
    assert newest(organisation)[0].intake[-1] != before.intake[-1]


def test_it_does_not_say_so_where_none_are_made(
    desk: FlaskClient, instance_desk: FlaskClient, organisation: Organisation
) -> None:
    """The twin: of whoever only waits, and of those who hold none."""
    new = invitations.enrol(organisation.id, "caseworker", "Karim")
    before = newest(organisation)[0]
    for browser, member_id in ((desk, new.member_id), (instance_desk, add_lead().member_id)):
        assert NEW_KEYS not in browser.get(f"/staff/people/{b64(member_id)}/remove").text
        done = remove(browser, member_id)
        assert "Removed." in done
        assert "New keys" not in done
    assert newest(organisation)[0].intake == before.intake


def test_whoever_was_invited_again_and_then_hidden_is_shown_and_removed(
    app: Flask, desk: FlaskClient, organisation: Organisation
) -> None:
    """The roster names them no more, and they knew the keys: only a removal makes new ones."""
    karim = add_member(organisation, "caseworker", "Karim")
    invitations.invite_again(session_of(organisation.supervisor), karim.member_id)
    verify = app.test_cli_runner().invoke(audit_commands.audit_group, ["verify"])
    assert verify.exit_code == 0
    change("UPDATE member SET state = 'removed'", karim.member_id)
    verify = app.test_cli_runner().invoke(audit_commands.audit_group, ["verify"])
    assert f"demo: member {b64(karim.member_id)} is removed, and nobody did it" in verify.output
    assert verify.exit_code == 1
    said = row_of(desk.get("/staff/people").text, "Karim")
    assert "altered" in said
    assert "invite-again" not in said
    before = newest(organisation)[0]
    assert "New keys were made" in remove(desk, karim.member_id)
    assert newest(organisation)[0].casework[-1] != before.casework[-1]
    assert "Karim" not in desk.get("/staff/people").text
    verify = app.test_cli_runner().invoke(audit_commands.audit_group, ["verify"])
    assert verify.exit_code == 0


def test_a_lead_who_was_hidden_as_removed_is_shown(instance_desk: FlaskClient) -> None:
    lea = add_lead("Lea")
    change("UPDATE member SET state = 'removed'", lea.member_id)
    assert "altered" in row_of(instance_desk.get("/staff/people").text, "Lea")
    assert removed_by(instance_desk, lea.member_id) == 303
    assert "Lea" not in instance_desk.get("/staff/people").text
