"""The roster decides who is granted what; who can only write to the database gets nothing by it.

Every planted thing has a twin beside it in which all is in order and the same thing works.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from casework import (
    credentials,
    invitations,
    keys,
    members,
    rotation,
    sessions,
)
from casework.credentials import NewMember
from casework.models import Grant, Member, RosterRow
from casework.policy import ActionRefused
from reporting.database import db, transaction
from reporting.models import IntakeKey
from reporting.sealing import SealingRefused, b64, public_of, random_key
from tests.casework.hands import Hands
from tests.casework.people import Organisation, add_member, enter, session_of
from tests.casework.planted import (
    forge,
    held,
    newest,
    plant_grant,
    plant_member,
    refused_at_sign_in,
    renew,
)


class TestGranting:
    """Who is granted a new key."""

    def test_a_planted_member_is_granted_nothing(
        self, app: Flask, hands: Hands, organisation: Organisation
    ) -> None:
        karim = add_member(organisation, "caseworker", "Karim")
        mallory = plant_member(organisation, "supervisor")
        before = held(karim.member_id)
        renew(organisation, hands)
        gone = add_member(organisation, "supervisor", "Gone")
        members.remove(session_of(organisation.supervisor), gone.member_id)
        assert held(mallory.member_id) == frozenset()
        # The twin: who was admitted is granted intake keys and the epoch.
        assert len(held(karim.member_id) - before) == 3

    def test_a_removed_member_put_back_is_granted_nothing(
        self, app: Flask, hands: Hands, organisation: Organisation
    ) -> None:
        karim = add_member(organisation, "caseworker", "Karim")
        row = db.session.get_one(Member, karim.member_id)
        old = {one.name: getattr(row, one.name) for one in Member.__table__.columns}
        members.remove(session_of(organisation.supervisor), karim.member_id)
        with transaction() as session:
            session.execute(update(Member).where(Member.id == karim.member_id).values(**old))
        renew(organisation, hands)
        assert held(karim.member_id) == frozenset()
        with pytest.raises(SealingRefused, match="roster"):
            session_of(karim)

    @pytest.mark.parametrize("column", ["public_key", "role", "state"])
    def test_a_member_changed_in_the_table_is_granted_by_the_roster(
        self, app: Flask, hands: Hands, organisation: Organisation, column: str
    ) -> None:
        karim = add_member(organisation, "caseworker", "Karim")
        changed = {"public_key": public_of(random_key()), "role": "supervisor", "state": "waiting"}
        with transaction() as session:
            mine = update(Member).where(Member.id == karim.member_id)
            session.execute(mine.values({column: changed[column]}))
        renew(organisation, hands)
        granted = db.session.scalars(select(Grant).where(Grant.holder_id == karim.member_id)).all()
        assert {row.kind for row in granted} == {keys.INTAKE, keys.CASEWORK}
        for row in granted:
            keys.open_grant(row, organisation.id, karim.seed)

    @pytest.mark.parametrize("state", ["waiting", "active"])
    def test_removing_a_member_makes_new_keys_whatever_the_table_says(
        self, app: Flask, organisation: Organisation, state: str
    ) -> None:
        second = add_member(organisation, "supervisor", "Second")
        was = newest(organisation)[1].identity
        with transaction() as session:
            mine = update(Member).where(Member.id == second.member_id)
            session.execute(mine.values(state=state, role="caseworker"))
        members.remove(session_of(organisation.supervisor), second.member_id)
        now, pin = newest(organisation)
        assert pin.identity != was
        assert (len(now.casework), len(now.intake)) == (2, 2)
        assert list(now.members) == [organisation.supervisor.member_id]

    @pytest.mark.parametrize("role", ["caseworker", "supervisor"])
    def test_removing_whoever_was_invited_again_makes_new_keys(
        self, app: Flask, organisation: Organisation, role: str
    ) -> None:
        """They left the roster when they were invited again, and may have kept the keys."""
        gone = add_member(organisation, role, "Gone")
        lina = add_member(organisation, "caseworker", "Lina")
        was = newest(organisation)[1].identity
        by = session_of(organisation.supervisor)
        invitations.invite_again(by, gone.member_id)
        with transaction() as session:
            mine = update(Member).where(Member.id == gone.member_id)
            session.execute(mine.values(role="caseworker"))
        members.remove(by, gone.member_id)
        now, pin = newest(organisation)
        assert (len(now.casework), len(now.intake)) == (2, 2)
        assert (pin.identity != was) == (role == "supervisor")
        assert by.keyring.newest_epoch() == 2
        assert len(held(lina.member_id)) == 4

    def test_removing_whoever_never_stood_in_a_roster_makes_none(
        self, app: Flask, organisation: Organisation
    ) -> None:
        by = session_of(organisation.supervisor)
        new = invitations.enrol(organisation.id, "supervisor", "New")
        members.remove(by, new.member_id)
        now, pin = newest(organisation)
        assert (len(now.casework), len(now.intake), pin.number) == (1, 1, 1)

    def test_where_a_roster_of_before_is_gone_all_keys_are_new(
        self, app: Flask, organisation: Organisation
    ) -> None:
        gone = add_member(organisation, "supervisor", "Gone")
        by = session_of(organisation.supervisor)
        was = newest(organisation)[1].identity
        invitations.invite_again(by, gone.member_id)
        by = session_of(organisation.supervisor)
        with transaction() as session:
            session.execute(
                update(Member).values(role="caseworker").where(Member.id == gone.member_id)
            )
            session.execute(delete(RosterRow).where(RosterRow.number == 2))
        members.remove(by, gone.member_id)
        assert newest(organisation)[1].identity != was

    def test_whoever_is_invited_again_is_granted_nothing_until_admitted(
        self, app: Flask, hands: Hands, organisation: Organisation
    ) -> None:
        karim = add_member(organisation, "caseworker", "Karim")
        lina = add_member(organisation, "caseworker", "Lina")
        invitations.invite_again(session_of(organisation.supervisor), karim.member_id)
        renew(organisation, hands)
        assert held(karim.member_id) == frozenset()
        assert len(held(lina.member_id)) == 3

    def test_an_exchanged_recovery_key_is_granted_nothing(
        self, app: Flask, hands: Hands, organisation: Organisation
    ) -> None:
        own = random_key()

        def exchange(said: dict[str, Any]) -> None:
            said["recovery"] = b64(public_of(own))

        by = session_of(organisation.supervisor)
        forge(organisation, exchange, random_key())
        gone = invitations.enrol(organisation.id, "caseworker", "Gone")
        fingerprint = credentials.fingerprint(gone.public_key)
        with pytest.raises(ActionRefused, match="roster"):
            members.admit(by, gone.member_id, "caseworker", fingerprint)
        with pytest.raises(ActionRefused, match="roster"):
            members.remove(by, gone.member_id)
        hands.forward(days=31)
        with pytest.raises(ActionRefused, match="roster"):
            rotation.renew_if_due(by)
        refused_at_sign_in(organisation.supervisor)

    def test_two_who_are_admitted_at_once_both_stand(
        self, app: Flask, organisation: Organisation
    ) -> None:
        new = [invitations.enrol(organisation.id, "caseworker", name) for name in ("One", "Two")]
        both = threading.Barrier(2)

        def admit(one: NewMember) -> None:
            with app.app_context():
                by = session_of(organisation.supervisor)
                both.wait(20)
                members.admit(
                    by, one.member_id, "caseworker", credentials.fingerprint(one.public_key)
                )

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(admit, new))
        now, pin = newest(organisation)
        assert {one.member_id for one in new} < set(now.members)
        assert pin.number == 3
        for one in new:
            session_of(one)


class TestOpening:
    """Which granted keys a member takes."""

    @pytest.mark.parametrize(("kind", "epoch"), [(keys.CASEWORK, 2), (keys.INTAKE, None)])
    def test_a_planted_key_is_refused(
        self, app: Flask, hands: Hands, organisation: Organisation, kind: str, epoch: int | None
    ) -> None:
        karim = add_member(organisation, "caseworker", "Karim")
        lina = add_member(organisation, "caseworker", "Lina")
        plant_grant(organisation, karim, kind, epoch)
        refused_at_sign_in(karim)
        enter(lina)

    def test_it_ends_a_session_that_works(
        self, app: Flask, hands: Hands, organisation: Organisation
    ) -> None:
        karim = add_member(organisation, "caseworker", "Karim")
        one, two = (sessions.start(*enter(new)) for new in (karim, organisation.supervisor))
        plant_grant(organisation, karim, keys.CASEWORK, 2)
        assert sessions.load(one.token) is None
        assert sessions.load(two.token) is not None

    def test_the_next_epoch_is_the_rosters(self, app: Flask, organisation: Organisation) -> None:
        """Not one above a planted grant: nobody could make one above the highest."""
        gone = add_member(organisation, "caseworker", "Gone")
        by = session_of(organisation.supervisor)
        plant_grant(organisation, gone, keys.CASEWORK, 2**31 - 1)
        members.remove(by, gone.member_id)
        assert by.keyring.newest_epoch() == 2

    def test_a_newest_epoch_that_was_taken_away_is_missed(
        self, app: Flask, hands: Hands, organisation: Organisation
    ) -> None:
        """Otherwise new things would be boxed under a key that somebody who left has."""
        gone = add_member(organisation, "caseworker", "Gone")
        members.remove(session_of(organisation.supervisor), gone.member_id)
        mine = (Grant.holder_id == organisation.supervisor.member_id, Grant.epoch == 2)
        with transaction() as session:
            session.execute(delete(Grant).where(*mine))
        refused_at_sign_in(organisation.supervisor)

    def test_an_old_intake_key_put_back_into_use_is_noticed(
        self, app: Flask, hands: Hands, organisation: Organisation
    ) -> None:
        renew(organisation, hands)
        hands.forward(minutes=1)
        enter(organisation.supervisor)
        with transaction() as session:
            for row in session.scalars(select(IntakeKey)):
                row.retired = None if row.retired else row.created
        hands.forward(minutes=1)
        refused_at_sign_in(organisation.supervisor)

    @pytest.mark.parametrize("role", ["caseworker", "supervisor"])
    def test_a_member_in_another_role_or_in_no_roster_does_not_come_in(
        self, app: Flask, hands: Hands, organisation: Organisation, role: str
    ) -> None:
        karim = add_member(organisation, "caseworker", "Karim")
        with transaction() as session:
            session.execute(update(Member).where(Member.id == karim.member_id).values(role=role))
        if role == "supervisor":
            refused_at_sign_in(karim)
        else:
            enter(karim)
