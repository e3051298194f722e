"""The line of rosters: what is put in place of one is noticed by who has seen it.

Every planted thing has a twin beside it in which all is in order and the same thing works.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete

from casework import (
    keys,
    member_state,
    members,
    roster,
    sessions,
)
from casework.models import Grant, RosterRow
from casework.roster import Entry, Holder, Roster
from reporting import sealing
from reporting.database import db, transaction
from reporting.models import IntakeKey
from reporting.models import Organisation as OrganisationRow
from reporting.sealing import b64, key_id, public_of, random_id, random_key
from tests.casework import people
from tests.casework.hands import Hands
from tests.casework.people import Organisation, add_member, enter, session_of
from tests.casework.planted import (
    forge,
    newest,
    refused_at_sign_in,
)

VECTOR = Path(__file__).parent.parent / "vectors" / "roster-1.json"
# What the vector says; it is signed with the secret 00 01 … 1f.
KNOWN = Roster(
    organisation_id=b"o" * 16,
    identity=sealing.public_of_signing(bytes(range(32))),
    recovery=b"r" * 1216,
    members={b"m" * 16: Entry("supervisor", b"k" * 1216)},
    intake=[b"i" * 16],
    casework=[b"c" * 16],
)


class TestFormat:
    """The bytes."""

    def test_known_answer(self, app: Flask) -> None:
        organisation = people.add_organisation()
        assert newest(organisation)[1].number == 1
        vector = json.loads(VECTOR.read_text())
        content = vector["content"].encode()
        with transaction() as session:
            session.add(
                OrganisationRow(id=b"o" * 16, slug="k", name="K", identity_key=KNOWN.identity)
            )
            session.flush()
            roster.write(session, KNOWN, bytes(range(32)))
        row = db.session.get_one(RosterRow, (b"o" * 16, 1))
        assert row.content == content
        assert b64(row.signature) == vector["signature"]
        found, pin = roster.follow(db.session(), b"o" * 16, None)
        assert found == KNOWN
        assert b64(pin.hash) == vector["hash"]


class TestLine:
    """What is put in place of a roster, and who notices."""

    def test_it_goes_on_over_new_identity_keys(
        self, app: Flask, hands: Hands, organisation: Organisation
    ) -> None:
        karim = add_member(organisation, "caseworker", "Karim")
        enter(karim)
        for name in ("Second", "Third"):
            gone = add_member(organisation, "supervisor", name)
            members.remove(session_of(organisation.supervisor), gone.member_id)
        hands.forward(minutes=1)
        member, seed = enter(karim)
        assert member.member_state is not None
        assert member_state.open_seen(seed, member.member_state).pin == newest(organisation)[1]
        assert newest(organisation)[1].number == 6

    def test_one_who_saw_the_newer_one_notices_an_older(
        self, app: Flask, hands: Hands, organisation: Organisation
    ) -> None:
        """The roster that removed somebody is taken away, and all that follows from it."""
        karim = add_member(organisation, "caseworker", "Karim")
        lina = add_member(organisation, "caseworker", "Lina")
        enter(organisation.supervisor)
        with transaction() as session:
            session.execute(delete(RosterRow).where(RosterRow.number == 3))
        hands.forward(minutes=1)
        refused_at_sign_in(organisation.supervisor)
        refused_at_sign_in(lina)  # it does not name her
        enter(karim)  # who saw neither cannot know

    def test_another_one_of_the_same_number_is_noticed(
        self, app: Flask, hands: Hands, organisation: Organisation
    ) -> None:
        """Signed by the right key: a supervisor was shown an older one, and went on from there."""
        karim = add_member(organisation, "caseworker", "Karim")
        second = add_member(organisation, "supervisor", "Second")
        enter(karim)
        identity = session_of(organisation.supervisor).keyring.identity
        assert identity is not None
        with transaction() as session:
            now, _pin = roster.follow(session, organisation.id, None)
            session.execute(delete(RosterRow).where(RosterRow.number == 3))
            now.members[random_id()] = Entry("caseworker", public_of(random_key()))
            roster.write(session, now, identity)
        hands.forward(minutes=1)
        refused_at_sign_in(karim)
        enter(second)  # who saw neither cannot know

    def test_a_fork_that_lies_below_the_newest_is_noticed(
        self, app: Flask, hands: Hands, organisation: Organisation
    ) -> None:
        karim = add_member(organisation, "caseworker", "Karim")
        enter(karim)
        second = add_member(organisation, "supervisor", "Second")
        now, _pin = newest(organisation)
        lina = add_member(organisation, "caseworker", "Lina")
        identity = session_of(organisation.supervisor).keyring.identity
        assert identity is not None
        now.members[random_id()] = Entry("caseworker", public_of(random_key()))
        with transaction() as session:
            session.execute(delete(RosterRow).where(RosterRow.number == 3))
            roster.write(session, now, identity)
        hands.forward(minutes=1)
        refused_at_sign_in(karim)
        for new in (second, lina):
            enter(new)  # who saw none before it cannot know

    @pytest.mark.parametrize("how", ["key", "byte", "gone", "shape"])
    def test_a_forged_changed_or_missing_one_is_refused(
        self, app: Flask, hands: Hands, organisation: Organisation, how: str
    ) -> None:
        karim = add_member(organisation, "caseworker", "Karim")
        enter(karim)
        with transaction() as session:
            row = session.get_one(RosterRow, (organisation.id, 2))
            if how == "key":
                row.signature = sealing.sign(random_key(), "roster", row.content)
            elif how == "byte":
                row.content = row.content[:-1] + bytes([row.content[-1] ^ 1])
            elif how == "shape":
                row.content = b'["roster"]'
            else:
                session.execute(delete(RosterRow))
        hands.forward(minutes=1)
        for new in (karim, organisation.supervisor):
            refused_at_sign_in(new)

    def test_one_that_names_another_signer_than_is_published_is_refused(
        self, app: Flask, hands: Hands, organisation: Organisation
    ) -> None:
        """Whoever signs in for the first time knows the published key at least."""
        karim, lina = (add_member(organisation, "caseworker", name) for name in ("Karim", "Lina"))
        own = random_key()
        true = db.session.get_one(RosterRow, (organisation.id, 3))
        kept = true.content, true.signature

        def exchange(said: dict[str, Any]) -> None:
            said["identity"] = b64(sealing.public_of_signing(own))

        forge(organisation, exchange, own)
        refused_at_sign_in(karim)
        with transaction() as session:
            row = session.get_one(RosterRow, (organisation.id, 3))
            row.content, row.signature = kept
        enter(lina)

    @pytest.mark.parametrize("signed", [False, True])
    def test_a_new_identity_key_must_be_signed_by_the_one_before(
        self, app: Flask, hands: Hands, organisation: Organisation, signed: bool
    ) -> None:
        karim = add_member(organisation, "caseworker", "Karim")
        enter(karim)
        own = random_key()
        old = session_of(organisation.supervisor).keyring.identity if signed else random_key()
        assert old is not None
        now, pin = newest(organisation)
        now.number, now.before = pin.number + 1, pin.hash
        now.replace_identity(old, own)
        with transaction() as session:
            roster.write(session, now, own)
            session.get_one(OrganisationRow, organisation.id).identity_key = now.identity
        hands.forward(minutes=1)
        if signed:
            enter(karim)
        else:
            refused_at_sign_in(karim)

    def test_a_whole_line_of_somebody_elses_is_refused(
        self, app: Flask, hands: Hands, organisation: Organisation
    ) -> None:
        """Identity key, roster and grants exchanged, in the middle of a session too."""
        karim = add_member(organisation, "caseworker", "Karim")
        kept = sessions.start(*enter(karim))
        own, epoch, intake = random_key(), random_key(), random_key()
        mine = Roster(organisation.id, sealing.public_of_signing(own), public_of(random_key()))
        mine.members[karim.member_id] = Entry("caseworker", karim.public_key)
        mine.casework = [key_id("casework-key", epoch)]
        mine.intake = [key_id("intake-key", public_of(intake))]
        with transaction() as session:
            for table in (RosterRow, Grant, IntakeKey):
                session.execute(delete(table))
            session.get_one(OrganisationRow, organisation.id).identity_key = mine.identity
            roster.write(session, mine, own)
            to = [Holder(karim.member_id, karim.public_key, identity=False)]
            keys.grant(session, organisation.id, "casework", mine.casework[0], 1, epoch, to)
            keys.grant(session, organisation.id, "intake", mine.intake[0], None, intake, to)
        assert sessions.load(kept.token) is None
        hands.forward(minutes=1)
        refused_at_sign_in(karim)

    def test_what_was_exchanged_during_a_session_is_not_remembered_at_its_end(
        self, app: Flask, hands: Hands, organisation: Organisation
    ) -> None:
        client = app.test_client()
        karim = add_member(organisation, "caseworker", "Karim")
        people.sign_in(client, karim)
        with transaction() as session:
            row = session.get_one(OrganisationRow, organisation.id)
            row.identity_key, true = random_key(), row.identity_key
        people.post(client, "/staff/sign-out", {}, client.get("/staff/queue").text)
        with transaction() as session:
            session.get_one(OrganisationRow, organisation.id).identity_key = true
        hands.forward(minutes=1)
        enter(karim)
