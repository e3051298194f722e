"""An incident keeps no answer to a report that is not in it any more: erased, moved or unlinked."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from casework import admission, audit, erasure, handover, incidents, linking, triage
from casework.models import Incident, Item
from casework.sessions import Session
from reporting import mailbox
from reporting.database import db, transaction
from reporting.sealing import b64, random_id
from tests.casework import people, sent
from tests.casework.damage import damaged, tampered
from tests.casework.decided import closed, erased, incident_of, made, recorded, two_reports, work_of
from tests.casework.people import Organisation


def answer(session: Session, incident_id: bytes, one: sent.Sent, text: str) -> bytes:
    """Answer a reporter; the item's id."""
    item_id = random_id()
    incidents.answer(session, incident_id, one.report_id, item_id, text, "")
    return item_id


def texts(session: Session, incident_id: bytes) -> set[str]:
    """The answers that the incident's page shows."""
    return {str(one.value["text"]) for one in incidents.open_incident(session, incident_id).answers}


def rows(*item_ids: bytes) -> int:
    query = select(func.count()).select_from(Item).where(Item.item_id.in_(item_ids))
    return db.session.scalar(query) or 0


def answered(session: Session) -> tuple[sent.Sent, sent.Sent, bytes, list[bytes]]:
    """A counted incident of two reports, one answer to each."""
    first, second = sent.send(), sent.send()
    incident_id = made(session, first)
    linking.link(session, second.report_id, incident_id, work_of(second).version)
    incidents.save_note(session, incident_id, random_id(), 0, "Called back.")
    closed(session, incident_id)
    handover.hand_over(session)
    assert recorded() == 1
    items = [
        answer(session, incident_id, first, "To the first."),
        answer(session, incident_id, second, "To the second."),
    ]
    return first, second, incident_id, items


def test_answers_to_an_erased_report_go_and_its_twins_stay(sana: Session) -> None:
    first, _second, incident_id, (gone, kept) = answered(sana)
    erased(first)
    assert erasure.settle(sana) == 1
    assert (rows(gone), rows(kept)) == (0, 1)
    assert texts(sana, incident_id) == {"To the second."}
    opened = incidents.open_incident(sana, incident_id)
    assert (len(opened.notes), opened.altered, opened.countable) == (1, (), True)
    # It goes on as any other: reopened, closed and counted anew.
    incidents.reopen(sana, incident_id, incident_of(incident_id).version)
    closed(sana, incident_id, country="FR")
    assert handover.hand_over(sana) == 1
    assert recorded() == 1
    assert erasure.settle(sana) == 0


def test_the_audit_chain_says_which_answer_went(sana: Session) -> None:
    first, _second, incident_id, (gone, _kept) = answered(sana)
    erased(first)
    erasure.settle(sana)
    organisation = sana.organisation_id or b""
    trail = audit.of(db.session(), organisation, incident_id)
    assert [detail for action, detail in trail if action == "delete_item"] == [{"item": b64(gone)}]
    assert audit.verify(organisation) is None


def test_a_deleted_answer_that_is_put_back_shows_as_altered(sana: Session) -> None:
    """Whoever can write to the database must not bring it back unseen."""
    first, _second, incident_id, (gone, _kept) = answered(sana)
    row = db.session.get_one(Item, (incident_id, gone, 1))
    copy = {column.key: getattr(row, column.key) for column in Item.__table__.columns}
    erased(first)
    erasure.settle(sana)
    with transaction() as database:
        database.execute(insert(Item), [copy])
    opened = incidents.open_incident(sana, incident_id)
    assert [one.item_id for one in opened.altered] == [gone]


def test_a_damaged_answer_stops_nothing_and_goes_once_it_opens(sana: Session) -> None:
    first, _second, incident_id = two_reports(sana, agreed=True)
    third = sent.send()
    broken = answer(sana, incident_id, first, "To the first.")
    row = damaged(incident_id, "answer", "altered")
    whole = answer(sana, incident_id, first, "Once more.")
    admission.admit_new(sana)
    linking.link(sana, third.report_id, incident_id, work_of(third).version)
    erased(first)
    assert erasure.settle(sana) == 1
    assert work_of(first).incident_id is None
    assert (rows(broken), rows(whole)) == (1, 0)
    with transaction() as database:
        database.merge(row)
    linking.unlink(sana, third.report_id, work_of(third).version)
    assert rows(broken) == 0


def test_an_unlinked_report_leaves_no_answer_behind(sana: Session) -> None:
    first, _second, incident_id, (gone, kept) = answered(sana)
    linking.unlink(sana, first.report_id, work_of(first).version)
    assert (rows(gone), rows(kept)) == (0, 1)
    assert texts(sana, incident_id) == {"To the second."}
    assert incidents.open_incident(sana, incident_id).altered == ()


def test_answers_go_with_a_moved_report(sana: Session, organisation: Organisation) -> None:
    ben = people.session_of(people.add_member(organisation, "caseworker", "Ben"))
    first, _second, incident_id, (gone, _kept) = answered(sana)
    other = made(sana, sent.send())
    linking.unlink(ben, first.report_id, work_of(first).version, other)
    assert rows(gone) == 0
    assert texts(sana, incident_id) == {"To the second."}
    opened = incidents.open_incident(sana, other)
    assert opened.altered == ()
    ((said, author),) = [(one.value["text"], one.author_id) for one in opened.answers]
    # Who moved it did not say it.
    assert (said, author) == ("To the first.", sana.member_id)
    erased(first)
    assert erasure.settle(sana) == 1
    assert texts(sana, other) == set()


