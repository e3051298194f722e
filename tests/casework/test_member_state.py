"""What a member saw last must still be so at the next sign-in."""

import pytest
import sqlalchemy
from flask import Flask

from casework import audit, member_state, roster
from casework.credentials import NewMember
from casework.models import Member
from casework.policy import ActionRefused
from reporting.database import db, transaction
from reporting.models import Organisation as OrganisationRow
from reporting.sealing import (
    b64,
    public_of_signing,
    random_key,
)
from tests.casework.hands import Hands
from tests.casework.people import (
    add_member,
    add_organisation,
    enter,
)


class TestMemberState:
    """What a member saw last must still be so."""

    def state_box(self, new: NewMember) -> bytes:
        db.session.expire_all()
        boxed = db.session.get_one(Member, new.member_id).member_state
        assert boxed is not None
        return boxed

    def test_nothing_changed_signs_in_again(self, app: Flask, hands: Hands) -> None:
        new = add_organisation().supervisor
        enter(new)
        hands.forward(minutes=1)
        enter(new, seen=self.state_box(new))

    def test_rewritten_chain_is_noticed(self, app: Flask, hands: Hands) -> None:
        organisation = add_organisation()
        enter(organisation.supervisor)
        with transaction() as session:
            audit.write(session, organisation.id, None, "claim")
        hands.forward(minutes=1)
        enter(organisation.supervisor)
        text = "DELETE FROM audit_entry WHERE chain = :c AND seq > 4"
        with transaction() as session:
            session.execute(sqlalchemy.text(text), {"c": organisation.id})
        hands.forward(minutes=1)
        with pytest.raises(ActionRefused, match="member-state"):
            enter(organisation.supervisor)

    def test_restored_database_is_noticed_by_the_cookie(self, app: Flask, hands: Hands) -> None:
        """Both chain and box in the database are old; the device remembers more."""
        organisation = add_organisation()
        new = organisation.supervisor
        enter(new)
        old_box = self.state_box(new)
        old_length = audit.tip(db.session(), organisation.id)[0]
        hands.forward(minutes=1)
        enter(new)
        cookie = self.state_box(new)
        with transaction() as session:
            for text in (
                "DELETE FROM audit_entry WHERE chain = :c AND seq > :n",
                "DELETE FROM signed_head WHERE organisation_id = :c AND seq > :n",
            ):
                session.execute(sqlalchemy.text(text), {"c": organisation.id, "n": old_length})
            session.get_one(Member, new.member_id).member_state = old_box
        hands.forward(minutes=1)
        with pytest.raises(ActionRefused, match="member-state"):
            enter(new, seen=cookie)
        hands.forward(minutes=1)
        enter(new)  # without the device's memory nobody could know

    def test_foreign_identity_key_is_noticed(self, app: Flask, hands: Hands) -> None:
        organisation = add_organisation()
        karim = add_member(organisation, "caseworker", "Karim")
        enter(karim)
        with transaction() as session:
            row = session.get_one(OrganisationRow, organisation.id)
            row.identity_key = public_of_signing(random_key())
        hands.forward(minutes=1)
        with pytest.raises(ActionRefused, match="member-state"):
            enter(karim)

    def test_box_changed_in_the_database_is_noticed(self, app: Flask, hands: Hands) -> None:
        new = add_organisation().supervisor
        enter(new)
        box = bytearray(self.state_box(new))
        box[-1] ^= 1
        with transaction() as session:
            session.get_one(Member, new.member_id).member_state = bytes(box)
        hands.forward(minutes=1)
        with pytest.raises(ActionRefused, match="member-state"):
            enter(new)

    @pytest.mark.parametrize("cookie", [b"x", bytes(100)])
    def test_cookie_that_does_not_open_is_left_out(
        self, app: Flask, hands: Hands, cookie: bytes
    ) -> None:
        new = add_organisation().supervisor
        enter(new)
        hands.forward(minutes=1)
        enter(new, seen=cookie)

    def test_state_holds_identity_roster_and_head(self, app: Flask) -> None:
        organisation = add_organisation()
        member, seed = enter(organisation.supervisor)
        assert member.member_state is not None
        seen = member_state.open_seen(seed, member.member_state)
        row = db.session.get_one(OrganisationRow, organisation.id)
        assert seen.identity == b64(row.identity_key)
        _roster, pin = roster.follow(db.session(), organisation.id, None)
        assert seen.pin == pin
        assert pin.number == 1
        assert (seen.seq, seen.head) == (
            audit.tip(db.session(), organisation.id)[0],
            b64(audit.head(organisation.id)),
        )
