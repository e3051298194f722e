"""From report to record, and back: linking, coding, closing, handing over, erasing."""

import threading
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from analytics import records
from analytics.models import Record, RecordCode
from casework import (
    admission,
    audit,
    coding,
    erasure,
    handover,
    incidents,
    linking,
    objects,
    reports,
    triage,
)
from casework.bodies import Body
from casework.models import Incident, Item, Work
from casework.policy import ActionRefused
from casework.sessions import Session
from reporting import mailbox
from reporting.database import db, transaction
from reporting.sealing import random_id
from tests.casework import people, sent
from tests.casework.people import Organisation


def work_of(one: sent.Sent) -> Work:
    found = db.session.get(Work, one.report_id, populate_existing=True)
    assert found is not None
    return found


def incident_of(incident_id: bytes) -> Incident:
    found = db.session.get(Incident, incident_id, populate_existing=True)
    assert found is not None
    return found


def made(session: Session, one: sent.Sent) -> bytes:
    """An incident of a report, through admission and decision."""
    admission.admit_new(session)
    return linking.new_incident(session, one.report_id, work_of(one).version)


def coded(session: Session, incident_id: bytes, **changes: Any) -> None:
    opened = incidents.open_incident(session, incident_id)
    chosen = replace(opened.coding, **{"certainty": "V2", **changes})
    incidents.save_coding(session, incident_id, opened.incident.version, chosen)


def closed(session: Session, incident_id: bytes, **changes: Any) -> None:
    coded(session, incident_id, **changes)
    incidents.close(session, incident_id, incident_of(incident_id).version)


def recorded() -> int:
    return db.session.scalar(select(func.count()).select_from(Record)) or 0


def counted(session: Session) -> tuple[sent.Sent, bytes]:
    """A report and its incident, closed and handed over: the only one that is counted."""
    one = sent.send()
    incident_id = made(session, one)
    closed(session, incident_id)
    handover.hand_over(session)
    assert recorded() == 1
    return one, incident_id


def test_a_report_becomes_a_record(sana: Session) -> None:
    one = sent.send()
    incident_id = made(sana, one)
    closed(sana, incident_id)
    assert recorded() == 0
    assert handover.waiting(sana) == 1
    assert handover.hand_over(sana) == 1
    assert handover.waiting(sana) == 0
    row = db.session.scalars(select(Record)).one()
    assert (row.ref_year, row.month, row.country) == (2025, "2025-03", "DE")
    assert (row.type, row.setting) == ("af.threat", "loc.transport")
    codes = {(c.field, c.code) for c in db.session.scalars(select(RecordCode))}
    assert ("motive", "b.language") in codes
    assert [m.get("status") for m in sent.messages(one)] == ["being_read", "finished"]
    assert audit.verify(sana.organisation_id or b"") is None


def test_two_decide_at_once_and_one_is_told(sana: Session, organisation: Organisation) -> None:
    one = sent.send()
    admission.admit_new(sana)
    ben = people.session_of(people.add_member(organisation, "caseworker", "Ben"))
    seen = work_of(one).version
    linking.new_incident(sana, one.report_id, seen)
    with pytest.raises(ActionRefused) as refused:
        linking.new_incident(ben, one.report_id, seen)
    assert refused.value.reason == "held"
    assert db.session.scalar(select(func.count()).select_from(Incident)) == 1


def test_the_second_coder_is_refused_and_the_first_coding_stays(sana: Session) -> None:
    incident_id = made(sana, sent.send())
    opened = incidents.open_incident(sana, incident_id)
    seen = opened.incident.version
    first = replace(opened.coding, certainty="V3")
    incidents.save_coding(sana, incident_id, seen, first)
    with pytest.raises(ActionRefused) as refused:
        incidents.save_coding(sana, incident_id, seen, replace(opened.coding, country="FR"))
    assert refused.value.reason == "version"
    assert incidents.open_incident(sana, incident_id).coding == first


def test_a_colleague_with_the_same_keys_opens_everything(
    sana: Session, organisation: Organisation
) -> None:
    incident_id = made(sana, sent.send())
    ben = people.session_of(people.add_member(organisation, "caseworker", "Ben"))
    opened = incidents.open_incident(ben, incident_id)
    assert opened.threads[0][1].first.body.text == sent.ANSWERS["what_happened"]


