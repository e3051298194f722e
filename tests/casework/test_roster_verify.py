"""What `upstander audit verify` says of rosters."""

import pytest
import sqlalchemy
from flask import Flask

from casework import (
    audit_commands,
    keys,
    members,
)
from reporting.database import transaction
from reporting.sealing import b64, random_key
from tests.casework.people import Organisation, add_member, session_of
from tests.casework.planted import plant_grant, plant_member


class TestVerify:
    """The first wrong one, and what is beside the newest."""

    @pytest.mark.parametrize(
        ("statement", "wrong"),
        [
            ("DELETE FROM roster WHERE organisation_id = :o AND number = 2", 2),
            ("DELETE FROM roster WHERE organisation_id = :o AND number > 2", 0),
            ("DELETE FROM roster WHERE organisation_id = :o", 1),
            ("UPDATE roster SET signature = :s WHERE organisation_id = :o AND number = 3", 3),
            ("UPDATE organisation SET identity_key = :k WHERE id = :o", 4),
            ("UPDATE organisation SET closed = closed WHERE id = :o", 0),
        ],
    )
    def test_verify_names_the_first_wrong_one(
        self, app: Flask, organisation: Organisation, statement: str, wrong: int
    ) -> None:
        gone = [add_member(organisation, "caseworker", name) for name in ("One", "Two")]
        members.remove(session_of(organisation.supervisor), gone[0].member_id)
        values = {"o": organisation.id, "s": bytes(64), "k": random_key()}
        with transaction() as session:
            used = {name: value for name, value in values.items() if f":{name}" in statement}
            session.execute(sqlalchemy.text(statement), used)
        done = app.test_cli_runner().invoke(audit_commands.audit_group, ["verify"])
        assert ("rosters, whole" in done.output) == (not wrong)
        if wrong:
            assert f"demo: roster {wrong} is missing or not signed" in done.output
            assert done.exit_code == 1

    def test_verify_names_what_is_beside_the_roster(
        self, app: Flask, organisation: Organisation
    ) -> None:
        verify = [audit_commands.audit_group, ["verify"]]
        whole = app.test_cli_runner().invoke(*verify)
        assert whole.exit_code == 0
        mallory = plant_member(organisation)
        own = plant_grant(organisation, organisation.supervisor, keys.CASEWORK, 2)
        done = app.test_cli_runner().invoke(*verify)
        assert f"demo: member {b64(mallory.member_id)} is not in the roster" in done.output
        granted = b64(keys.id_of(keys.CASEWORK, own))
        holder = b64(organisation.supervisor.member_id)
        assert f"demo: grant to {holder} is of {granted}, no key" in done.output
        assert done.exit_code == 1
