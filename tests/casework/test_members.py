"""Members: who may look after whom, and admission to the very key that was shown."""

import threading
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from casework import audit, credentials, invitations, members
from casework.credentials import Cost, NewMember
from casework.models import Grant, Member
from casework.policy import ActionRefused
from casework.sessions import Session
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
                members.admit(by, target, "caseworker", "")

    def test_nobody_removes_themselves(self, app: Flask) -> None:
        organisation = add_organisation()
        with pytest.raises(ActionRefused, match="yourself"):
            members.remove(session_of(organisation.supervisor), organisation.supervisor.member_id)

    def test_nobody_invites_themselves_again(self, app: Flask) -> None:
        """The only supervisor would lock a whole organisation out."""
        new = add_organisation().supervisor
        with pytest.raises(ActionRefused, match="yourself"):
            invitations.invite_again(session_of(new), new.member_id)
        assert session_of(new).keyring.identity is not None

    def test_whoever_was_removed_meanwhile_acts_no_more(self, app: Flask) -> None:
        organisation = add_organisation()
        karim = add_member(organisation, "caseworker", "Karim")
        second = add_member(organisation, "supervisor", "Second")
        by = session_of(second)
        new = invitations.enrol(organisation.id, "caseworker", "New")
        members.remove(session_of(organisation.supervisor), second.member_id)
        for act in (
            lambda: members.remove(by, karim.member_id),
            lambda: members.admit(
                by, new.member_id, "caseworker", credentials.fingerprint(new.public_key)
            ),
            lambda: invitations.invite(by, "caseworker", "X", organisation.id),
            lambda: invitations.invite_again(by, karim.member_id),
        ):
            with pytest.raises(ActionRefused, match="role"):
                act()
        one, two = session_of(add_administrator()), add_administrator("Other")
        gone = session_of(two)
        members.remove(one, two.member_id)
        with pytest.raises(ActionRefused, match="role"):
            members.remove(gone, one.member_id)

    @pytest.mark.parametrize("act", [members.remove, invitations.invite_again])
    def test_two_supervisors_remove_each_other_and_one_is_left(
        self, app: Flask, act: Callable[[Session, bytes], object]
    ) -> None:
        organisation = add_organisation()
        first, second = organisation.supervisor, add_member(organisation, "supervisor", "Second")
        results: list[str] = []
        gate = threading.Barrier(2)

        def work(own: NewMember, other: NewMember) -> None:
            with app.app_context():
                by = session_of(own)
                gate.wait()
                try:
                    act(by, other.member_id)
                    results.append("done")
                except ActionRefused as refused:
                    results.append(refused.reason)

        pairs = [(first, second), (second, first)]
        threads = [threading.Thread(target=work, args=pair) for pair in pairs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results) == ["done", "role"]
        db.session.rollback()
        active = select(Member.id).where(Member.role == "supervisor", Member.state == "active")
        (left,) = db.session.scalars(active).all()
        kept = first if left == first.member_id else second
        assert session_of(kept).keyring.identity is not None

    @pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\nb\x00", "\u202eevil"])
    def test_unusable_name_is_refused(self, app: Flask, name: str) -> None:
        with pytest.raises(ActionRefused, match="name"):
            invitations.invite(None, "lead", name, None)

    def test_name_is_one_persons(self, app: Flask) -> None:
        add_lead("Ana Ali")
        with pytest.raises(ActionRefused, match="name-taken"):
            invitations.invite(None, "lead", "ANA  ali", None)


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
            members.admit(by, new.member_id, "caseworker", credentials.fingerprint(new.public_key))
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
                    members.admit(by, new.member_id, "caseworker", shown)
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
