"""Handing over: what is closed and agreed to is counted, once, and nothing withdrawn comes back."""

import threading
from contextlib import nullcontext
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from analytics import records
from analytics.models import Record
from casework import admission, erasure, handover, incidents, linking
from casework.policy import ActionRefused
from casework.sessions import Session
from reporting.database import db
from tests.casework import people, sent
from tests.casework.decided import closed, erased, incident_of, made, recorded, two_reports, work_of
from tests.casework.people import Organisation


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


def test_an_unknown_year_counts_in_the_year_of_receipt(sana: Session) -> None:
    one = sent.send(answers={"what_happened": "Long ago."})
    closed(sana, made(sana, one))
    handover.hand_over(sana)
    row = db.session.scalars(select(Record)).one()
    assert row.month == f"{work_of(one).day.year}-unknown"
    assert (row.country, row.setting, row.type) == ("unknown", "unknown", "unknown")
