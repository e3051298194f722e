"""Members: credentials, sign-in, invitations, admission, and what a member saw last."""

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
import sqlalchemy
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from casework import audit, credentials, invitations, member_state, members
from casework.credentials import Cost, NewMember
from casework.models import Grant, Invitation, Member
from casework.policy import ActionRefused
from reporting import clock
from reporting.database import db, transaction
from reporting.models import Organisation as OrganisationRow
from reporting.sealing import (
    b64,
    public_of_signing,
    random_id,
    random_key,
    stretch,
    unb64,
    unbox,
)
from reporting.settings import ARGON2_MEMORY_KIB, ARGON2_PASSES, Settings
from tests.casework.people import (
    add_administrator,
    add_lead,
    add_member,
    add_organisation,
    code_of,
    session_of,
)

CHEAP = Cost(memory_kib=64, passes=1)
NOON = datetime(2026, 6, 1, 12, 0, 5, tzinfo=UTC)


class Hands:
    """The clock in a test's hand."""

    def __init__(self) -> None:
        self.now = NOON

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    held = Hands()
    monkeypatch.setattr(clock, "now", lambda: held.now)
    return held


def sign_in(new: NewMember, steps: int = 0, seen: bytes | None = None) -> tuple[Member, bytes]:
    return members.sign_in(new.name, new.passphrase, code_of(new, steps=steps), seen)


def failures(new: NewMember) -> int:
    db.session.expire_all()
    return db.session.get_one(Member, new.member_id).failures


class TestCredentials:
    """What is generated, and how it is read."""

    def test_passphrase_is_six_words_of_the_eff_list(self) -> None:
        words = credentials.make_passphrase().split(" ")
        assert len(words) == 6
        assert len({credentials.make_passphrase() for _ in range(50)}) == 50

    def test_known_answers_of_the_format_page(self) -> None:
        """The member of the shared vectors, by the numbers of sealing.md 4."""
        vectors = Path(__file__).parents[1] / "vectors" / "sealing-1.json"
        if not vectors.exists():
            pytest.fail("tests/vectors/sealing-1.json is missing")
        known = json.loads(vectors.read_text())["member"]
        kek, _verifier = stretch(
            known["passphrase"], unb64(known["salt"]), ARGON2_MEMORY_KIB, ARGON2_PASSES
        )
        assert b64(kek) == known["kek"]
        boxed = unb64(known["boxed_seed"])
        assert b64(unbox(kek, "member-key", unb64(known["member_id"]), boxed)) == known["seed"]

    def test_cost_cannot_be_lowered_by_the_environment(self) -> None:
        env = {"UPSTANDER_ARGON2_MEMORY_KIB": "8", "UPSTANDER_ARGON2_PASSES": "1"}
        settings = Settings.from_env(env)
        assert settings.argon2_memory_kib == ARGON2_MEMORY_KIB == 64 * 1024
        assert settings.argon2_passes == ARGON2_PASSES == 3

    @given(spaces=st.lists(st.sampled_from([" ", "  ", "\t", "\u00a0"]), min_size=6, max_size=6))
    def test_typed_words_are_read_whatever_spaces_and_capitals(self, spaces: list[str]) -> None:
        typed = "".join(
            space + word
            for space, word in zip(spaces, ["Ab", "Cd", "EF", "gh", "Ij", "kl"], strict=True)
        )
        assert credentials.read_passphrase(typed) == "ab cd ef gh ij kl"

    @pytest.mark.parametrize(
        "typed", ["123 456", " 123456", "١٢٣٤٥٦", "１２３４５６", "12\u00a03456"]
    )
    def test_code_is_read_in_any_script(self, typed: str) -> None:
        assert credentials.read_code(typed) == "123456"

    @pytest.mark.parametrize("typed", ["", "12345", "1234567", "12345a", "½23456", "²²²²²²"])
    def test_what_is_no_code_matches_none(self, typed: str) -> None:
        assert credentials.matching_step(pyotp.random_base32(), typed, 0) == 0

    def test_code_of_either_neighbour_is_taken_and_no_other(self, hands: Hands) -> None:
        made = credentials.make(random_id(), "Ana", CHEAP)
        totp = pyotp.TOTP(made.totp_secret)
        for steps, taken in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
            code = totp.at(hands.now + timedelta(seconds=30 * steps))
            neighbours = {totp.at(hands.now + timedelta(seconds=30 * s)) for s in (-1, 0, 1)}
            wanted = taken or code in neighbours
            assert bool(credentials.matching_step(made.totp_secret, code, 0)) is wanted

    def test_record_opens_for_its_own_member_only(self) -> None:
        made, pepper = credentials.make(random_id(), "Ana", CHEAP), random_key()
        boxed = credentials.seal_record(made.record, made.member_id, pepper)
        opened = credentials.open_record(boxed, made.member_id, pepper)
        assert opened is not None
        assert opened.boxed_seed == made.record.boxed_seed
        assert credentials.open_record(boxed, random_id(), pepper) is None
        assert credentials.open_record(boxed, made.member_id, random_key()) is None

    @given(at=st.integers(0, 10_000))
    def test_changed_record_is_none(self, at: int) -> None:
        made, pepper = credentials.make(bytes(16), "Ana", Cost(memory_kib=8, passes=1)), bytes(32)
        boxed = bytearray(credentials.seal_record(made.record, made.member_id, pepper))
        boxed[at % len(boxed)] ^= 1
        assert credentials.open_record(bytes(boxed), made.member_id, pepper) is None


