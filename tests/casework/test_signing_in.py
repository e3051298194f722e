"""Signing in: one question, one answer to everything that is wrong."""

import threading

import pytest
import sqlalchemy
from flask import Flask
from sqlalchemy import select

from casework import audit, invitations, members
from casework.credentials import NewMember
from casework.models import Grant, Member
from casework.policy import ActionRefused
from reporting.database import db, transaction
from reporting.sealing import (
    stretch,
)
from tests.casework.hands import Hands
from tests.casework.people import (
    add_member,
    add_organisation,
    code_of,
    enter,
    session_of,
)


def failures(new: NewMember) -> int:
    db.session.expire_all()
    return db.session.get_one(Member, new.member_id).failures


class TestSignIn:
    """One question, one answer."""

    def test_right_words_and_code_open_the_seed(self, app: Flask) -> None:
        supervisor = add_organisation().supervisor
        member, seed = enter(supervisor)
        assert (member.id, seed) == (supervisor.member_id, supervisor.seed)

    def test_name_is_read_without_regard_to_case_and_spaces(self, app: Flask) -> None:
        supervisor = add_organisation("demo", "Zoë van Dam").supervisor
        assert members.sign_in(" ZOË  VAN dam", supervisor.passphrase, code_of(supervisor))

    def test_every_wrong_thing_gets_the_same_answer(self, app: Flask) -> None:
        new = add_organisation().supervisor
        tries = [
            ("nobody", new.passphrase, code_of(new)),
            (new.name, "not the six words at all", code_of(new)),
            (new.name, new.passphrase, "000000"),
            (new.name, "", ""),
            ("", "", ""),
        ]
        answers = set()
        for typed in tries:
            with pytest.raises(ActionRefused) as refused:
                members.sign_in(*typed)
            answers.add((refused.value.reason, str(refused.value), str(refused.value.extra)))
        assert answers == {("sign-in", "sign-in", "{}")}

    def test_unknown_name_costs_the_same_stretch(
        self, app: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        new = add_organisation().supervisor
        costs = []

        def counting(passphrase: str, salt: bytes, memory: int, passes: int) -> tuple[bytes, bytes]:
            costs.append((len(salt), memory, passes))
            return real(passphrase, salt, memory, passes)

        real = stretch
        monkeypatch.setattr("casework.credentials.stretch", counting)
        for name in ("nobody", new.name):
            with pytest.raises(ActionRefused):
                members.sign_in(name, "wrong", "000000")
        assert len(costs) == 2
        assert costs[0] == costs[1]

    def test_code_works_once(self, app: Flask, hands: Hands) -> None:
        new = add_organisation().supervisor
        enter(new)
        with pytest.raises(ActionRefused, match="sign-in"):
            enter(new)
        with pytest.raises(ActionRefused, match="sign-in"):
            enter(new, steps=-1)
        hands.forward(seconds=30)
        enter(new)

    def test_code_works_once_also_for_two_at_the_same_moment(self, app: Flask) -> None:
        new = add_organisation().supervisor
        code = code_of(new)
        results: list[str] = []
        gate = threading.Barrier(4)

        def work() -> None:
            with app.app_context():
                gate.wait()
                try:
                    members.sign_in(new.name, new.passphrase, code)
                    results.append("in")
                except ActionRefused as refused:
                    results.append(refused.reason)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results) == ["in", "sign-in", "sign-in", "sign-in"]

    def test_wrong_code_twice_counts_and_right_one_clears(self, app: Flask) -> None:
        new = add_organisation().supervisor
        for _ in range(2):
            with pytest.raises(ActionRefused):
                members.sign_in(new.name, new.passphrase, "000000")
        assert failures(new) == 2
        enter(new)
        assert failures(new) == 0

    def test_wait_grows_from_one_minute_to_fifteen(self, app: Flask, hands: Hands) -> None:
        new = add_organisation().supervisor
        waits = []
        for _ in range(11):
            with pytest.raises(ActionRefused, match="sign-in"):
                members.sign_in(new.name, "wrong", "000000")
            db.session.expire_all()
            until = db.session.get_one(Member, new.member_id).locked_until
            waits.append(0 if until is None else (until - hands.now).total_seconds() / 60)
            hands.now = until or hands.now
        assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 15, 15, 15]
        enter(new)

    def test_while_waiting_right_words_answer_like_wrong_ones(
        self, app: Flask, hands: Hands
    ) -> None:
        new = add_organisation().supervisor
        for _ in range(5):
            with pytest.raises(ActionRefused):
                members.sign_in(new.name, "wrong", "000000")
        with pytest.raises(ActionRefused, match="sign-in"):
            enter(new)
        assert failures(new) == 5, "tries during the wait do not make it longer"
        hands.forward(minutes=1)
        enter(new)

    def test_one_members_wait_is_nobody_elses(self, app: Flask) -> None:
        organisation = add_organisation()
        karim = add_member(organisation, "caseworker", "Karim")
        for _ in range(6):
            with pytest.raises(ActionRefused):
                members.sign_in(karim.name, "wrong", "000000")
        enter(organisation.supervisor)

    def test_signing_in_and_failing_are_audited_without_what_was_typed(self, app: Flask) -> None:
        organisation = add_organisation()
        with pytest.raises(ActionRefused):
            members.sign_in("mistyped secret words", "wrong", "000000")
        with pytest.raises(ActionRefused):
            members.sign_in(organisation.supervisor.name, "wrong", "000000")
        enter(organisation.supervisor)
        done = audit.of(db.session(), organisation.id, organisation.supervisor.member_id)
        assert [action for action, _ in done][-2:] == ["sign_in_failed", "sign_in"]
        assert audit.tip(db.session(), audit.CHAIN_INSTANCE)[0] == 1
        text = sqlalchemy.text("SELECT entry FROM audit_entry")
        assert all(b"mistyped" not in bytes(row[0]) for row in db.session.execute(text))

    def test_keys_that_do_not_open_are_audited_as_a_failure(self, app: Flask) -> None:
        """What was seen last stays as it was: the next sign-in must notice again."""
        new = add_organisation().supervisor
        before = enter(new)[0].member_state
        with transaction() as session:
            row = session.scalars(select(Grant).where(Grant.holder_id == new.member_id)).first()
            assert row is not None
            row.sealed = row.sealed[:-1] + bytes([row.sealed[-1] ^ 1])
        with pytest.raises(ActionRefused, match="member-state"):
            enter(new, steps=1)
        member = db.session.get_one(Member, new.member_id, populate_existing=True)
        assert member.member_state == before
        done = audit.of(db.session(), member.organisation_id or b"", new.member_id)
        assert [action for action, _ in done][-2:] == ["sign_in", "sign_in_failed"]
        assert done[-1][1] == {"reason": "member-state"}

    def test_removed_and_invited_people_are_unknown(self, app: Flask) -> None:
        organisation = add_organisation()
        karim = add_member(organisation, "caseworker", "Karim")
        members.remove(session_of(organisation.supervisor), karim.member_id)
        with pytest.raises(ActionRefused, match="sign-in"):
            enter(karim)

    def test_member_who_waits_is_told_so_only_with_the_right_words(self, app: Flask) -> None:
        organisation = add_organisation()
        new = invitations.enrol(organisation.id, "caseworker", "Karim")
        with pytest.raises(ActionRefused, match="sign-in"):
            members.sign_in(new.name, "wrong", "000000")
        with pytest.raises(ActionRefused, match="waiting"):
            enter(new)
