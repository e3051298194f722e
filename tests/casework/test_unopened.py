"""A report that does not open has neither agreed nor refused: what is counted waits for it."""

import pytest
from sqlalchemy import select

from analytics.models import Record
from casework import admission, erasure, handover, linking
from casework.sessions import Session
from reporting.database import db
from tests.casework import sent
from tests.casework.crash import cut_off, record_item
from tests.casework.damage import broken, damaged
from tests.casework.decided import (
    NO,
    closed,
    erased,
    incident_of,
    made,
    recorded,
    refuted,
    reopened,
    take_back,
    two_reports,
)


@pytest.mark.parametrize("how", ["key", "body"])
@pytest.mark.parametrize("reopen", [True, False])
def test_a_report_that_does_not_open_has_not_disagreed(
    sana: Session, how: str, *, reopen: bool
) -> None:
    yes, no, incident_id = two_reports(sana)
    before = db.session.scalars(select(Record.id)).one()
    if reopen:
        reopened(sana, incident_id)
    mend = broken(yes, how)
    handover.correct(sana, take_back(sana, no))
    erasure.settle(sana)
    assert handover.hand_over(sana) == 0
    assert db.session.scalars(select(Record.id)).one() == before
    assert incident_of(incident_id).waits
    assert handover.waiting(sana) == (0 if reopen else 1)
    mend()
    erasure.settle(sana)
    assert handover.hand_over(sana) == (0 if reopen else 1)
    assert db.session.scalars(select(Record.id)).one() == before
    assert not incident_of(incident_id).waits


@pytest.mark.parametrize("reopen", [True, False])
def test_once_erased_a_report_that_did_not_open_agrees_no_more(
    sana: Session, *, reopen: bool
) -> None:
    yes, _no, incident_id = two_reports(sana)
    if reopen:
        reopened(sana, incident_id)
    broken(yes, "body")
    erased(yes)
    assert erasure.settle(sana) == 1
    assert recorded() == 0
    assert not incident_of(incident_id).waits


@pytest.mark.parametrize("reopen", [True, False])
def test_an_erasure_leaves_a_report_that_does_not_open_waiting(
    sana: Session, *, reopen: bool
) -> None:
    yes, no, incident_id = two_reports(sana)
    if reopen:
        reopened(sana, incident_id)
    mend = broken(no, "body")
    erased(yes)
    assert erasure.settle(sana) == 1
    assert (recorded(), incident_of(incident_id).waits) == (1, True)
    mend()
    erasure.settle(sana)
    handover.hand_over(sana)
    assert (recorded(), incident_of(incident_id).waits) == (0, False)


def test_a_refusal_counts_though_the_report_before_it_does_not_open(sana: Session) -> None:
    """Else whoever damages a report would keep it counted against its reporter's word."""
    yes, _no, _incident_id = two_reports(sana)
    broken(yes, "body")
    handover.correct(sana, take_back(sana, yes))
    assert recorded() == 0


def test_an_addition_that_does_not_open_may_have_agreed(sana: Session) -> None:
    one = sent.send(consent=NO)
    incident_id = made(sana, one)
    added = sent.add(one, request="consent", consent={"statistics": True})
    admission.admit_new(sana)
    mend = broken(added, "body")
    closed(sana, incident_id)
    assert handover.hand_over(sana) == 0
    assert handover.waiting(sana) == 1
    mend()
    assert handover.hand_over(sana) == 1
    assert recorded() == 1


def test_a_withdrawal_that_was_begun_is_finished_though_nothing_opens_now(
    sana: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    yes, _no, incident_id = two_reports(sana)
    refuted(sana, incident_id)
    cut_off(monkeypatch, "inside", lambda: handover.hand_over(sana))
    broken(yes, "body")
    damaged(incident_id, "coding", "altered")
    assert recorded() == 1
    handover.hand_over(sana)
    assert recorded() == 0
    assert record_item(sana, incident_id) == linking.NO_RECORD
    # Whether it is to be counted anew cannot be told.
    assert incident_of(incident_id).waits