@pytest.mark.database
class TestSignIn:
    """One question, one answer."""

    def test_right_words_and_code_open_the_seed(self, app: Flask) -> None:
        supervisor = add_organisation().supervisor
        member, seed = sign_in(supervisor)
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
        sign_in(new)
        with pytest.raises(ActionRefused, match="sign-in"):
            sign_in(new)
        with pytest.raises(ActionRefused, match="sign-in"):
            sign_in(new, steps=-1)
        hands.forward(seconds=30)
        sign_in(new)

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
        sign_in(new)
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
        sign_in(new)

    def test_while_waiting_right_words_answer_like_wrong_ones(
        self, app: Flask, hands: Hands
    ) -> None:
        new = add_organisation().supervisor
        for _ in range(5):
            with pytest.raises(ActionRefused):
                members.sign_in(new.name, "wrong", "000000")
        with pytest.raises(ActionRefused, match="sign-in"):
            sign_in(new)
        assert failures(new) == 5, "tries during the wait do not make it longer"
        hands.forward(minutes=1)
        sign_in(new)

    def test_one_members_wait_is_nobody_elses(self, app: Flask) -> None:
        organisation = add_organisation()
        karim = add_member(organisation, "caseworker", "Karim")
        for _ in range(6):
            with pytest.raises(ActionRefused):
                members.sign_in(karim.name, "wrong", "000000")
        sign_in(organisation.supervisor)

    def test_signing_in_and_failing_are_audited_without_what_was_typed(self, app: Flask) -> None:
        organisation = add_organisation()
        with pytest.raises(ActionRefused):
            members.sign_in("mistyped secret words", "wrong", "000000")
        with pytest.raises(ActionRefused):
            members.sign_in(organisation.supervisor.name, "wrong", "000000")
        sign_in(organisation.supervisor)
        done = audit.of(db.session(), organisation.id, organisation.supervisor.member_id)
        assert [action for action, _ in done][-2:] == ["sign_in_failed", "sign_in"]
        assert audit.tip(db.session(), audit.CHAIN_INSTANCE)[0] == 1
        text = sqlalchemy.text("SELECT entry FROM audit_entry")
        assert all(b"mistyped" not in bytes(row[0]) for row in db.session.execute(text))

    def test_removed_and_invited_people_are_unknown(self, app: Flask) -> None:
        organisation = add_organisation()
        karim = add_member(organisation, "caseworker", "Karim")
        members.remove(session_of(organisation.supervisor), karim.member_id)
        with pytest.raises(ActionRefused, match="sign-in"):
            sign_in(karim)

    def test_member_who_waits_is_told_so_only_with_the_right_words(self, app: Flask) -> None:
        organisation = add_organisation()
        new = invitations.enrol(organisation.id, "caseworker", "Karim")
        with pytest.raises(ActionRefused, match="sign-in"):
            members.sign_in(new.name, "wrong", "000000")
        with pytest.raises(ActionRefused, match="waiting"):
            sign_in(new)


