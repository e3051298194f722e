"""Keys: who is granted what, and what a changed grant or key does at the next opening."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from mnemonic import Mnemonic
from sqlalchemy import select

from casework import credentials, invitations, keys, members, organisations, roster, rotation
from casework.credentials import NewMember
from casework.keys import Keyring
from casework.models import Grant, Member
from casework.policy import ActionRefused
from casework.roster import Holder
from reporting import clock
from reporting.database import db, transaction
from reporting.models import IntakeKey, Organisation
from reporting.sealing import (
    SealingRefused,
    key_id,
    open_sealed,
    public_of,
    random_key,
    seal,
)
from tests.casework.people import add_lead, add_member, add_organisation, session_of


def rows(holder: bytes) -> list[Grant]:
    return list(db.session.scalars(select(Grant).where(Grant.holder_id == holder)))


def test_first_supervisor_and_recovery_key_hold_every_key(app: Flask) -> None:
    added = organisations.add("demo", "Demo", "Sana")
    seed = bytes(Mnemonic("english").to_entropy(added.kit.texts[0]))
    organisation = db.session.get_one(Organisation, added.organisation_id)
    assert public_of(seed) == roster.recovery_key(db.session(), organisation.id)
    ring = session_of(added.supervisor).keyring
    opened = {
        row.kind: open_sealed(seed, "grant", row.key_id + organisation.id, row.sealed)
        for row in rows(organisation.id)
    }
    assert opened["casework"] == ring.casework[1]
    assert opened["identity"] == ring.identity
    assert opened["intake"] == next(iter(ring.intake.values()))
    assert len(added.kit.texts[0].split()) == 24


def test_secrets_of_a_new_organisation_are_nowhere_in_the_database(app: Flask) -> None:
    added = organisations.add("demo", "Demo", "Sana")
    ring = session_of(added.supervisor).keyring
    secrets = [*ring.intake.values(), *ring.casework.values(), ring.identity, added.supervisor.seed]
    secrets += [added.supervisor.totp_secret.encode(), added.supervisor.passphrase.encode()]
    for table in db.metadata.sorted_tables:
        for row in db.session.execute(sqlalchemy.select(table)):
            for value in row:
                raw = value.encode() if isinstance(value, str) else value
                for secret in secrets:
                    assert not (isinstance(raw, bytes) and secret is not None and secret in raw)


@pytest.mark.parametrize(
    "slug", ["", "a", "A", "instance", "bundle", "a b", "é" * 3, "x" * 41, "x/"]
)
def test_unusable_slug_is_refused(app: Flask, slug: str) -> None:
    with pytest.raises(ActionRefused):
        organisations.add(slug, "Name", "Sana")


def test_organisation_is_made_whole_or_not_at_all(app: Flask) -> None:
    add_organisation("demo", "Sana")
    with pytest.raises(ActionRefused, match="name-taken"):
        organisations.add("other", "Other", "SANA")
    assert db.session.scalar(select(Organisation).where(Organisation.slug == "other")) is None


def test_intake_key_is_signed_by_the_identity_key(app: Flask) -> None:
    organisation = db.session.get_one(Organisation, add_organisation().id)
    instance_id = app.extensions["instance"].instance_id
    keys.check_signatures(db.session(), organisation, instance_id)
    with pytest.raises(SealingRefused):
        keys.check_signatures(db.session(), organisation, bytes(16))


def test_caseworker_holds_all_but_the_identity_key(app: Flask) -> None:
    organisation = add_organisation()
    supervisor = session_of(organisation.supervisor).keyring
    ring = session_of(add_member(organisation, "caseworker", "Karim")).keyring
    assert (ring.intake, ring.casework) == (supervisor.intake, supervisor.casework)
    assert ring.identity is None
    assert supervisor.identity is not None


def test_two_organisations_share_no_key(app: Flask) -> None:
    one, two = (session_of(add_organisation(slug).supervisor).keyring for slug in ("one", "two"))
    assert not one.key_ids() & two.key_ids()


def test_lead_holds_no_key(app: Flask) -> None:
    add_organisation()
    session = session_of(add_lead())
    assert session.keyring == Keyring()
    assert db.session.get_one(Member, session.member_id).public_key is None


def test_grant_moved_to_another_holder_does_not_open(app: Flask) -> None:
    """The holder is part of what is sealed: a database writer cannot hand a grant on."""
    organisation = add_organisation()
    karim = add_member(organisation, "caseworker", "Karim")
    identity = next(row for row in rows(organisation.supervisor.member_id) if row.epoch is None)
    with transaction() as session:
        copy = {c.name: getattr(identity, c.name) for c in Grant.__table__.columns}
        session.add(Grant(**{**copy, "holder_id": karim.member_id, "key_id": bytes(16)}))
    with pytest.raises(SealingRefused):
        session_of(karim)


def test_granted_secret_that_is_not_what_its_id_says_is_refused(app: Flask) -> None:
    """Anyone can seal to a member: an attacker's own casework key must not be taken for one."""
    organisation = add_organisation()
    karim = add_member(organisation, "caseworker", "Karim")
    row = next(row for row in rows(karim.member_id) if row.kind == "casework")
    with transaction() as session:
        kept = session.merge(row)
        own = seal(karim.public_key, "grant", row.key_id + karim.member_id, random_key())
        kept.sealed = own
    with pytest.raises(SealingRefused, match="grant"):
        session_of(karim)


