"""What the kit opened is shown and asked about: whoever can write may have prepared a recovery."""

from collections.abc import Callable
from typing import Any

import pyotp
import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import delete

from casework import commands, credentials, heads, keys, kits, recovery, roster
from casework.credentials import NewMember
from casework.kits import Split
from casework.models import Grant, Member, SignedHead
from casework.policy import ActionRefused
from casework.recovery import Found
from casework.roster import Holder
from reporting import clock
from reporting.database import db, transaction
from reporting.models import Organisation
from reporting.sealing import b64, public_of_signing, random_key
from tests.casework import people
from tests.casework.lost import Place, everything
from tests.casework.planted import forge, held, plant_member
from tests.casework.test_recovery_commands import printed

Recover = Callable[..., Result]
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture
def recover(app: Flask, place: Place, monkeypatch: pytest.MonkeyPatch) -> Recover:
    """Use the kit of `place`; each of `answers` is a line after its words."""
    monkeypatch.setattr(pyotp, "random_base32", lambda: SECRET)

    def call(*answers: str) -> Result:
        [words] = kits.make(place.seed).texts
        arguments = ["recover", place.slug, "--supervisor-name", "Rana"]
        typed = "".join(f"{line}\n" for line in (words, *answers))
        return app.test_cli_runner().invoke(commands.organisation, arguments, input=typed)

    return call


def code() -> str:
    return pyotp.TOTP(SECRET).at(clock.now())


def published(place: Place) -> str:
    db.session.rollback()
    return b64(db.session.get_one(Organisation, place.id).identity_key)


def prepare(place: Place) -> NewMember:
    """A false identity key, sealed to the kit, and a roster it signs; all fits together."""
    mallory = plant_member(place, "supervisor")
    kit = Holder(place.id, roster.recovery_key(db.session(), place.id), identity=True)
    own = random_key()
    public_key = public_of_signing(own)

    def change(said: dict[str, Any]) -> None:
        entry = {"id": b64(mallory.member_id), "role": "supervisor"}
        said["members"].append({**entry, "public_key": b64(mallory.public_key)})
        said["identity"] = b64(public_key)

    forge(place, change, own)
    with transaction() as session:
        mine = (Grant.holder_id == place.id, Grant.kind == keys.IDENTITY)
        session.execute(delete(Grant).where(*mine))
        granted = keys.id_of(keys.IDENTITY, own)
        keys.grant(session, place.id, keys.IDENTITY, granted, None, own, [kit])
        session.get_one(Organisation, place.id).identity_key = public_key
        session.execute(delete(SignedHead))
        session.flush()
        heads.sign(session, place.id, own)
    return mallory


def test_a_prepared_recovery_is_shown_and_no_changes_nothing(
    place: Place, recover: Recover
) -> None:
    real = published(place)
    mallory = prepare(place)
    before = everything()
    done = recover("n")
    assert done.exit_code == 1
    assert real not in done.output
    assert published(place) in done.output
    assert credentials.fingerprint(mallory.public_key) in done.output
    assert "For Rana" not in done.output
    assert everything() == before
    assert held(mallory.member_id) == frozenset()


def test_what_is_in_order_is_shown_and_asked_first(place: Place, recover: Recover) -> None:
    karim = people.add_member(place, "caseworker", "Karim")
    real = published(place)
    before = everything()
    assert recover("n").exit_code == 1
    assert everything() == before
    done = recover("y", code())
    assert done.exit_code == 0, done.output
    shown = done.output.partition("For Rana")[0]
    for role, name, new in (("supervisor", "Sana", place.supervisor), ("caseworker", "Kar", karim)):
        [line] = [line for line in shown.splitlines() if name in line]
        assert role in line
        assert credentials.fingerprint(new.public_key) in line
    # Before anything is made, and once more beside the new kit.
    assert real in shown
    assert real in done.output.partition("RECOVERY KIT")[2]


@pytest.mark.parametrize("name", ["back\x08space", "a\nb", "\u202eevil", "x" * 500])
def test_a_name_cannot_hide_what_is_shown(place: Place, recover: Recover, name: str) -> None:
    """A name comes from the table: it could move the cursor over the line of a planted member."""
    with transaction() as session:
        session.get_one(Member, place.supervisor.member_id).name = name
    shown = recover("n").output
    assert name not in shown
    assert credentials.fingerprint(place.supervisor.public_key) in shown


def test_a_member_whom_the_table_lacks_is_shown_by_the_roster(
    place: Place, recover: Recover
) -> None:
    karim = people.add_member(place, "caseworker", "Karim")
    with transaction() as session:
        session.execute(delete(Grant).where(Grant.holder_id == karim.member_id))
        session.execute(delete(Member).where(Member.id == karim.member_id))
    assert credentials.fingerprint(karim.public_key) in recover("n").output


def test_what_was_compared_is_what_counts(place: Place) -> None:
    """Prepared only after the operator looked, while the new supervisor writes words down."""
    seen: list[Found] = []

    def confirm(new: NewMember) -> NewMember:
        prepare(place)
        return new

    with pytest.raises(ActionRefused, match="kit-changed"):
        recovery.recover(place.id, place.seed, "Rana", compare=seen.append, confirm=confirm)
    assert seen[0].identity_key != db.session.get_one(Organisation, place.id).identity_key
    assert [one.name for one in seen[0].members] == ["Sana Said"]
    assert db.session.query(Member).filter_by(name="Rana").count() == 0


def test_the_kit_is_printed_with_the_identity_key(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pyotp, "random_base32", lambda: SECRET)
    arguments = ["add", "--slug", "help", "--name", "Help", "--supervisor-name", "Sana"]
    for split in ((), ("--split", "2-of-3")):
        slug = f"help{len(split)}"
        arguments[2], arguments[6] = slug, slug
        typed = f"{code()}\n"
        done = app.test_cli_runner().invoke(
            commands.organisation, [*arguments, *split], input=typed
        )
        assert done.exit_code == 0, done.output
        rows = db.session.query(Organisation).filter_by(slug=slug)
        kit = done.output.partition("RECOVERY KIT")[2].partition("INSTANCE KIT")[0]
        assert b64(rows.one().identity_key) in kit
        assert "changes when a supervisor leaves" in kit


def test_the_key_beside_a_new_kit_is_the_published_one(place: Place) -> None:
    done = recovery.recover(place.id, place.seed, "Rana", split=Split(2, 3))
    assert b64(done.identity_key) == published(place)


def test_keys_the_kit_lacks_are_told_and_asked(place: Place, recover: Recover) -> None:
    with transaction() as session:
        lost = (Grant.holder_id == place.id, Grant.kind == keys.INTAKE)
        session.execute(delete(Grant).where(*lost))
    before = everything()
    done = recover("y", "n")
    assert done.exit_code == 1
    assert "1 of the organisation's keys cannot be opened with this kit." in done.output
    assert everything() == before
    done = recover("y", "y", code())
    assert done.exit_code == 0
    assert "Do not destroy the old kit" in done.output
    assert "destroy it" not in done.output
    [text] = printed(done.output)
    assert recovery.check(place.id, kits.read(text.split())).missing == 1
    assert db.session.query(Member).count() == 2
