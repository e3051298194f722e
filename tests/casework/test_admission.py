"""Admission: each report once, a batch at a time, by members who have the key of its day."""

import threading

from flask import Flask
from sqlalchemy import func, select, text

from casework import admission
from casework.models import AuditEntry, Work
from casework.sessions import Session
from reporting.database import db, transaction
from reporting.models import Report
from tests.casework import people, sent
from tests.casework.decided import opened
from tests.casework.people import Organisation


def entries() -> int:
    return db.session.scalar(select(func.count()).select_from(AuditEntry)) or 0


def test_admission_swaps_the_keys_once_with_one_audit_entry(sana: Session) -> None:
    sends = [sent.send() for _ in range(5)]
    before = entries()
    assert admission.admit_new(sana).count == 5
    assert entries() == before + 1
    assert admission.admit_new(sana).count == 0
    assert entries() == before + 1
    for one in sends:
        row = db.session.get(Report, one.report_id, populate_existing=True)
        assert row is not None
        assert row.sealed_key is None
        assert row.boxed_key is not None
        assert opened(sana, one).first.body.text == sent.ANSWERS["what_happened"]


def test_a_batch_is_bounded_and_says_what_waits(sana: Session) -> None:
    for _ in range(5):
        sent.send()
    admitted = admission.admit_new(sana, limit=3)
    assert (admitted.count, admitted.waiting) == (3, 2)
    assert admission.admit_new(sana, limit=3).waiting == 0


def test_members_who_open_the_queue_at_once_admit_each_report_once(
    app: Flask, sana: Session, organisation: Organisation
) -> None:
    for _ in range(12):
        sent.send()
    ben = people.session_of(people.add_member(organisation, "caseworker", "Ben"))
    found: list[int] = []
    start = threading.Barrier(4)

    def work(session: Session) -> None:
        with app.app_context():
            start.wait()
            found.append(admission.admit_new(session).count)

    threads = [threading.Thread(target=work, args=(s,)) for s in (sana, ben, sana, ben)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(found) == 12
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(Work)) == 12


def test_a_new_epoch_opens_the_old(sana: Session) -> None:
    one = sent.send()
    admission.admit_new(sana)
    sana.keyring.casework[sana.keyring.newest_epoch() + 1] = b"n" * 32
    two = sent.send()
    admission.admit_new(sana)
    assert opened(sana, one).first.body.text == opened(sana, two).first.body.text


def test_reports_wait_for_a_member_who_has_their_key(sana: Session) -> None:
    sent.send()
    kept = dict(sana.keyring.intake)
    sana.keyring.intake.clear()
    admitted = admission.admit_new(sana)
    assert (admitted.count, admitted.waiting) == (0, 1)
    sana.keyring.intake.update(kept)
    assert admission.admit_new(sana).count == 1


def test_admission_never_walks_past_admitted_reports(sana: Session) -> None:
    light = db.engine.dialect.name == "sqlite"
    query = (
        f"{'EXPLAIN QUERY PLAN' if light else 'EXPLAIN'} SELECT report_id FROM report"
        " WHERE organisation_id = :organisation AND sealed_key IS NOT NULL"
    )
    with transaction() as database:
        if not light:
            # A table that fits into one page is read whole.
            database.execute(text("SET LOCAL enable_seqscan = off"))
        plan = database.execute(text(query), {"organisation": bytes(16)}).all()
    assert "ix_report_waiting" in str(plan)
