"""What a supervisor is shown of a roster that does not fit."""

from flask import Flask

from casework.models import RosterRow
from reporting.database import transaction
from reporting.sealing import b64
from tests.casework import people
from tests.casework.people import Organisation, add_member
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
