"""What a supervisor is shown of a roster that does not fit."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from casework import credentials, invitations, members, roster
from casework.models import Member, RosterRow
from casework.people import shown
from reporting.database import db, transaction
from reporting.sealing import b64
from tests.casework import people
from tests.casework.people import Organisation, add_member, session_of
from tests.casework.planted import plant_member


class TestPage:
    """The people page."""

    def test_a_planted_member_is_shown_as_admitted_by_nobody(
        self, app: Flask, organisation: Organisation
    ) -> None:
        add_member(organisation, "caseworker", "Karim")
        client = app.test_client()
        people.sign_in(client, organisation.supervisor)
        assert "admitted by nobody" not in client.get("/staff/people").text
        mallory = plant_member(organisation)
        page = client.get("/staff/people").text
        assert page.count("admitted by nobody") == 1
        there = f"/staff/people/{b64(mallory.member_id)}/remove"
        assert people.post(client, there, {}, client.get(there).text).status_code == 303
        assert "admitted by nobody" not in client.get("/staff/people").text

    @pytest.mark.parametrize("act", ["admit", "remove", "invite_again"])
    @pytest.mark.parametrize("moment", ["roster", "people"])
    def test_whoever_comes_or_goes_while_it_is_read_is_no_stranger(
        self,
        app: Flask,
        organisation: Organisation,
        monkeypatch: pytest.MonkeyPatch,
        moment: str,
        act: str,
    ) -> None:
        """A page that says "admitted by nobody … remove them" of a colleague would be obeyed."""
        new = invitations.enrol(organisation.id, "caseworker", "New")
        if act != "admit":
            members.admit(session_of(organisation.supervisor), new.member_id, "caseworker",
                          credentials.fingerprint(new.public_key))  # fmt: skip
        mallory = plant_member(organisation)
        by = session_of(organisation.supervisor)
        db.session.rollback()

        def meanwhile() -> None:
            with app.app_context():
                other = session_of(organisation.supervisor)
                if act == "admit":
                    fingerprint = credentials.fingerprint(new.public_key)
                    members.admit(other, new.member_id, "caseworker", fingerprint)
                elif act == "remove":
                    members.remove(other, new.member_id)
                else:
                    invitations.invite_again(other, new.member_id)

        place, name = (roster, "follow") if moment == "roster" else (members, "people")
        asked = getattr(place, name)

        def then_act(*arguments: Any) -> Any:
            found = asked(*arguments)
            monkeypatch.setattr(place, name, asked)
            with ThreadPoolExecutor(1) as pool:
                pool.submit(meanwhile).result()
            return found

        monkeypatch.setattr(place, name, then_act)
        found = shown(by)
        assert set(found.altered) == {mallory.member_id}
        assert not found.unrecorded

    def test_nobody_is_invited_whose_link_would_not_be_shown(
        self, app: Flask, organisation: Organisation
    ) -> None:
        """The page after it is refused when the line is broken, and a link is shown only once."""
        karim = add_member(organisation, "caseworker", "Karim")
        client = app.test_client()
        people.sign_in(client, organisation.supervisor)
        page = client.get("/staff/people").text
        with transaction() as session:
            session.get_one(RosterRow, (organisation.id, 2)).content += b" "
        fields = {"name": "New", "role": "caseworker"}
        again = f"/staff/people/{b64(karim.member_id)}/invite-again"
        for path in ("/staff/people/invite", again):
            assert people.post(client, path, fields, page).status_code == 409
        assert db.session.scalars(select(Member.state)).all() == ["active", "active"]
        with transaction() as session:
            row = session.get_one(RosterRow, (organisation.id, 2))
            row.content = row.content[:-1]
        for path in ("/staff/people/invite", again):
            assert "/staff/invitation/" in people.post(client, path, fields, page).text

    def test_a_broken_line_is_said_and_nothing_granted(
        self, app: Flask, organisation: Organisation
    ) -> None:
        client = app.test_client()
        people.sign_in(client, organisation.supervisor)
        with transaction() as session:
            session.get_one(RosterRow, (organisation.id, 1)).content += b" "
        answer = client.get("/staff/people")
        assert answer.status_code == 409
        assert "The list of members is not as you last saw it" in answer.text