def test_another_organisation_sees_nothing(sana: Session) -> None:
    one = sent.send()
    incident_id = made(sana, one)
    other = people.session_of(people.add_organisation("other").supervisor)
    for attempt in (
        lambda: reports.open_report(other, one.report_id),
        lambda: reports.open_file(other, one.report_id, 0),
        lambda: incidents.open_incident(other, incident_id),
        lambda: triage.claim(other, one.report_id, 1),
        lambda: incidents.close(other, incident_id, 1),
        lambda: linking.unlink(other, one.report_id, 1),
    ):
        with pytest.raises(ActionRefused) as refused:
            attempt()
        assert refused.value.reason == "unknown"
    assert triage.page(other, triage.Filters(view="all")).lines == ()


def test_an_old_revision_does_not_come_back_unseen(sana: Session) -> None:
    incident_id = made(sana, sent.send())
    coded(sana, incident_id)
    with transaction() as database:
        coding_items = select(Item).where(Item.kind == "coding").order_by(Item.revision.desc())
        database.delete(database.scalars(coding_items).all()[0])
    opened = incidents.open_incident(sana, incident_id)
    assert [one.kind for one in opened.altered] == ["coding"]
    with pytest.raises(ActionRefused) as refused:
        incidents.close(sana, incident_id, incident_of(incident_id).version)
    assert refused.value.reason == "altered"


def test_a_report_joins_moves_and_goes_back(sana: Session) -> None:
    first, second = sent.send(), sent.send()
    incident_id = made(sana, first)
    linking.link(sana, second.report_id, incident_id, work_of(second).version)
    assert len(incidents.open_incident(sana, incident_id).threads) == 2
    third = sent.send()
    other = made(sana, third)
    linking.unlink(sana, second.report_id, work_of(second).version, other)
    texts = [t.first.report_id for _w, t in incidents.open_incident(sana, other).threads]
    assert second.report_id in texts
    linking.unlink(sana, second.report_id, work_of(second).version)
    assert work_of(second).state == "admitted"
    _work, thread = reports.open_report(sana, second.report_id)
    assert thread is not None
    assert thread.first.body.text == sent.ANSWERS["what_happened"]


def test_an_incident_that_loses_its_last_report_goes_with_its_record(sana: Session) -> None:
    one, incident_id = counted(sana)
    linking.unlink(sana, one.report_id, work_of(one).version)
    erasure.settle(sana)
    assert recorded() == 0
    assert db.session.get(Incident, incident_id) is None
    assert work_of(one).state == "admitted"


@pytest.mark.parametrize("reopened", [True, False])
@pytest.mark.parametrize("moved", [True, False])
def test_the_record_goes_when_the_only_consent_leaves(
    sana: Session, *, reopened: bool, moved: bool
) -> None:
    yes, no = sent.send(), sent.send(consent={"statistics": False})
    incident_id = made(sana, yes)
    linking.link(sana, no.report_id, incident_id, work_of(no).version)
    other = made(sana, sent.send()) if moved else None
    closed(sana, incident_id)
    handover.hand_over(sana)
    assert recorded() == 1
    if reopened:
        incidents.reopen(sana, incident_id, incident_of(incident_id).version)
    linking.unlink(sana, yes.report_id, work_of(yes).version, other)
    assert recorded() == 0


def erased(one: sent.Sent) -> None:
    """The reporter deletes; the keyless job runs."""
    mailbox.erase(one.receipt.mailbox_token)
    erasure.finish_erasures()


def test_erasing_one_of_three_leaves_the_rest(sana: Session) -> None:
    sends = [sent.send() for _ in range(3)]
    incident_id = made(sana, sends[0])
    for one in sends[1:]:
        linking.link(sana, one.report_id, incident_id, work_of(one).version)
    closed(sana, incident_id)
    handover.hand_over(sana)
    erased(sends[0])
    assert work_of(sends[0]).digest is None
    erasure.settle(sana)
    opened = incidents.open_incident(sana, incident_id)
    assert len(opened.threads) == 2
    assert all(t.first.body.text for _w, t in opened.threads)
    assert recorded() == 1


def test_the_record_goes_when_nobody_left_consents(sana: Session) -> None:
    yes = sent.send()
    no = sent.send(consent={"statistics": False})
    incident_id = made(sana, yes)
    linking.link(sana, no.report_id, incident_id, work_of(no).version)
    closed(sana, incident_id)
    handover.hand_over(sana)
    assert recorded() == 1
    erased(yes)
    erasure.settle(sana)
    assert recorded() == 0
    assert len(incidents.open_incident(sana, incident_id).threads) == 1