def test_published_intake_key_that_no_member_holds_is_noticed(app: Flask) -> None:
    organisation = add_organisation()
    foreign = public_of(random_key())
    with transaction() as session:
        row = session.scalars(select(IntakeKey)).one()
        row.public_key, row.key_id = foreign, key_id("intake-key", foreign)
    with pytest.raises(SealingRefused, match="intake-key"):
        session_of(organisation.supervisor)


def test_second_key_of_an_epoch_is_refused(app: Flask) -> None:
    organisation = add_organisation()
    supervisor = organisation.supervisor
    own = random_key()
    granted = key_id("casework-key", own)
    with transaction() as session:
        to = [Holder(supervisor.member_id, supervisor.public_key, identity=True)]
        keys.grant(session, organisation.id, keys.CASEWORK, granted, 1, own, to)
    with pytest.raises(SealingRefused, match="grant"):
        session_of(supervisor)


def test_removing_a_member_makes_new_keys_that_they_cannot_open(app: Flask) -> None:
    organisation = add_organisation()
    karim = add_member(organisation, "caseworker", "Karim")
    before = session_of(organisation.supervisor)
    old = set(before.keyring.key_ids())
    members.remove(before, karim.member_id)
    after = session_of(organisation.supervisor).keyring
    assert after.newest_epoch() == 2
    assert len(after.intake) == 2
    assert old < set(after.key_ids())
    assert rows(karim.member_id) == []
    assert before.keyring == after, "the removing session works on with the new keys"
    current = db.session.scalars(select(IntakeKey).where(IntakeKey.retired.is_(None))).one()
    assert current.key_id in after.intake
    assert current.key_id not in old


def test_removing_a_supervisor_makes_a_new_identity_key_signed_by_the_old(app: Flask) -> None:
    organisation = add_organisation()
    second = add_member(organisation, "supervisor", "Second")
    by = session_of(organisation.supervisor)
    old = by.keyring.identity
    members.remove(by, second.member_id)
    assert by.keyring.identity not in {None, old}
    row = db.session.get_one(Organisation, organisation.id)
    keys.check_signatures(db.session(), row, app.extensions["instance"].instance_id)


def test_later_member_opens_what_older_epochs_closed(app: Flask) -> None:
    organisation = add_organisation()
    gone = add_member(organisation, "caseworker", "Gone")
    members.remove(session_of(organisation.supervisor), gone.member_id)
    new = session_of(add_member(organisation, "caseworker", "New")).keyring
    assert set(new.casework) == {1, 2}
    assert len(new.intake) == 2


def test_admitting_with_an_old_keyring_is_refused(app: Flask) -> None:
    """Otherwise the new member would miss the keys made in between."""
    organisation = add_organisation()
    gone = add_member(organisation, "caseworker", "Gone")
    stale = session_of(organisation.supervisor)
    members.remove(session_of(organisation.supervisor), gone.member_id)
    new = invitations.enrol(organisation.id, "caseworker", "New")
    with pytest.raises(ActionRefused, match="keys-changed"):
        members.admit(stale, new.member_id, "caseworker", credentials.fingerprint(new.public_key))
    assert rows(new.member_id) == []