def test_an_answer_to_a_report_with_an_addition_goes_with_it(sana: Session) -> None:
    first, _second, incident_id, (gone, kept) = answered(sana)
    sent.add(first)
    admission.admit_new(sana)
    late = answer(sana, incident_id, first, "Thank you for adding that.")
    erased(first)
    assert erasure.settle(sana) == 1
    assert (rows(gone, late), rows(kept)) == (0, 1)


@pytest.mark.parametrize("twin", [True, False])
def test_answers_go_though_the_record_of_the_incident_cannot_be_named(
    sana: Session, *, twin: bool
) -> None:
    """Until somebody mends it the report stays linked: what was said to its reporter must not."""
    first, second, incident_id, (gone, kept) = answered(sana)
    tampered(incident_id, remove=False)
    erased(first)
    if not twin:
        erased(second)
    assert erasure.settle(sana) == 0
    assert (work_of(first).incident_id, recorded()) == (incident_id, 1)
    assert (rows(gone), rows(kept)) == (0, int(twin))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["drop_answers", "correct", "_detach_erased"])
def test_an_erasure_that_is_cut_off_leaves_no_answer(
    sana: Session, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    """Whatever a killed process has done so far, the next request of a member does the rest."""
    first, _second, incident_id, (gone, kept) = answered(sana)
    erased(first)
    owner: Any = {"drop_answers": incidents, "correct": handover}.get(step, erasure)
    real: Callable[..., object] = getattr(owner, step)

    def cut(*given: Any) -> None:
        if when == "after":
            real(*given)
        raise InterruptedError

    with monkeypatch.context() as patched:
        patched.setattr(owner, step, cut)
        with pytest.raises(InterruptedError):
            erasure.settle(sana)
    assert rows(kept) == 1
    # Done or not yet: after its last step nothing is left to be done.
    assert erasure.settle(sana) == int((step, when) != ("_detach_erased", "after"))
    assert (rows(gone), rows(kept)) == (0, 1)
    assert texts(sana, incident_id) == {"To the second."}
    assert work_of(first).incident_id is None


def test_an_answer_of_the_moment_of_the_erasure_goes_too(sana: Session) -> None:
    """Written before the job has emptied the queue's row: the report stands as linked still."""
    first, _second, incident_id, (gone, kept) = answered(sana)
    mailbox.erase(first.receipt.mailbox_token)
    assert erasure.settle(sana) == 0
    with pytest.raises(Exception, match="no-answer-wanted"):
        answer(sana, incident_id, first, "Too late.")
    assert texts(sana, incident_id) == {"To the first.", "To the second."}
    erasure.finish_erasures()
    assert erasure.settle(sana) == 1
    assert (rows(gone), rows(kept)) == (0, 1)


@pytest.mark.parametrize("state", ["open", "closed", "reopened"])
def test_answers_go_with_the_last_report_in_any_state(sana: Session, state: str) -> None:
    one = sent.send()
    incident_id = made(sana, one)
    item = answer(sana, incident_id, one, "To the only one.")
    if state != "open":
        closed(sana, incident_id)
    if state == "reopened":
        incidents.reopen(sana, incident_id, incident_of(incident_id).version)
    erased(one)
    assert erasure.settle(sana) == 1
    assert rows(item) == 0
    assert db.session.get(Incident, incident_id, populate_existing=True) is None


@pytest.mark.parametrize("aside", [True, False])
def test_who_went_back_to_the_queue_and_erased_left_nothing(sana: Session, *, aside: bool) -> None:
    first, _second, incident_id, (gone, kept) = answered(sana)
    linking.unlink(sana, first.report_id, work_of(first).version)
    if aside:
        reason = "set_aside_reason.out_of_scope"
        triage.set_aside(sana, first.report_id, work_of(first).version, reason)
    erased(first)
    assert erasure.settle(sana) == 0
    assert (rows(gone), rows(kept)) == (0, 1)
    assert work_of(first).digest is None
    assert texts(sana, incident_id) == {"To the second."}


def test_a_move_that_is_cut_off_is_whole_or_not_at_all(
    sana: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its copies stand in one incident only, and an erasure finds them there."""
    first, _second, incident_id, (gone, _kept) = answered(sana)
    other = made(sana, sent.send())

    def stop(*_given: Any) -> None:
        raise InterruptedError

    for cut, places in [("linking._changed", (1, 0)), ("handover.correct", (0, 1))]:
        with monkeypatch.context() as patched:
            patched.setattr(f"casework.{cut}", stop)
            with pytest.raises(InterruptedError):
                linking.unlink(sana, first.report_id, work_of(first).version, other)
        db.session.rollback()
        said = [texts(sana, where) & {"To the first."} for where in (incident_id, other)]
        assert (len(said[0]), len(said[1])) == places
    assert rows(gone) == 0
    erased(first)
    assert erasure.settle(sana) == 1
    assert texts(sana, other) == set()
    assert texts(sana, incident_id) == {"To the second."}