def test_erasing_the_only_report_deletes_incident_and_record(sana: Session) -> None:
    one = sent.send()
    incident_id = made(sana, one)
    closed(sana, incident_id)
    handover.hand_over(sana)
    erased(one)
    assert recorded() == 1
    assert erasure.settle(sana) == 1
    assert recorded() == 0
    assert db.session.get(Incident, incident_id) is None
    assert db.session.scalar(select(func.count()).select_from(Item)) == 0
    assert erasure.settle(sana) == 0


def tampered(incident_id: bytes, *, remove: bool) -> list[tuple[bytes, bytes, int, bytes]]:
    """Somebody at the database damages the item with the record's id; what stood there."""
    with transaction() as database:
        before = []
        query = select(Item).where(Item.object_id == incident_id, Item.kind == "record")
        for item in database.scalars(query).all():
            before.append((item.object_id, item.item_id, item.revision, item.boxed))
            if remove:
                database.delete(item)
            else:
                item.boxed = bytes(len(item.boxed))
    return before


@pytest.mark.parametrize("remove", [True, False])
def test_an_incident_stays_as_long_as_its_record_cannot_be_named(
    sana: Session, *, remove: bool
) -> None:
    one = sent.send()
    incident_id = made(sana, one)
    closed(sana, incident_id)
    handover.hand_over(sana)
    before = tampered(incident_id, remove=remove)
    erased(one)
    with pytest.raises(ActionRefused, match="cannot-open"):
        handover.withdraw_all(sana, incident_id)
    assert erasure.settle(sana) == 0
    assert db.session.get(Incident, incident_id) is not None
    if not remove:
        with transaction() as database:
            for *key, boxed in before:
                database.get_one(Item, tuple(key)).boxed = boxed
        assert erasure.settle(sana) == 1
        assert recorded() == 0
        assert db.session.get(Incident, incident_id) is None


def test_a_report_stays_linked_while_the_record_it_agreed_to_cannot_be_named(
    sana: Session,
) -> None:
    yes, no = sent.send(), sent.send(consent={"statistics": False})
    incident_id = made(sana, yes)
    linking.link(sana, no.report_id, incident_id, work_of(no).version)
    closed(sana, incident_id)
    handover.hand_over(sana)
    before = tampered(incident_id, remove=False)
    erased(yes)
    assert erasure.settle(sana) == 0
    with transaction() as database:
        for *key, boxed in before:
            database.get_one(Item, tuple(key)).boxed = boxed
    assert erasure.settle(sana) == 1
    assert recorded() == 0


def damaged(incident_id: bytes, kind: str, how: str) -> Item:
    """Somebody at the database damages the newest item of a kind; what stood there."""
    with transaction() as database:
        query = select(Item).where(Item.object_id == incident_id, Item.kind == kind)
        item = database.scalars(query.order_by(Item.revision.desc())).all()[0]
        kept = {column.key: getattr(item, column.key) for column in Item.__table__.columns}
        if how == "altered":
            item.boxed = bytes(len(item.boxed))
        elif how == "renamed":
            item.kind = "record"
        else:
            # "Rolled back" where there is an earlier revision, else gone.
            database.delete(item)
    return Item(**kept)


def two_reports(session: Session, *, agreed: bool = False) -> tuple[sent.Sent, sent.Sent, bytes]:
    """A counted incident of a report that agrees to statistics and another; with a note."""
    yes, other = sent.send(), sent.send(consent={"statistics": agreed})
    incident_id = made(session, yes)
    linking.link(session, other.report_id, incident_id, work_of(other).version)
    incidents.save_note(session, incident_id, random_id(), 0, "Called back.")
    closed(session, incident_id)
    handover.hand_over(session)
    assert recorded() == 1
    return yes, other, incident_id