def test_removing_with_an_old_keyring_is_refused(app: Flask) -> None:
    """Otherwise an identity key that is no longer the organisation's would sign the new one."""
    organisation = add_organisation()
    second = add_member(organisation, "supervisor", "Second")
    third = add_member(organisation, "supervisor", "Third")
    karim = add_member(organisation, "caseworker", "Karim")
    stale = session_of(second)
    members.remove(session_of(organisation.supervisor), third.member_id)
    before = session_of(organisation.supervisor).keyring
    with pytest.raises(ActionRefused, match="keys-changed"):
        members.remove(stale, karim.member_id)
    assert session_of(organisation.supervisor).keyring == before
    assert rows(karim.member_id) != []


class TestRotation:
    """The intake key's renewal."""

    def test_old_keyring_renews_nothing(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        """A supervisor who was removed meanwhile holds an identity key that signs no more."""
        organisation = add_organisation()
        second = add_member(organisation, "supervisor", "Second")
        stale = session_of(second)
        members.remove(session_of(organisation.supervisor), second.member_id)
        later = clock.now() + timedelta(days=31)
        monkeypatch.setattr(clock, "now", lambda: later)
        before = session_of(organisation.supervisor).keyring
        with pytest.raises(ActionRefused):
            rotation.renew_if_due(stale)
        assert session_of(organisation.supervisor).keyring == before

    def test_key_whose_signature_does_not_verify_is_due(self, app: Flask) -> None:
        """Whoever can write to the database must not keep an old key in use with a later day."""
        organisation = add_organisation()
        assert not rotation.is_due(organisation.id)
        with transaction() as session:
            row = session.scalars(select(IntakeKey)).one()
            row.created = row.created - timedelta(days=1)
        assert rotation.is_due(organisation.id)
        assert self.renew(organisation.supervisor)
        assert not rotation.is_due(organisation.id)

    def renew(self, member: NewMember) -> bool:
        return rotation.renew_if_due(session_of(member))

    def test_renewed_on_the_thirtieth_day_by_a_supervisor_only(
        self, app: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def at(day: int) -> None:
            moment = datetime(2026, 4, day, 12, tzinfo=UTC)
            monkeypatch.setattr(clock, "now", lambda: moment)

        at(1)
        organisation = add_organisation()
        karim = add_member(organisation, "caseworker", "Karim")
        at(30)
        assert not self.renew(organisation.supervisor)
        monkeypatch.setattr(clock, "now", lambda: datetime(2026, 5, 1, 0, 1, tzinfo=UTC))
        assert not self.renew(karim)
        assert self.renew(organisation.supervisor)
        assert not self.renew(organisation.supervisor)
        assert len(session_of(karim).keyring.intake) == 2
        retired = db.session.scalars(select(IntakeKey).where(IntakeKey.retired.is_not(None))).one()
        assert retired.retired == datetime(2026, 5, 1, tzinfo=UTC).date()

    def test_retired_key_goes_after_seven_days_with_grants_and_memory(
        self, app: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        organisation = add_organisation()
        gone = add_member(organisation, "caseworker", "Gone")
        members.remove(session_of(organisation.supervisor), gone.member_id)
        assert rotation.delete_retired() == 0
        later = clock.now().replace(year=clock.now().year + 1)
        monkeypatch.setattr(clock, "now", lambda: later)
        assert rotation.delete_retired() == 1
        assert len(session_of(organisation.supervisor).keyring.intake) == 1
        assert rotation.delete_retired() == 0


@given(
    intake=st.lists(st.binary(min_size=32, max_size=32), max_size=4, unique=True),
    casework=st.dictionaries(st.integers(1, 50), st.binary(min_size=32, max_size=32), max_size=4),
    identity=st.none() | st.binary(min_size=32, max_size=32),
)
def test_keyring_survives_its_box(
    intake: list[bytes], casework: dict[int, bytes], identity: bytes | None
) -> None:
    ring = Keyring({seed[:16]: seed for seed in intake}, casework, identity)
    assert Keyring.from_json(ring.to_json()) == ring


def test_keyring_shows_no_key_in_its_repr() -> None:
    assert "AAAA" not in repr(Keyring({b"A" * 16: b"A" * 32}, {1: b"A" * 32}, b"A" * 32))
