"""Signed heads: made by supervisors only, at sign-in and sign-out, under the key of the day."""

import pytest
from flask import Flask

from casework import audit, demo_people, heads, members, signing_in
from casework.keys import Keyring
from reporting import sealing
from reporting.database import db
from reporting.models import Organisation as OrganisationRow
from reporting.sealing import random_key
from tests.casework.hands import Hands
from tests.casework.people import (
    add_lead,
    add_member,
    add_organisation,
    enter,
    post,
    session_of,
    sign_in,
)
from tests.casework.rewritten import checked, signed, work

# Ed25519 under the secret 00 01 … 1f over "upstander/1/audit-head", a zero byte, 16 o, 32 h.
KNOWN = (
    "1fa159a11df25da4be2027320041edbfe91aead3752f76e9debb093196712eda"
    "2f18e80c3618dc71c1844b6b9cbaa51a241f966811ae3bbdf2269044f1e55b08"
)


class TestSigning:
    """Who signs, when, and what."""

    def test_the_signature_covers_organisation_and_head(self, app: Flask) -> None:
        organisation = add_organisation()
        (row,) = signed(organisation)
        key = db.session.get_one(OrganisationRow, organisation.id).identity_key
        assert (row.seq, row.head) == audit.tip(db.session(), organisation.id)
        sealing.verify(key, "audit-head", organisation.id + row.head, row.signature)

    def test_known_answer(self) -> None:
        secret, organisation_id, head = bytes(range(32)), b"o" * 16, b"h" * 32
        made = sealing.sign(secret, heads.LABEL, heads.message(organisation_id, head))
        assert made.hex() == KNOWN
        with pytest.raises(sealing.SealingRefused):
            heads.message(organisation_id + b"h", head[1:])

    def test_a_supervisor_signs_at_each_sign_in_and_out(self, app: Flask, hands: Hands) -> None:
        organisation = add_organisation()
        client = app.test_client()
        sign_in(client, organisation.supervisor)
        assert len(signed(organisation)) == 2
        post(client, "/staff/sign-out", {}, client.get("/staff/people").text)
        assert len(signed(organisation)) == 3
        last = signed(organisation)[-1]
        assert (last.seq, last.head) == audit.tip(db.session(), organisation.id)
        assert checked(organisation) == heads.Checked(3)

    def test_nobody_else_does(self, app: Flask, hands: Hands) -> None:
        organisation = add_organisation()
        karim = add_member(organisation, "caseworker", "Karim")
        for new in (karim, add_lead()):
            enter(new)
        assert len(signed(organisation)) == 1
        second = add_member(organisation, "supervisor", "Second")
        enter(second)
        assert len(signed(organisation)) == 2

    def test_a_replaced_key_signs_no_more(self, app: Flask, hands: Hands) -> None:
        organisation = add_organisation()
        member, seed = enter(organisation.supervisor)
        before = len(signed(organisation))
        signing_in.remember(member.id, seed, "sign_out", Keyring(identity=random_key()))
        assert len(signed(organisation)) == before

    def test_a_new_identity_key_signs_at_once_and_old_heads_stay_good(
        self, app: Flask, hands: Hands
    ) -> None:
        organisation = add_organisation()
        work(organisation, hands)
        for name in ("Second", "Third"):
            gone = add_member(organisation, "supervisor", name)
            members.remove(session_of(organisation.supervisor), gone.member_id)
            (newest,) = heads.newest(db.session())
            key = db.session.get_one(OrganisationRow, organisation.id).identity_key
            assert newest.identity_key == key
            message = heads.message(organisation.id, newest.head)
            sealing.verify(key, heads.LABEL, message, newest.signature)
        work(organisation, hands)
        assert checked(organisation) == heads.Checked(len(signed(organisation)))

    def test_the_demo_signs_for_all_its_organisations(self, app: Flask) -> None:
        demo_people.make_people(demo_people.Book.load(app.extensions["settings"].data_dir))
        assert len(heads.newest(db.session())) == len(demo_people.ORGANISATIONS)
