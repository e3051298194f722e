"""Invitations: a link, 72 hours, once."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from casework import credentials, invitations, members
from casework.credentials import NewMember
from casework.models import Grant, Invitation, Member
from casework.policy import ActionRefused
from reporting.database import db
from reporting.sealing import (
    b64,
)
from tests.casework.hands import Hands
from tests.casework.people import (
    add_member,
    add_organisation,
    code_of,
    enter,
    session_of,
)


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

    @pytest.mark.parametrize(
        "email",
        ["nobody", "a@b\nBcc: c@d.invalid", "a b@c.invalid", "@", "<a@b.invalid>", "ü@b.invalid"],
    )
    def test_what_is_no_address_invites_nobody(self, app: Flask, email: str) -> None:
        organisation = add_organisation()
        by = session_of(organisation.supervisor)
        with pytest.raises(ActionRefused, match="email"):
            invitations.invite(by, "caseworker", "Karim", organisation.id, email)
        assert db.session.scalars(select(Invitation)).all() == []
        invitations.invite(by, "caseworker", "Karim", organisation.id, " k.m+x@b.invalid ")

    def test_link_works_once(self, app: Flask) -> None:
        token, new = self.invite()
        invitations.accept(token, new.passphrase, code_of(new))
        with pytest.raises(ActionRefused, match="invitation"):
            invitations.begin(token)
        with pytest.raises(ActionRefused, match="invitation"):
            invitations.accept(token, new.passphrase, code_of(new, steps=1))

    def test_link_used_while_new_secrets_are_made_overwrites_nothing(
        self, app: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Making them takes a moment; a second page must not replace what was just accepted."""
        token, new = self.invite()
        real = credentials.make

        def meanwhile(*given: Any) -> NewMember:
            invitations.accept(token, new.passphrase, code_of(new))
            return real(*given)

        monkeypatch.setattr(credentials, "make", meanwhile)
        with pytest.raises(ActionRefused, match="invitation"):
            invitations.begin(token)
        member = db.session.get_one(Member, new.member_id, populate_existing=True)
        assert (member.state, member.public_key) == ("waiting", new.public_key)
        with pytest.raises(ActionRefused, match="waiting"):
            enter(new, steps=1)

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
            enter(new, steps=1)

    def test_new_invitation_takes_the_old_pair_and_its_grants_away(self, app: Flask) -> None:
        organisation = add_organisation()
        karim = add_member(organisation, "caseworker", "Karim")
        by = session_of(organisation.supervisor)
        again = invitations.invite_again(by, karim.member_id)
        with pytest.raises(ActionRefused, match="sign-in"):
            enter(karim)
        new = invitations.begin(again.token)
        assert new.public_key != karim.public_key
        invitations.accept(again.token, new.passphrase, code_of(new))
        members.admit(by, new.member_id, "caseworker", credentials.fingerprint(new.public_key))
        assert session_of(new).keyring.casework == by.keyring.casework
