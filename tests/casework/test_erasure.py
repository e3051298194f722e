"""A report its reporter erased takes incident and record along, whatever somebody damaged."""

import pytest
from sqlalchemy import func, select

from analytics.models import Record, RecordCode
from casework import admission, erasure, handover, incidents, linking, objects
from casework.models import Incident, Item
from casework.policy import ActionRefused
from casework.sessions import Session
from reporting.database import db, transaction
from tests.casework import sent
from tests.casework.damage import damaged, tampered
from tests.casework.decided import closed, erased, incident_of, made, recorded, two_reports, work_of


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


def test_dead_rows_of_records_and_of_their_codes_are_emptied() -> None:
    assert {Record.__tablename__, RecordCode.__tablename__} <= set(erasure.EMPTIED)
