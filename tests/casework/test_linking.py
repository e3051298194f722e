"""Linking: an incident gains, swaps and loses reports; of linking and erasing one comes first."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, func, select

from casework import admission, erasure, handover, incidents, linking, reports
from casework.models import Incident, Work
from casework.policy import ActionRefused, ReportState
from casework.sessions import Session
from reporting import mailbox
from reporting.database import db
from reporting.models import Report
from tests.casework import people, sent
from tests.casework.decided import closed, counted, erased, incident_of, made, recorded, work_of
from tests.casework.people import Organisation

WRITERS = ["new_incident", "link", "move", "unlink"]


def prepared(how: str, sana: Session, **changes: Any) -> tuple[sent.Sent, sent.Sent]:
    """A report with an addition, linked already if it is to be taken out again."""
    one = sent.send(**changes)
    added = sent.add(one)
    admission.admit_new(sana)
    if how in ("move", "unlink"):
        linking.new_incident(sana, one.report_id, work_of(one).version)
    return one, added


def writer(how: str, sana: Session, one: sent.Sent) -> Callable[[], object]:
    """Links the report in one of four ways."""
    other = made(sana, sent.send()) if how in ("link", "move") else b""
    version = work_of(one).version
    acts: dict[str, Callable[[], object]] = {
        "new_incident": lambda: linking.new_incident(sana, one.report_id, version),
        "link": lambda: linking.link(sana, one.report_id, other, version),
        "move": lambda: linking.unlink(sana, one.report_id, version, other),
        "unlink": lambda: linking.unlink(sana, one.report_id, version),
    }
    return acts[how]


@pytest.mark.parametrize("opens", [True, False])
@pytest.mark.parametrize("how", WRITERS)
def test_an_erasure_waits_for_who_links(
    sana: Session, app: Flask, monkeypatch: pytest.MonkeyPatch, how: str, *, opens: bool
) -> None:
    """Erased in between, a row that was to be boxed anew is gone, or an erased one is linked."""
    one, added = prepared(how, sana, **({} if opens else {"sealed_key": b"no key"}))
    act, real = writer(how, sana, one), linking._keys

    def erase() -> None:
        with app.app_context():
            erased(one)
            db.session.remove()

    reporter = threading.Thread(target=erase)

    def between(*given: Any) -> Any:
        reporter.start()
        reporter.join(0.5)
        assert reporter.is_alive()
        return real(*given)

    monkeypatch.setattr(linking, "_keys", between)
    act()
    reporter.join()
    db.session.rollback()
    for row in (work_of(one), work_of(added)):
        assert row.state == ReportState.ERASED
        assert db.session.get(Report, row.report_id) is None
    assert erasure.finish_erasures() == 0


@pytest.mark.parametrize("how", WRITERS)
def test_who_links_does_not_wait_for_an_erasure(sana: Session, how: str) -> None:
    """It may have the addition and wait for the report: each would wait for the other."""
    one, added = prepared(how, sana)
    act = writer(how, sana, one)
    if db.engine.dialect.name == "sqlite":
        # One writer at a time: whoever comes second sees what the first one did.
        erased(one)
        with pytest.raises(ActionRefused):
            act()
        return
    with db.engine.connect().execution_options(isolation_level="READ COMMITTED") as reporter:
        reporter.begin()
        reporter.execute(delete(Report).where(Report.report_id == added.report_id))
        # Who waits would wait for ever, as nobody ends the erasure meanwhile.
        ended = threading.Timer(3, reporter.rollback)
        ended.start()
        with pytest.raises(ActionRefused) as refused:
            act()
        ended.cancel()
        assert refused.value.reason == "erased"
        reporter.execute(delete(Report).where(Report.report_id == one.report_id))
        reporter.commit()
    assert work_of(one).state == ("linked" if how in ("move", "unlink") else "admitted")


def test_who_admits_does_not_wait_for_an_erasure(sana: Session, app: Flask) -> None:
    """It may have the addition and wait for the report: each would wait for the other."""
    one = sent.send()
    added, other = sent.add(one), sent.send()
    if db.engine.dialect.name == "sqlite":
        # One writer at a time: whoever comes second sees what the first one did.
        mailbox.erase(one.receipt.mailbox_token)
        assert admission.admit_new(sana).count == 1
        return
    found: list[int] = []

    def admit() -> None:
        with app.app_context():
            found.append(admission.admit_new(sana).count)

    member = threading.Thread(target=admit)
    with db.engine.connect().execution_options(isolation_level="READ COMMITTED") as reporter:
        reporter.begin()
        reporter.execute(delete(Report).where(Report.report_id == added.report_id))
        member.start()
        member.join(3)
        reporter.execute(delete(Report).where(Report.report_id == one.report_id))
        reporter.commit()
    member.join()
    assert found == [2]
    assert {row.report_id for row in db.session.scalars(select(Report))} == {other.report_id}


def test_what_is_erased_while_it_is_admitted_is_not_admitted(
    sana: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = sent.send(), sent.send()
    real = admission._take_in

    def late(*given: Any) -> Any:
        mailbox.erase(one.receipt.mailbox_token)
        return real(*given)

    monkeypatch.setattr(admission, "_take_in", late)
    assert admission.admit_new(sana).count == 1
    assert [row.report_id for row in db.session.scalars(select(Work))] == [other.report_id]


@pytest.mark.parametrize("how", WRITERS)
def test_what_was_erased_since_it_was_found_is_not_linked(
    sana: Session, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Before the job has emptied the row of the queue, only the report's own row is gone."""
    one, _added = prepared(how, sana)
    act = writer(how, sana, one)
    mailbox.erase(one.receipt.mailbox_token)
    before = work_of(one).version
    with pytest.raises(ActionRefused) as refused:
        act()
    assert refused.value.reason == "erased"
    assert work_of(one).version == before


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
