"""Members: who may look after whom, and admission to the very key that was shown."""

import threading

import pytest
from flask import Flask
from sqlalchemy import select

from casework import audit, credentials, invitations, members
from casework.credentials import Cost, NewMember
from casework.models import Grant, Member
from casework.policy import ActionRefused
from reporting.database import db, transaction
from reporting.sealing import (
    b64,
    random_id,
)
from tests.casework.people import (
    add_administrator,
    add_lead,
    add_member,
    add_organisation,
    session_of,
)

CHEAP = Cost(memory_kib=64, passes=1)


@pytest.mark.database
class TestWhoMayManage:
    """Supervisors their organisation, administrators leads and their like, nobody else."""

    @pytest.mark.parametrize("role", ["lead", "administrator", "caseworker"])
    def test_supervisor_of_one_organisation_invites_nobody_elsewhere(
        self, app: Flask, role: str
    ) -> None:
        one, two = add_organisation("one"), add_organisation("two")
        by = session_of(one.supervisor)
        with pytest.raises(ActionRefused, match="role"):
            invitations.invite(by, role, "X", two.id if role == "caseworker" else None)

    def test_caseworkers_and_leads_manage_nobody(self, app: Flask) -> None:
        organisation = add_organisation()
        karim = session_of(add_member(organisation, "caseworker", "Karim"))
        lead = session_of(add_lead())
        for by in (karim, lead):
            with pytest.raises(ActionRefused):
                invitations.invite(by, "caseworker", "X", organisation.id)
            with pytest.raises(ActionRefused):
                invitations.invite(by, "lead", "X", None)
            with pytest.raises(ActionRefused, match="unknown"):
                members.remove(by, organisation.supervisor.member_id)

    def test_administrator_manages_leads_and_no_organisations_people(self, app: Flask) -> None:
        organisation, lead = add_organisation(), add_lead()
        by = session_of(add_administrator())
        assert {one.role for one in members.people(by)} == {"lead", "administrator"}
        with pytest.raises(ActionRefused, match="unknown"):
            members.remove(by, organisation.supervisor.member_id)
        members.remove(by, lead.member_id)
        invitations.invite(by, "lead", "Another", None)
        assert audit.verify(audit.CHAIN_INSTANCE) is None

    def test_another_organisations_member_is_as_unknown_as_nobody(self, app: Flask) -> None:
        one, two = add_organisation("one"), add_organisation("two")
        by = session_of(one.supervisor)
        for target in (two.supervisor.member_id, random_id()):
            with pytest.raises(ActionRefused, match="unknown"):
                members.remove(by, target)
            with pytest.raises(ActionRefused, match="unknown"):
                members.admit(by, target, "")

    def test_nobody_removes_themselves(self, app: Flask) -> None:
        organisation = add_organisation()
        with pytest.raises(ActionRefused, match="yourself"):
            members.remove(session_of(organisation.supervisor), organisation.supervisor.member_id)

    @pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\nb\x00", "\u202eevil"])
    def test_unusable_name_is_refused(self, app: Flask, name: str) -> None:
        with pytest.raises(ActionRefused, match="name"):
            invitations.invite(None, "lead", name, None)

    def test_name_is_one_persons(self, app: Flask) -> None:
        add_lead("Ana Ali")
        with pytest.raises(ActionRefused, match="name-taken"):
            invitations.invite(None, "lead", "ANA  ali", None)


@pytest.mark.database
class TestAdmission:
    """To the very key whose fingerprint was shown, once."""

    def test_key_changed_behind_the_page_is_not_admitted(self, app: Flask) -> None:
        organisation = add_organisation()
        new = invitations.enrol(organisation.id, "caseworker", "Karim")
        other = credentials.make(random_id(), "Attacker", CHEAP)
        with transaction() as session:
            session.get_one(Member, new.member_id).public_key = other.public_key
        by = session_of(organisation.supervisor)
        with pytest.raises(ActionRefused, match="fingerprint"):
            members.admit(by, new.member_id, credentials.fingerprint(new.public_key))
        assert db.session.scalars(select(Grant).where(Grant.holder_id == new.member_id)).all() == []

    def test_two_supervisors_admit_at_once_and_one_does(self, app: Flask) -> None:
        organisation = add_organisation()
        second = add_member(organisation, "supervisor", "Second")
        new = invitations.enrol(organisation.id, "caseworker", "Karim")
        shown = credentials.fingerprint(new.public_key)
        results: list[str] = []
        gate = threading.Barrier(2)

        def work(supervisor: NewMember) -> None:
            with app.app_context():
                by = session_of(supervisor)
                gate.wait()
                try:
                    members.admit(by, new.member_id, shown)
                    results.append("admitted")
                except ActionRefused as refused:
                    results.append(refused.reason)

        threads = [
            threading.Thread(target=work, args=(one,)) for one in (organisation.supervisor, second)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results) == ["admitted", "not-waiting"]
        grants = db.session.scalars(select(Grant).where(Grant.holder_id == new.member_id)).all()
        assert sorted(grant.kind for grant in grants) == ["casework", "intake"]

    def test_admission_is_audited_with_the_key(self, app: Flask) -> None:
        organisation = add_organisation()
        karim = add_member(organisation, "caseworker", "Karim")
        done = dict(audit.of(db.session(), organisation.id, karim.member_id))
        assert done["admit_member"] == {"key": b64(members.key_of(karim.public_key)), "count": 2}
