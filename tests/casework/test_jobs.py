"""Jobs that time starts: finished erasures, the nightly rewrite, repeats without harm."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from rq.cron import CronJob
from sqlalchemy import select, text

from analytics import leftovers
from casework import admission, erasure, jobs
from casework.models import AuditEntry, Work
from casework.sessions import Session
from reporting import attachments, mailbox
from reporting.database import db, transaction
from reporting.models import ErasureOrder, Report
from tests.casework import sent


def test_erasures_are_finished_without_a_key_and_twice_is_once(sana: Session) -> None:
    one = sent.send()
    more = sent.add(one)
    admission.admit_new(sana)
    mailbox.erase(one.receipt.mailbox_token)
    jobs.finish_erasures()
    jobs.finish_erasures()
    for gone in (one, more):
        work = db.session.get(Work, gone.report_id, populate_existing=True)
        assert work is not None
        assert (work.state, work.digest, work.holder_id) == ("erased", None, None)
    assert len(db.session.scalars(select(ErasureOrder)).all()) == 2


def test_what_was_written_at_the_same_moment_is_erased_too(sana: Session) -> None:
    one = sent.send()
    admission.admit_new(sana)
    box = db.session.scalars(select(Report.mailbox)).one()
    digest = db.session.scalars(select(Work.digest)).one()
    mailbox.erase(one.receipt.mailbox_token)
    jobs.finish_erasures()
    with transaction() as database:
        mailbox.put_message(database, box, one.report_id, bytes(16), b"sealed")
        database.get_one(Work, one.report_id).digest = digest
    jobs.finish_erasures()
    assert mailbox.read(one.receipt.mailbox_token) == []
    work = db.session.get_one(Work, one.report_id, populate_existing=True)
    assert (work.state, work.digest) == ("erased", None)


def test_what_nobody_had_taken_in_is_forgotten_by_the_database_too(
    sana: Session, monkeypatch: pytest.MonkeyPatch, clock_at: Any
) -> None:
    from datetime import UTC, datetime, timedelta

    times: list[bool] = []
    monkeypatch.setattr(erasure, "forget_log", lambda: times.append(True))
    one = sent.send()
    jobs.finish_erasures()
    assert times == []
    mailbox.erase(one.receipt.mailbox_token)
    jobs.finish_erasures()
    assert times == [True]
    clock_at(datetime.now(UTC) + timedelta(days=2))
    jobs.finish_erasures()
    assert times == [True]


def test_an_order_is_replayed_when_a_backup_brings_the_report_back(sana: Session) -> None:
    one = sent.send(files=[("a", b"x")])
    with transaction() as database:
        database.add(
            ErasureOrder(
                report_id=one.report_id,
                organisation_id=sana.organisation_id,
                day=database.scalars(select(Report.day)).one(),
            )
        )
    jobs.finish_erasures()
    assert db.session.get(Report, one.report_id) is None
    assert mailbox.read(one.receipt.mailbox_token) == []


def stored(app: Flask) -> bytes:
    """Every byte of the database's files, its log on PostgreSQL left out."""
    db.session.remove()
    if db.engine.dialect.name == "sqlite":
        folder, names = Path(app.extensions["settings"].data_dir), "upstander.db*"
    else:
        with db.engine.connect() as connection:
            connection.exec_driver_sql("CHECKPOINT")
            place = "current_setting('data_directory') || '/' || pg_relation_filepath('report')"
            folder = Path(str(connection.exec_driver_sql(f"SELECT {place}").scalar())).parent
        names = "*"
    return b"".join(path.read_bytes() for path in sorted(folder.glob(names)))


def test_the_erased_words_are_in_no_file(app: Flask, sana: Session) -> None:
    one, other = sent.send(), sent.send()
    words = bytes(db.session.get_one(Report, one.report_id).body)[:64]
    others = bytes(db.session.get_one(Report, other.report_id).body)[:64]
    admission.admit_new(sana)
    digest = bytes(db.session.get_one(Work, one.report_id).digest or b"")[:64]
    before = stored(app)
    assert words in before
    assert digest in before
    mailbox.erase(one.receipt.mailbox_token)
    jobs.finish_erasures()
    if db.engine.dialect.name != "sqlite":
        # A vacuumed page keeps the bytes until something is written over them.
        jobs.nightly_rewrite()
    after = stored(app)
    assert words not in after
    assert digest not in after
    assert others in after


def lying(model: type[Report | Work]) -> list[bytes]:
    """Ids in the order in which the rows lie in the table's file."""
    # All columns: no index has them.
    query = f"SELECT * FROM {model.__tablename__}"
    if db.engine.dialect.name != "sqlite":
        query += " ORDER BY ctid"
    return [bytes(row.report_id) for row in db.session.execute(text(query))]


def test_the_nightly_rewrite_leaves_no_order_of_arrival(sana: Session) -> None:
    # So many that chance does not put them in order.
    ids = sorted(sent.send().report_id for _ in range(12))
    if db.engine.dialect.name != "sqlite":
        assert lying(Report) != ids
    admission.admit_new(sana)
    jobs.nightly_rewrite()
    assert lying(Report) == ids
    assert lying(Work) == ids


def test_files_that_cannot_be_deleted_keep_no_order_of_arrival(
    sana: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OSError

    ids = sorted(sent.send().report_id for _ in range(12))
    monkeypatch.setattr(attachments, "sweep", fail)
    monkeypatch.setattr(leftovers, "sweep", fail)
    with pytest.raises(OSError, match=r"^$"):
        jobs.nightly_rewrite()
    assert lying(Report) == ids


def test_all_jobs_run_twice_and_leave_no_audit_of_reporters(sana: Session) -> None:
    sent.send()
    before = len(db.session.scalars(select(AuditEntry)).all())
    for function in (*jobs.JOBS.values(), *jobs.JOBS.values()):
        db.session.rollback()
        function()
    assert len(db.session.scalars(select(AuditEntry)).all()) == before


@pytest.mark.parametrize(("name", "line"), jobs.CRON)
def test_every_line_of_the_crontab_is_a_job_and_parses(name: str, line: str) -> None:
    assert name in jobs.JOBS
    assert CronJob("q", func_name="x", cron=line).get_next_enqueue_time() is not None