DAMAGES = [
    ("coding", "altered"), ("coding", "rolled back"), ("coding", "renamed"), ("coding", "gone"),
    ("note", "altered"), ("note", "renamed"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("how", "reopened"), [("erased", False), ("consent", True), ("unlinked", False)]
)
@pytest.mark.parametrize(("kind", "damage"), DAMAGES)
def test_the_record_goes_whatever_else_of_its_incident_is_damaged(
    sana: Session, kind: str, damage: str, how: str, *, reopened: bool
) -> None:
    """Who alters a coding must not so keep counted what nobody agrees to any more."""
    yes, _no, incident_id = two_reports(sana)
    if reopened:
        incidents.reopen(sana, incident_id, incident_of(incident_id).version)
    damaged(incident_id, kind, damage)
    if damage == "gone":
        damaged(incident_id, kind, damage)
    if how == "erased":
        erased(yes)
        assert erasure.settle(sana) == 1
        assert work_of(yes).incident_id is None
    elif how == "consent":
        sent.add(yes, request="consent", consent={"statistics": False, "reply": True})
        handover.correct(sana, list(admission.admit_new(sana).incidents))
    else:
        linking.unlink(sana, yes.report_id, work_of(yes).version)
    assert recorded() == 0
    # Nothing is left to do, and its id stands nowhere any more.
    assert erasure.settle(sana) == 0
    assert handover.waiting(sana) == 0
    record = objects.read_record(db.session(), sana.keyring, incident_of(incident_id))
    assert record.value == linking.NO_RECORD


@pytest.mark.parametrize(("kind", "damage"), DAMAGES[:2] + DAMAGES[4:])
def test_a_damaged_incident_that_somebody_agrees_to_stays_counted_as_it_was(
    sana: Session, kind: str, damage: str
) -> None:
    yes, _yes, incident_id = two_reports(sana, agreed=True)
    before = db.session.scalars(select(Record.id)).one()
    incidents.reopen(sana, incident_id, incident_of(incident_id).version)
    closed(sana, incident_id, country="FR")
    kept = damaged(incident_id, kind, damage)
    erased(yes)
    assert erasure.settle(sana) == 1
    assert len(incidents.works(db.session(), incident_id)) == 1
    assert handover.hand_over(sana) == 0
    assert db.session.scalars(select(Record.id)).one() == before
    assert handover.waiting(sana) == 1
    with transaction() as database:
        database.merge(kept)
    assert handover.hand_over(sana) == 1
    assert db.session.scalars(select(Record.country)).one() == "FR"


@pytest.mark.parametrize("steps", [0, 1])
def test_an_erasure_that_is_cut_off_is_taken_up_again(
    sana: Session, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    one = sent.send()
    incident_id = made(sana, one)
    closed(sana, incident_id)
    handover.hand_over(sana)
    erased(one)
    cut = "casework.handover.withdraw_all" if steps == 0 else "casework.erasure._delete"
    real = handover.withdraw_all

    def stop(session: Session, wanted: bytes) -> None:
        if steps:
            real(session, wanted)
        raise InterruptedError

    with monkeypatch.context() as patched:
        patched.setattr(cut, stop)
        with pytest.raises(InterruptedError):
            erasure.settle(sana)
    assert recorded() == (0 if steps else 1)
    erasure.settle(sana)
    assert recorded() == 0
    assert db.session.get(Incident, incident_id) is None


@pytest.mark.parametrize("after", ["prepare", "put"])
def test_a_hand_over_that_is_cut_off_is_repeated_without_doubles(
    sana: Session, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    for _ in range(3):
        closed(sana, made(sana, sent.send()))
    real = handover._apply

    def stop(*given: Any) -> None:
        if after == "put":
            real(*given)
        raise InterruptedError

    with monkeypatch.context() as patched:
        patched.setattr(handover, "_apply", stop)
        with pytest.raises(InterruptedError):
            handover.hand_over(sana)
    ids = set(db.session.scalars(select(Record.id)))
    assert handover.waiting(sana) == 3
    assert handover.hand_over(sana) == 3
    assert ids <= set(db.session.scalars(select(Record.id)))
    assert recorded() == 3
    assert handover.waiting(sana) == 0


def overtake(how: str, one: sent.Sent, incident_id: bytes, sana: Session, ben: Session) -> None:
    """What a colleague does to an incident while it is being handed over."""
    if how == "erased":
        erased(one)
        erasure.settle(ben)
    elif how == "consent":
        sent.add(one, request="consent", consent={"statistics": False, "reply": True})
        handover.correct(ben, list(admission.admit_new(ben).incidents))
    elif how == "unlinked":
        linking.unlink(ben, one.report_id, work_of(one).version)
        erasure.settle(ben)
    else:
        incidents.reopen(ben, incident_id, incident_of(incident_id).version)
        closed(ben, incident_id, country="FR")
        handover.hand_over(sana)


@pytest.mark.parametrize("cut_off", [True, False])
@pytest.mark.parametrize("how", ["erased", "consent", "unlinked", "recoded"])
def test_what_is_withdrawn_during_a_hand_over_does_not_come_back(
    sana: Session,
    organisation: Organisation,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    *,
    cut_off: bool,
) -> None:
    """Put after that, a record would count for ever: nothing names it any more."""
    one = sent.send()
    incident_id = made(sana, one)
    closed(sana, incident_id)
    ben = people.session_of(people.add_member(organisation, "caseworker", "Ben"))
    real = handover._apply

    def overtaken(*given: Any) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(handover, "_apply", real)
            overtake(how, one, incident_id, sana, ben)
        real(*given)
        if cut_off:
            raise InterruptedError

    with monkeypatch.context() as patched:
        patched.setattr(handover, "_apply", overtaken)
        with pytest.raises(InterruptedError) if cut_off else nullcontext():
            handover.hand_over(sana)
    assert recorded() == (1 if how == "recoded" else 0)
    assert handover.hand_over(sana) == 0
    assert list(db.session.scalars(select(Record.country))) == ["FR"] * (how == "recoded")


def test_nobody_withdraws_between_the_look_and_the_put(
    sana: Session, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = sent.send()
    incident_id = made(sana, one)
    closed(sana, incident_id)
    real_apply, real_store = handover._apply, records._store

    def correct() -> None:
        with app.app_context():
            handover.correct(sana, [incident_id])
            db.session.remove()

    colleague = threading.Thread(target=correct)

    def apply(*given: Any) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(handover, "_apply", real_apply)
            sent.add(one, request="consent", consent={"statistics": False, "reply": True})
            admission.admit_new(sana)
        real_apply(*given)
        raise InterruptedError

    def store(*given: Any) -> None:
        monkeypatch.setattr(handover, "_apply", real_apply)
        colleague.start()
        # It waits for the lock: whoever got through here would have withdrawn nothing.
        colleague.join(0.5)
        real_store(*given)

    monkeypatch.setattr(handover, "_apply", apply)
    monkeypatch.setattr(records, "_store", store)
    with pytest.raises(InterruptedError):
        handover.hand_over(sana)
    colleague.join()
    assert recorded() == 0


def test_recoding_is_withdrawal_and_a_new_record(sana: Session) -> None:
    incident_id = made(sana, sent.send())
    closed(sana, incident_id)
    handover.hand_over(sana)
    before = db.session.scalars(select(Record)).one().id
    incidents.reopen(sana, incident_id, incident_of(incident_id).version)
    closed(sana, incident_id, country="FR")
    # Until it is handed over anew, what was counted stays as it was.
    assert db.session.scalars(select(Record)).one().country == "DE"
    handover.hand_over(sana)
    row = db.session.scalars(select(Record).execution_options(populate_existing=True)).one()
    assert (row.country, row.id != before) == ("FR", True)
    incidents.reopen(sana, incident_id, incident_of(incident_id).version)
    closed(sana, incident_id, country="FR")
    handover.hand_over(sana)
    assert db.session.scalars(select(Record.id)).one() == row.id


def test_closed_as_refuted_the_record_goes(sana: Session) -> None:
    incident_id = made(sana, sent.send())
    closed(sana, incident_id)
    handover.hand_over(sana)
    incidents.reopen(sana, incident_id, incident_of(incident_id).version)
    closed(sana, incident_id, certainty="VX")
    handover.hand_over(sana)
    assert recorded() == 0


def test_no_consent_no_record(sana: Session) -> None:
    closed(sana, made(sana, sent.send(consent={"reply": True})))
    handover.hand_over(sana)
    assert recorded() == 0


def test_the_tenth_hands_over_by_itself(sana: Session) -> None:
    erasure.settle(sana)
    for number in range(10):
        closed(sana, made(sana, sent.send()))
        handover.hand_over_if_due(sana)
        assert recorded() == (0 if number < 9 else 10)


def test_a_months_first_sign_in_hands_over(sana: Session, clock_at: Any) -> None:
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    erasure.settle(sana)
    closed(sana, made(sana, sent.send()))
    erasure.settle(sana)
    assert recorded() == 0
    clock_at(datetime(now.year + 1, 1, 1, 0, 5, tzinfo=UTC))
    erasure.settle(sana)
    assert recorded() == 1


def test_a_withdrawal_does_not_pass_for_the_months_hand_over(sana: Session, clock_at: Any) -> None:
    from datetime import UTC, datetime

    yes, _no, _incident_id = two_reports(sana)
    erasure.settle(sana)
    closed(sana, made(sana, sent.send()))
    erased(yes)
    clock_at(datetime(datetime.now(UTC).year + 1, 1, 1, 0, 5, tzinfo=UTC))
    before = db.session.scalars(select(Record.id)).one()
    assert erasure.settle(sana) == 1
    assert db.session.scalars(select(Record.id)).one() != before


def test_only_a_supervisor_hands_over(sana: Session, organisation: Organisation) -> None:
    ben = people.session_of(people.add_member(organisation, "caseworker", "Ben"))
    with pytest.raises(ActionRefused) as refused:
        handover.hand_over(ben)
    assert refused.value.reason == "role"


def test_consent_taken_back_withdraws_at_once_and_given_anew_waits(sana: Session) -> None:
    one = sent.send()
    incident_id = made(sana, one)
    closed(sana, incident_id)
    handover.hand_over(sana)
    sent.add(one, request="consent", consent={"statistics": False, "reply": True})
    admitted = admission.admit_new(sana)
    handover.correct(sana, list(admitted.incidents))
    assert recorded() == 0
    sent.add(one, request="consent", consent={"statistics": True, "reply": True})
    admitted = admission.admit_new(sana)
    handover.correct(sana, list(admitted.incidents))
    assert recorded() == 0
    assert handover.waiting(sana) == 1
    handover.hand_over(sana)
    assert recorded() == 1


def test_an_unconfirmed_addition_takes_consent_but_gives_none(sana: Session) -> None:
    one = sent.send(consent={"statistics": False, "reply": True})
    incident_id = made(sana, one)
    sent.add(one, request="consent", consent={"statistics": True}, follow_up="x" * 43)
    admission.admit_new(sana)
    opened = incidents.open_incident(sana, incident_id)
    assert opened.consents == [False]
    assert not opened.threads[0][1].additions[0].confirmed


def test_answers_reach_the_reporter_once_and_are_kept(sana: Session) -> None:
    one = sent.send()
    incident_id = made(sana, one)
    item = random_id()
    for _ in range(2):
        incidents.answer(sana, incident_id, one.report_id, item, "Which line?", "question")
    told = sent.messages(one)
    assert [m.get("status") for m in told] == ["being_read", "question"]
    assert told[1]["text"] == "Which line?"
    # The inbox page chooses it beforehand, for what the reporter adds.
    assert {m["organisation"] for m in told} == {"demo"}
    kept = incidents.open_incident(sana, incident_id).answers
    assert [(k.value["text"], k.value["status"]) for k in kept] == [("Which line?", "question")]


def statuses(one: sent.Sent) -> list[str]:
    """What the reporter's page says of the report, one after the other."""
    return [m["status"] for m in sent.messages(one) if "status" in m]


def test_a_question_that_is_settled_waits_no_longer(sana: Session) -> None:
    """Else the reporter's page would ask them for ever for an answer they have given."""
    one = sent.send()
    incident_id = made(sana, one)
    for text, status in (
        ("We look.", ""),
        ("Which line?", "question"),
        ("Which stop?", "question"),
    ):
        incidents.answer(sana, incident_id, one.report_id, random_id(), text, status)
    assert statuses(one) == ["being_read", "question", "question"]
    for text in ("Thank you.", "We wrote to them."):
        incidents.answer(sana, incident_id, one.report_id, random_id(), text, "")
    assert statuses(one) == ["being_read", "question", "question", "being_read"]
    thanks = sent.messages(one)[4]
    assert (thanks["text"], thanks["status"]) == ("Thank you.", "being_read")
    kept = {
        k.value["text"]: k.value["status"]
        for k in incidents.open_incident(sana, incident_id).answers
    }
    assert (kept["Thank you."], kept["We wrote to them."]) == ("being_read", "")
    closed(sana, incident_id)
    incidents.answer(sana, incident_id, one.report_id, random_id(), "One more word.", "")
    assert statuses(one)[-1] == "finished"


def test_what_is_taken_up_again_is_being_read_again(sana: Session) -> None:
    one, quiet = sent.send(), sent.send(consent={"statistics": True})
    incident_id = made(sana, one)
    linking.link(sana, quiet.report_id, incident_id, work_of(quiet).version)
    closed(sana, incident_id)
    incidents.reopen(sana, incident_id, incident_of(incident_id).version)
    assert statuses(one) == ["being_read", "finished", "being_read"]
    incidents.close(sana, incident_id, incident_of(incident_id).version)
    assert statuses(one)[-1] == "finished"
    # Out of a closed incident, and decided about anew.
    linking.unlink(sana, one.report_id, work_of(one).version)
    linking.new_incident(sana, one.report_id, work_of(one).version)
    assert statuses(one)[2:] == ["being_read", "finished", "being_read"]
    assert statuses(quiet) == []


def test_no_answer_where_none_is_wanted_or_the_key_is_hostile(sana: Session) -> None:
    quiet = sent.send(consent={"statistics": True})
    hostile = sent.send(reply_public_key="A" * 1622)
    for one in (quiet, hostile):
        incident_id = made(sana, one)
        assert sent.messages(one) == []
        with pytest.raises(ActionRefused) as refused:
            incidents.answer(sana, incident_id, one.report_id, random_id(), "Hello", "")
        assert refused.value.reason == "no-answer-wanted"
    thread = incidents.open_incident(sana, incident_id).threads[0][1]
    assert thread.first.body.hostile_reply_key


def test_notes_have_revisions_and_conflicts(sana: Session) -> None:
    incident_id = made(sana, sent.send())
    item = random_id()
    incidents.save_note(sana, incident_id, item, 0, "First\nline")
    incidents.save_note(sana, incident_id, item, 0, "First\nline")
    incidents.save_note(sana, incident_id, item, 1, "Second")
    with pytest.raises(ActionRefused) as refused:
        incidents.save_note(sana, incident_id, item, 1, "Third")
    assert refused.value.reason == "version"
    notes = incidents.open_incident(sana, incident_id).notes
    assert [(n.revision, n.value["text"]) for n in notes] == [(2, "Second")]


def test_every_opening_is_in_the_chain(sana: Session) -> None:
    one = sent.send()
    admission.admit_new(sana)
    reports.open_report(sana, one.report_id)
    incident_id = linking.new_incident(sana, one.report_id, work_of(one).version)
    incidents.open_incident(sana, incident_id)
    chain = sana.organisation_id or b""
    session = db.session()
    assert [a for a, _ in audit.of(session, chain, one.report_id)].count("open_report") == 2
    assert "open_incident" in [a for a, _ in audit.of(session, chain, incident_id)]
    assert audit.verify(chain) is None


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"year": ["2999"]}, "year"),
        ({"year": ["25"]}, "year"),
        ({"month": ["13"], "year": ["2025"]}, "month"),
        ({"month": ["03"]}, "year"),
        ({"setting": ["loc.moon"]}, "setting"),
        ({"acts": ["act.verbal", "act.nothing"]}, "acts"),
        ({"country": ["ZZ"]}, "country"),
        ({"certainty": ["V9"]}, "certainty"),
    ],
)
def test_coding_takes_codes_only(app: Flask, fields: Any, problem: str) -> None:
    _chosen, problems = coding.from_form(fields)
    assert list(problems) == [problem]


def test_a_year_in_any_digits_is_the_same_year(app: Flask) -> None:
    """From an Arabic keyboard, or from a foreign client that sealed it so."""
    chosen, problems = coding.from_form({"year": ["٢٠٢٥"], "month": ["03"]})
    assert problems == {}
    assert (chosen.year, chosen.month) == ("2025", "03")
    assert coding.propose(Body(when="٢٠٢٥", precision="year")).year == ""
    assert coding.propose(Body(when="2025", precision="year")).year == "2025"


def test_an_unknown_year_counts_in_the_year_of_receipt(sana: Session) -> None:
    one = sent.send(answers={"what_happened": "Long ago."})
    closed(sana, made(sana, one))
    handover.hand_over(sana)
    row = db.session.scalars(select(Record)).one()
    assert row.month == f"{work_of(one).day.year}-unknown"
    assert (row.country, row.setting, row.type) == ("unknown", "unknown", "unknown")
