"""What may be wrong with a kit or its keys: refused without a trace, or counted and told."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import sqlalchemy
from sqlalchemy import delete, select

from casework import audit, keys, kits, members, organisations, recovery
from casework.credentials import NewMember
from casework.models import Grant
from casework.policy import ActionRefused
from casework.roster import Holder
from reporting.database import db, transaction
from reporting.models import IntakeKey, Organisation
from reporting.sealing import public_of, random_key, seal
from tests.casework import people
from tests.casework.lost import Place, everything, held, made, recover


def refused_without_a_trace(call: Callable[[], object], reason: str) -> None:
    before = everything()
    with pytest.raises(ActionRefused, match=reason):
        call()
    assert everything() == before


def never(_new: NewMember) -> NewMember:
    raise AssertionError("something was shown")


def test_a_kit_of_another_organisation_is_refused_before_anything_is_shown(
    place: Place,
) -> None:
    for seed in (made("twin", "Tala").seed, random_key()):
        foreign = replace(place, seed=seed)
        refused_without_a_trace(partial(recover, foreign, confirm=never), "kit-other")


def test_a_code_that_is_never_right_leaves_nothing_behind(place: Place) -> None:
    def gives_up(_new: NewMember) -> NewMember:
        raise ActionRefused("gave-up")

    refused_without_a_trace(lambda: recover(place, confirm=gives_up), "gave-up")


def test_a_name_that_is_somebodys_makes_nothing(place: Place) -> None:
    refused_without_a_trace(lambda: recover(place, "SANA  said"), "name-taken")


@pytest.mark.parametrize("damaged", [False, True])
@pytest.mark.parametrize("kind", ["intake", "casework"])
def test_a_key_the_kit_lacks_is_counted_and_made_anew(
    place: Place, kind: str, damaged: bool
) -> None:
    """Otherwise the supervisor could not sign in, or would box new things under an old epoch."""
    karim = people.add_member(place, "caseworker", "Karim")
    members.remove(people.session_of(place.supervisor), karim.member_id)
    with transaction() as session:
        old = select(IntakeKey.key_id).where(IntakeKey.retired.is_not(None))
        mine = (Grant.holder_id == place.id, Grant.kind == kind, Grant.key_id.not_in(old))
        newest = session.scalars(select(Grant).where(*mine).order_by(Grant.epoch.desc())).first()
        assert newest is not None
        lost = newest.key_id
        if damaged:
            newest.sealed = newest.sealed[:-1] + bytes([newest.sealed[-1] ^ 1])
        else:
            session.delete(newest)
    assert recovery.check(place.id, place.seed).missing == 1
    done = recover(place)
    assert done.missing == 1
    people.enter(done.supervisor)
    rana = people.session_of(done.supervisor).keyring
    sana = people.session_of(place.supervisor).keyring
    assert rana.key_ids() == held(place.id) == sana.key_ids() - {lost}
    assert rana.newest_epoch() == sana.newest_epoch() == 3
    [link] = audit.since(db.session(), place.id, 0, "use_kit")
    assert link[1]["missing"] == 1


def test_a_second_key_of_an_epoch_is_not_chosen_from(place: Place) -> None:
    """Anyone can seal to the kit. The wrong one taken, the right one would be lost with the kit."""
    own = random_key()
    with transaction() as session:
        to = [Holder(place.id, public_of(place.seed), identity=True)]
        granted = keys.id_of(keys.CASEWORK, own)
        keys.grant(session, place.id, keys.CASEWORK, granted, 1, own, to)
    refused_without_a_trace(lambda: recover(place, confirm=never), "kit-changed")


@pytest.mark.parametrize("change", ["lost", "replaced"])
def test_without_the_published_identity_key_nothing_is_made(place: Place, change: str) -> None:
    with transaction() as session:
        if change == "lost":
            identity = (Grant.holder_id == place.id, Grant.kind == keys.IDENTITY)
            session.execute(delete(Grant).where(*identity))
        else:
            session.get_one(Organisation, place.id).identity_key = bytes(32)
    refused_without_a_trace(lambda: recover(place, confirm=never), "kit-changed")


def test_a_chain_that_lost_its_signed_head_is_not_papered_over(place: Place) -> None:
    people.enter(place.supervisor)
    with transaction() as session:
        last = sqlalchemy.text("DELETE FROM audit_entry WHERE chain = :c AND seq > 4")
        session.execute(last, {"c": place.id})
    refused_without_a_trace(lambda: recover(place, confirm=never), "kit-chain")


def test_a_grant_that_was_made_for_another_organisation_is_left_out(
    place: Place,
) -> None:
    other = made("twin", "Tala")
    own = random_key()
    granted = keys.id_of(keys.CASEWORK, own)
    sealed = seal(public_of(place.seed), "grant", granted + place.id, own)
    with transaction() as session:
        row = Grant(holder_id=place.id, key_id=granted, organisation_id=other.id,
                    kind=keys.CASEWORK, epoch=9, sealed=sealed)  # fmt: skip
        session.add(row)
    done = recover(place)
    assert people.session_of(done.supervisor).keyring.newest_epoch() == 2


@pytest.mark.parametrize("command", ["add", "recover"])
def test_a_kit_that_cannot_be_written_is_nobodys(
    place: Place, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Written after the commit, the organisation would have one that nobody has seen."""

    def fail(*_: object) -> None:
        raise RuntimeError("no words")

    before = everything()
    with monkeypatch.context() as broken:
        broken.setattr(kits, "make", fail)
        with pytest.raises(RuntimeError, match="no words"):
            recover(place) if command == "recover" else organisations.add("twin", "Twin", "Tala")
    assert everything() == before
    recover(place) if command == "recover" else organisations.add("twin", "Twin", "Tala")
    assert everything() != before
