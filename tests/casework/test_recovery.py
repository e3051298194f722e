"""An organisation that lost its members' keys comes back by its kit, and the kit is replaced."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select

from casework import (
    admission,
    audit,
    heads,
    incidents,
    linking,
    members,
    organisations,
    recovery,
    reports,
    roster,
    sessions,
)
from casework.credentials import NewMember
from casework.kits import Split
from casework.models import Member, SignedHead
from casework.policy import ActionRefused
from reporting.database import db
from reporting.models import IntakeKey, Organisation
from reporting.sealing import b64, public_of, random_id
from tests.casework import people, sent
from tests.casework.lost import Place, everything, held, opens, recover, seed_of

HAPPENED = sent.ANSWERS["what_happened"]


def test_the_whole_way_back(place: Place) -> None:
    """Nobody has a passphrase any more; what was sent before, during and after is opened."""
    before = people.session_of(place.supervisor)
    admitted, linked = sent.send(), sent.send()
    admission.admit_new(before)
    incident_id = linking.new_incident(before, linked.report_id, 1)
    incidents.save_note(before, incident_id, random_id(), 0, "Spoke with the driver.")
    waiting = sent.send()
    done = recover(place)
    people.enter(done.supervisor)
    rana = people.session_of(done.supervisor)
    assert rana.role == "supervisor"
    for one in (admitted, linked):
        _work, thread = reports.open_report(rana, one.report_id)
        assert thread is not None
        assert thread.first.body.text == HAPPENED
    assert admission.admit_new(rana).count == 1
    _work, thread = reports.open_report(rana, waiting.report_id)
    assert thread is not None
    assert thread.first.body.text == HAPPENED
    opened = incidents.open_incident(rana, incident_id)
    assert [note.value["text"] for note in opened.notes] == ["Spoke with the driver."]
    assert audit.verify(place.id) is None
    # She does what a supervisor does: the lost one goes, and all keys are new.
    members.remove(rana, place.supervisor.member_id)
    assert held(place.id) == held(done.supervisor.member_id)
    assert recovery.check(place.id, seed_of(done.kit)).missing == 0


def test_the_kit_is_replaced(place: Place) -> None:
    before = held(place.id)
    assert opens(place, place.seed) == len(before) == 3
    done = recover(place)
    new = seed_of(done.kit)
    assert public_of(new) == roster.recovery_key(db.session(), place.id)
    assert held(place.id) == held(done.supervisor.member_id) > before
    assert opens(place, new) == 5
    assert opens(place, place.seed) == 0
    with pytest.raises(ActionRefused, match="kit-other"):
        recover(place, "Third")
    again = recover(replace(place, seed=new), "Third")
    assert opens(place, seed_of(again.kit)) == 7
    people.enter(again.supervisor)


def test_what_comes_next_is_closed_to_the_old_kit_and_a_backup(place: Place) -> None:
    """With a copy from before, the used kit opens every key until then."""
    karim = people.add_member(place, "caseworker", "Karim")
    working = sessions.start(*people.enter(karim))
    backup = held(place.id)
    done = recover(place)
    now, _pin = roster.follow(db.session(), place.id, None)
    assert not {now.casework[-1], now.intake[-1]} & backup
    current = select(IntakeKey.key_id).where(IntakeKey.retired.is_(None))
    assert db.session.scalars(current).all() == [now.intake[-1]]
    # Nobody is locked out, also who is at work.
    later = sent.send()
    for new in (place.supervisor, karim, done.supervisor):
        assert people.session_of(new).keyring.newest_epoch() == 2
    assert admission.admit_new(people.session_of(karim)).count == 1
    _work, thread = reports.open_report(people.session_of(place.supervisor), later.report_id)
    assert thread is not None
    assert thread.first.body.text == HAPPENED
    gone_on = sessions.load(working.token)
    assert gone_on is not None
    assert gone_on.keyring.newest_epoch() == 2


def test_who_still_has_a_passphrase_goes_on(place: Place) -> None:
    karim = people.add_member(place, "caseworker", "Karim")
    people.enter(place.supervisor)
    recover(place)
    people.enter(place.supervisor, 1)
    people.enter(karim)
    assert [m.state for m in db.session.scalars(select(Member))] == ["active"] * 3


def test_the_chain_says_so_and_its_head_is_signed(place: Place) -> None:
    done = recover(place)
    found = audit.since(db.session(), place.id, 0, "use_kit")
    assert [link[1]["missing"] for link in found] == [0]
    assert len({found[0][1]["old"], found[0][1]["new"]}) == 2
    actions = [action for action, _ in audit.of(db.session(), place.id, done.supervisor.member_id)]
    assert actions == ["invite", "accept_invitation", "admit_member"]
    tip = audit.tip(db.session(), place.id)
    newest = db.session.scalars(select(SignedHead).order_by(SignedHead.seq.desc())).first()
    assert newest is not None
    assert (newest.seq, newest.head) == tip
    organisation = db.session.get_one(Organisation, place.id)
    assert heads.verify(organisation).wrong == ""


def test_no_secret_is_stored(place: Place) -> None:
    done = recover(place)
    new = seed_of(done.kit)
    words = done.kit.texts[0].encode()
    texts = [words, words.title(), done.supervisor.passphrase.encode()]
    seeds = [place.seed, new, done.supervisor.seed]
    secrets = [*seeds, *(b64(seed).encode() for seed in seeds), *texts]
    stored = [v.encode() if isinstance(v, str) else v for row in everything() for v in row]
    raw = [value for value in stored if isinstance(value, bytes)]
    assert not [one for value in raw for one in secrets if one in value]
    # The twin: what is public of the same kit is found.
    assert [value for value in raw if b64(public_of(new)).encode() in value]


def test_a_key_made_between_reading_and_writing_is_granted(place: Place) -> None:
    karim = people.add_member(place, "caseworker", "Karim")

    def meanwhile(new: NewMember) -> NewMember:
        members.remove(people.session_of(place.supervisor), karim.member_id)
        return new

    done = recover(place, confirm=meanwhile)
    now = held(place.supervisor.member_id)
    assert len(now) == 7
    assert held(done.supervisor.member_id) == held(place.id) == now
    assert opens(place, seed_of(done.kit)) == 7
    people.enter(done.supervisor)


def test_of_two_who_use_one_kit_at_once_one_does(place: Place, app: Flask) -> None:
    both = threading.Barrier(2)

    def at_once(new: NewMember) -> NewMember:
        both.wait(20)
        return new

    def use(name: str) -> bytes | str:
        with app.app_context():
            try:
                return seed_of(recover(place, name, confirm=at_once).kit)
            except ActionRefused as refused:
                return refused.reason

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(use, ["Rana", "Rima"]))
    [new] = [one for one in found if isinstance(one, bytes)]
    assert "kit-other" in found
    assert recovery.check(place.id, new).missing == 0
    assert opens(place, new) == 5
    assert len(db.session.scalars(select(Member)).all()) == 2
    assert audit.verify(place.id) is None


def test_a_key_made_at_the_same_moment_is_never_missed(place: Place, app: Flask) -> None:
    """Removing a member makes keys; whichever of the two comes first, the new kit opens them."""
    karim = people.add_member(place, "caseworker", "Karim")
    both = threading.Barrier(2)

    def at_once(new: NewMember) -> NewMember:
        both.wait(20)
        return new

    def remove() -> None:
        with app.app_context():
            by = people.session_of(place.supervisor)
            both.wait(20)
            with suppress(ActionRefused):
                members.remove(by, karim.member_id)
                return
            # The recovery came first and made keys new. The next request opens them.
            members.remove(people.session_of(place.supervisor), karim.member_id)

    with ThreadPoolExecutor(1) as pool:
        removing = pool.submit(remove)
        done = recover(place, confirm=at_once)
        removing.result()
    assert len(held(place.supervisor.member_id)) == 7
    assert held(done.supervisor.member_id) == held(place.id)
    assert held(place.id) == held(place.supervisor.member_id)
    assert opens(place, seed_of(done.kit)) == 7


def test_a_kit_may_be_split_and_put_together_again(app: Flask) -> None:
    added = organisations.add("demo", "Demo", "Sana", split=Split(2, 3))
    place = Place(added.organisation_id, "demo", added.supervisor, seed_of(added.kit))
    done = recover(place, split=Split(3, 4))
    assert (len(done.kit.texts), done.kit.needed) == (4, 3)
    assert opens(place, seed_of(done.kit)) == 5