@pytest.mark.database
class TestInvitation:
    """A link, 72 hours, once."""

    def invite(self, role: str = "caseworker") -> tuple[str, NewMember]:
        organisation = add_organisation()
        by = session_of(organisation.supervisor)
        invited = invitations.invite(by, role, "Karim", organisation.id)
        return invited.token, invitations.begin(invited.token)

    def test_whoever_accepts_waits_and_holds_nothing(self, app: Flask) -> None:
        token, new = self.invite()
        member = invitations.accept(token, new.passphrase, code_of(new))
        assert member.state == "waiting"
        assert db.session.scalars(select(Grant).where(Grant.holder_id == member.id)).all() == []

    def test_link_works_once(self, app: Flask) -> None:
        token, new = self.invite()
        invitations.accept(token, new.passphrase, code_of(new))
        with pytest.raises(ActionRefused, match="invitation"):
            invitations.begin(token)
        with pytest.raises(ActionRefused, match="invitation"):
            invitations.accept(token, new.passphrase, code_of(new, steps=1))

    def test_link_dies_after_72_hours(self, app: Flask, hands: Hands) -> None:
        token, _new = self.invite()
        hands.forward(hours=71, minutes=59)
        invitations.invited(token)
        hands.forward(minutes=1)
        for _ in range(2):
            with pytest.raises(ActionRefused, match="invitation"):
                invitations.invited(token)
        assert invitations.delete_expired() == 1

    @pytest.mark.parametrize("token", ["", "x", "A" * 43, "../../etc", "ü", "A" * 500])
    def test_unknown_link_is_like_an_expired_one(self, app: Flask, token: str) -> None:
        with pytest.raises(ActionRefused, match="invitation"):
            invitations.invited(token)

    def test_only_the_hash_of_a_link_is_kept(self, app: Flask) -> None:
        token, _new = self.invite()
        row = db.session.scalars(select(Invitation)).one()
        assert token.encode() not in row.token_sha256
        assert b64(row.token_sha256) != token

    def test_wrong_words_or_code_accept_nothing(self, app: Flask) -> None:
        token, new = self.invite()
        for words, code in (("wrong", code_of(new)), (new.passphrase, "000000"), ("", "")):
            with pytest.raises(ActionRefused, match="not-the-same"):
                invitations.accept(token, words, code)
        assert invitations.invited(token).state == "invited"

    def test_beginning_again_makes_all_of_it_new(self, app: Flask) -> None:
        token, first = self.invite()
        second = invitations.begin(token)
        assert first.passphrase != second.passphrase
        with pytest.raises(ActionRefused, match="not-the-same"):
            invitations.accept(token, first.passphrase, code_of(first))
        invitations.accept(token, second.passphrase, code_of(second))

    def test_leads_and_administrators_wait_for_nobody(self, app: Flask) -> None:
        for role in ("lead", "administrator"):
            invited = invitations.invite(None, role, f"One {role}", None)
            new = invitations.begin(invited.token)
            assert invitations.accept(invited.token, new.passphrase, code_of(new)).state == "active"
            sign_in(new, steps=1)

    def test_new_invitation_takes_the_old_pair_and_its_grants_away(self, app: Flask) -> None:
        organisation = add_organisation()
        karim = add_member(organisation, "caseworker", "Karim")
        by = session_of(organisation.supervisor)
        again = invitations.invite_again(by, karim.member_id)
        with pytest.raises(ActionRefused, match="sign-in"):
            sign_in(karim)
        new = invitations.begin(again.token)
        assert new.public_key != karim.public_key
        invitations.accept(again.token, new.passphrase, code_of(new))
        members.admit(by, new.member_id, credentials.fingerprint(new.public_key))
        assert session_of(new).keyring.casework == by.keyring.casework


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


