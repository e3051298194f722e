"""What a chain that root has rewritten cannot have: the head that a supervisor signed."""

import pytest
from flask import Flask

from casework import audit, heads, members, signing_in
from casework.models import AuditEntry
from casework.policy import ActionRefused
from reporting import sealing
from reporting.database import db
from reporting.sealing import public_of_signing, random_key
from tests.casework.hands import Hands
from tests.casework.people import add_member, add_organisation, enter, session_of
from tests.casework.rewritten import LAST_PLACE, change, checked, plant, rewrite, signed, work


class TestRewriting:
    """What root can do to a chain, and who notices."""

    def test_a_chain_hashed_anew_walks_well_and_lacks_the_signed_head(
        self, app: Flask, hands: Hands
    ) -> None:
        organisation, twin = add_organisation(), add_organisation("twin")
        for each in (organisation, twin):
            work(each, hands)
        places = [row.seq for row in signed(organisation)]
        assert checked(organisation) == heads.Checked(4)
        rewrite(organisation, places[2], "claim")
        rewrite(twin, places[2], "sign_in")  # the same words as before: nothing is changed
        for each in (organisation, twin):
            assert audit.verify(each.id) is None
        assert checked(organisation) == heads.Checked(2, heads.MISSING, places[2])
        assert checked(twin) == heads.Checked(4)

    def test_a_supervisor_who_remembers_nothing_is_told(self, app: Flask, hands: Hands) -> None:
        organisation = add_organisation()
        second = add_member(organisation, "supervisor", "Second")
        work(organisation, hands)
        rewrite(organisation, 7, "claim")
        with pytest.raises(ActionRefused, match="member-state"):
            enter(second)

    def test_and_does_so_in_the_twin_where_nothing_was_changed(
        self, app: Flask, hands: Hands
    ) -> None:
        organisation = add_organisation()
        second = add_member(organisation, "supervisor", "Second")
        work(organisation, hands)
        enter(second)

    def test_a_rewrite_during_a_session_is_not_signed_at_its_end(
        self, app: Flask, hands: Hands
    ) -> None:
        organisation = add_organisation()
        member, seed = enter(organisation.supervisor)
        before = len(signed(organisation))
        rewrite(organisation, 3, "claim")
        ring = session_of(organisation.supervisor).keyring
        signing_in.remember(member.id, seed, "sign_out", ring)
        assert len(signed(organisation)) == before

    def test_a_head_replaced_by_the_new_hash_has_a_wrong_signature(
        self, app: Flask, hands: Hands
    ) -> None:
        organisation = add_organisation()
        work(organisation, hands)
        last = signed(organisation)[-1]
        rewrite(organisation, last.seq, "claim")
        new = db.session.get_one(AuditEntry, (organisation.id, last.seq)).hash
        text = "UPDATE signed_head SET head = :h WHERE organisation_id = :o AND seq = :n"
        change(text, organisation, h=new, n=last.seq)
        assert checked(organisation) == heads.Checked(3, heads.SIGNATURE, last.seq)

    def test_whoever_left_with_the_old_key_cannot_sign_what_comes_after(
        self, app: Flask, hands: Hands
    ) -> None:
        organisation = add_organisation()
        old = session_of(organisation.supervisor).keyring.identity
        assert old is not None
        gone = add_member(organisation, "supervisor", "Gone")
        members.remove(session_of(organisation.supervisor), gone.member_id)
        seq, head = audit.tip(db.session(), organisation.id)
        forged = sealing.sign(old, heads.LABEL, heads.message(organisation.id, head))
        change(
            "UPDATE signed_head SET signature = :s WHERE seq = :n", organisation, s=forged, n=seq
        )
        assert checked(organisation) == heads.Checked(1, heads.SIGNATURE, seq)

    def test_a_foreign_key_put_in_place_does_not_make_old_heads_good(
        self, app: Flask, hands: Hands
    ) -> None:
        organisation = add_organisation()
        work(organisation, hands)
        key = public_of_signing(random_key())
        change("UPDATE organisation SET identity_key = :k WHERE id = :o", organisation, k=key)
        assert checked(organisation).wrong == heads.SIGNATURE

    def test_no_signed_head_at_all_is_wrong(self, app: Flask) -> None:
        organisation = add_organisation()
        change("DELETE FROM signed_head WHERE organisation_id = :o", organisation)
        assert checked(organisation) == heads.Checked(0, heads.NONE)

    def test_a_link_that_is_no_entry_breaks_nothing_else(self, app: Flask) -> None:
        organisation = add_organisation()
        text = "UPDATE audit_entry SET entry = :e WHERE chain = :o AND seq = 2"
        change(text, organisation, e=b"\xff")
        assert audit.verify(organisation.id) == 2
        assert checked(organisation) == heads.Checked(1)


class TestPlanted:
    """Rows that somebody put there who can write to the database and holds no key."""

    def test_a_row_nobody_signed_shuts_nobody_out_and_goes_nowhere(
        self, app: Flask, hands: Hands
    ) -> None:
        organisation = add_organisation()
        work(organisation, hands)
        (known,) = heads.newest(db.session())
        plant(organisation, random_key(), bytes(64))
        assert heads.newest(db.session()) == [known]
        work(organisation, hands)
        (newest,) = heads.newest(db.session())
        assert newest.head == signed(organisation)[-2].head != known.head
        assert checked(organisation) == heads.Checked(7, heads.MISSING, LAST_PLACE)

    def test_a_signed_row_copied_to_a_higher_place_neither(self, app: Flask, hands: Hands) -> None:
        organisation = add_organisation()
        old = signed(organisation)[0]
        work(organisation, hands)
        (known,) = heads.newest(db.session())
        plant(organisation, old.head, old.signature)
        assert heads.newest(db.session()) == [known]
        work(organisation, hands, 1)
        assert checked(organisation) == heads.Checked(5, heads.MISSING, LAST_PLACE)

    def test_it_hides_no_loss(self, app: Flask, hands: Hands) -> None:
        organisation = add_organisation()
        old = signed(organisation)[0]
        work(organisation, hands)
        plant(organisation, old.head, old.signature)
        plant(organisation, random_key(), bytes(64))
        rewrite(organisation, signed(organisation)[1].seq, "claim")
        change("UPDATE member SET member_state = NULL WHERE organisation_id = :o", organisation)
        hands.forward(minutes=1)
        with pytest.raises(ActionRefused, match="member-state"):
            enter(organisation.supervisor)

    def test_a_new_key_does_not_make_a_loss_forgotten(self, app: Flask, hands: Hands) -> None:
        organisation = add_organisation()
        gone = add_member(organisation, "supervisor", "Gone")
        work(organisation, hands)
        rewrite(organisation, signed(organisation)[-1].seq, "claim")
        before = signed(organisation)
        members.remove(session_of(organisation.supervisor), gone.member_id)
        assert signed(organisation) == before
        assert not heads.stands(db.session(), organisation.id)

    def test_more_planted_rows_than_are_read_at_once(self, app: Flask) -> None:
        organisation = add_organisation()
        (known,) = heads.newest(db.session())
        for _ in range(50):
            plant(organisation, random_key(), bytes(64))
        assert heads.newest(db.session()) == [known]
        assert heads.stands(db.session(), organisation.id)