@pytest.mark.database
class TestMemberState:
    """What a member saw last must still be so."""

    def state_box(self, new: NewMember) -> bytes:
        db.session.expire_all()
        boxed = db.session.get_one(Member, new.member_id).member_state
        assert boxed is not None
        return boxed

    def test_nothing_changed_signs_in_again(self, app: Flask, hands: Hands) -> None:
        new = add_organisation().supervisor
        sign_in(new)
        hands.forward(minutes=1)
        sign_in(new, seen=self.state_box(new))

    def test_rewritten_chain_is_noticed(self, app: Flask, hands: Hands) -> None:
        organisation = add_organisation()
        sign_in(organisation.supervisor)
        with transaction() as session:
            audit.write(session, organisation.id, None, "claim")
        hands.forward(minutes=1)
        sign_in(organisation.supervisor)
        text = "DELETE FROM audit_entry WHERE chain = :c AND seq > 4"
        with transaction() as session:
            session.execute(sqlalchemy.text(text), {"c": organisation.id})
        hands.forward(minutes=1)
        with pytest.raises(ActionRefused, match="member-state"):
            sign_in(organisation.supervisor)

    def test_restored_database_is_noticed_by_the_cookie(self, app: Flask, hands: Hands) -> None:
        """Both chain and box in the database are old; the device remembers more."""
        organisation = add_organisation()
        new = organisation.supervisor
        sign_in(new)
        old_box = self.state_box(new)
        old_length = audit.tip(db.session(), organisation.id)[0]
        hands.forward(minutes=1)
        sign_in(new)
        cookie = self.state_box(new)
        with transaction() as session:
            session.execute(
                sqlalchemy.text("DELETE FROM audit_entry WHERE chain = :c AND seq > :n"),
                {"c": organisation.id, "n": old_length},
            )
            session.get_one(Member, new.member_id).member_state = old_box
        hands.forward(minutes=1)
        with pytest.raises(ActionRefused, match="member-state"):
            sign_in(new, seen=cookie)
        hands.forward(minutes=1)
        sign_in(new)  # without the device's memory nobody could know

    def test_foreign_identity_key_is_noticed(self, app: Flask, hands: Hands) -> None:
        organisation = add_organisation()
        karim = add_member(organisation, "caseworker", "Karim")
        sign_in(karim)
        with transaction() as session:
            row = session.get_one(OrganisationRow, organisation.id)
            row.identity_key = public_of_signing(random_key())
        hands.forward(minutes=1)
        with pytest.raises(ActionRefused, match="member-state"):
            sign_in(karim)

    def test_identity_key_signed_by_the_one_before_is_followed(
        self, app: Flask, hands: Hands
    ) -> None:
        organisation = add_organisation()
        karim = add_member(organisation, "caseworker", "Karim")
        sign_in(karim)
        for name in ("Second", "Third"):
            gone = add_member(organisation, "supervisor", name)
            members.remove(session_of(organisation.supervisor), gone.member_id)
        hands.forward(minutes=1)
        sign_in(karim)

    def test_box_changed_in_the_database_is_noticed(self, app: Flask, hands: Hands) -> None:
        new = add_organisation().supervisor
        sign_in(new)
        box = bytearray(self.state_box(new))
        box[-1] ^= 1
        with transaction() as session:
            session.get_one(Member, new.member_id).member_state = bytes(box)
        hands.forward(minutes=1)
        with pytest.raises(ActionRefused, match="member-state"):
            sign_in(new)

    @pytest.mark.parametrize("cookie", [b"x", bytes(100)])
    def test_cookie_that_does_not_open_is_left_out(
        self, app: Flask, hands: Hands, cookie: bytes
    ) -> None:
        new = add_organisation().supervisor
        sign_in(new)
        hands.forward(minutes=1)
        sign_in(new, seen=cookie)

    def test_state_holds_identity_roster_and_head(self, app: Flask) -> None:
        organisation = add_organisation()
        member, seed = sign_in(organisation.supervisor)
        assert member.member_state is not None
        seen = member_state.open_seen(seed, member.member_state)
        row = db.session.get_one(OrganisationRow, organisation.id)
        assert seen.identity == b64(row.identity_key)
        assert seen.roster == 0
        assert (seen.seq, seen.head) == (
            audit.tip(db.session(), organisation.id)[0],
            b64(audit.head(organisation.id)),
        )
