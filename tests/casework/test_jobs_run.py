"""The clock's jobs as the clock runs them: by name, each with something due, at the right hours."""

import os
import re
import smtplib
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import redis
from croniter import croniter
from flask import Flask
from sqlalchemy import func, select, text

import wsgi
from casework import admission, invitations, jobs, rotation
from casework.models import Invitation, Member, Work
from casework.sessions import Session
from reporting import clock, mailbox, queue
from reporting.database import db, transaction
from reporting.models import IntakeKey, Report
from reporting.settings import Settings
from tests.casework import people, sent
from tests.casework.hands import Hands
from tests.casework.people import Organisation
from tests.casework.test_jobs import lying
from tests.casework.test_notices import Post

Run = Callable[[str], None]
Due = Callable[[], bool]
ARABIC = re.compile(r"[\u0621-\u064a]{3}")
# Least and greatest minutes from one run to the next, as the plan says.
PAUSES = {
    # An order that Redis lost goes on within a minute.
    "sweep": (1, 1),
    # "by the keyless job within minutes" (sealing.md 6)
    "finish_erasures": (1, 5),
    # At fixed hours (sealing.md 10): a notice within the minute would tell when a reporter wrote.
    "notify_staff": (3 * 60, 24 * 60),
    "remind_rotation": (7 * 24 * 60, 7 * 24 * 60),
    # 12 hours after its day (sealing.md 5); links live 72 hours.
    "delete_old_day_secrets": (60, 60),
    "expire_sessions_and_invitations": (60, 60),
    # 7 days on (sealing.md 4), and what is done every night.
    "delete_retired_keys": (24 * 60, 24 * 60),
    "nightly_rewrite": (24 * 60, 24 * 60),
}


@pytest.fixture
def run(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a job of the clock as the worker does."""
    monkeypatch.setattr(wsgi, "_worker_app", lambda: app)

    def ran(name: str) -> None:
        # What a test has read must not stand in the job's way.
        db.session.rollback()
        wsgi.run_cron(name)
        db.session.rollback()

    return ran


@pytest.fixture
def post(app: Flask, organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> Post:
    """Mail is on, and the supervisor has an address."""
    settings = replace(app.extensions["settings"], smtp_host="127.0.0.1", smtp_from="u@x.invalid")
    monkeypatch.setitem(app.extensions, "settings", settings)
    address(organisation.supervisor.member_id, "sana@mail.invalid")
    office = Post()
    monkeypatch.setattr(smtplib, "SMTP", office)
    return office


def address(member_id: bytes, email: str, locale: str = "en") -> None:
    with transaction() as database:
        member = database.get_one(Member, member_id)
        member.email, member.locale = email, locale


def counted(model: type[Any]) -> int:
    return int(db.session().scalar(select(func.count()).select_from(model)) or 0)


class Ready:
    """What each job is there for, made; returns whether it is still to do."""

    def __init__(self, app: Flask, hands: Hands, sana: Session, post: Post) -> None:
        self.settings: Settings = app.extensions["settings"]
        self.app, self.hands, self.sana, self.post = app, hands, sana, post

    def notify_staff(self) -> Due:
        sent.send()
        return lambda: not self.post.taken

    def remind_rotation(self) -> Due:
        self.hands.forward(days=31)
        return lambda: not self.post.taken

    def finish_erasures(self) -> Due:
        one = sent.send()
        admission.admit_new(self.sana)
        mailbox.erase(one.receipt.mailbox_token)
        return lambda: db.session.get_one(Work, one.report_id).digest is not None

    def delete_retired_keys(self) -> Due:
        self.hands.forward(days=31)
        assert rotation.renew_if_due(self.sana)
        self.hands.forward(days=8)
        return lambda: counted(IntakeKey) == 2

    def delete_old_day_secrets(self) -> Due:
        self.app.extensions["instance"].day_secret(clock.today())
        secret = self.settings.secrets_dir / "days" / clock.today().isoformat()
        cut = self.coming_in(self.hands.now)
        self.hands.forward(days=2)
        return lambda: secret.exists() or bool(cut.stat().st_mtime % (24 * 3600))

    def expire_sessions_and_invitations(self) -> Due:
        invitations.invite(self.sana, "caseworker", "Ada", self.sana.organisation_id)
        self.hands.forward(hours=73)
        return lambda: counted(Invitation) == 1

    def nightly_rewrite(self) -> Due:
        return self.coming_in(self.hands.now - timedelta(days=3)).exists

    def coming_in(self, since: datetime) -> Path:
        """An upload that was cut."""
        path = self.settings.attachments_dir / "incoming" / "cut"
        path.write_bytes(b"sealed")
        os.utime(path, (since.timestamp(),) * 2)
        return path


@pytest.mark.parametrize("name", jobs.JOBS)
def test_the_clock_has_a_job_do_what_is_due(
    name: str, app: Flask, hands: Hands, sana: Session, post: Post, run: Run
) -> None:
    due: Due = getattr(Ready(app, hands, sana, post), name)()
    assert due()
    run(name)
    assert not due()


def test_the_clock_hands_over_what_redis_lost(app: Flask, run: Run) -> None:
    queue.job(app, "note", lambda: None)
    with transaction():
        queue.enqueue("note")
    connection: redis.Redis = app.extensions["redis"]
    connection.flushall()
    run("sweep")
    assert connection.llen(f"rq:queue:{queue.QUEUE_NAME}") == 1


def pauses(line: str) -> list[float]:
    """Minutes between the next runs of a crontab line."""
    times = croniter(line, datetime(2026, 11, 1, tzinfo=UTC))
    seconds = [times.get_next(float) for _ in range(40)]
    return [(later - sooner) / 60 for sooner, later in pairwise(seconds)]


def test_every_job_runs_as_often_as_the_plan_says() -> None:
    found = {name: pauses(line) for name, line in wsgi.cron_table()}
    assert {
        name: (min(gaps), max(gaps))
        for name, gaps in found.items()
        if not PAUSES[name][0] <= min(gaps) <= max(gaps) <= PAUSES[name][1]
    } == {}
    assert found.keys() == PAUSES.keys()
    # What the worker knows, the clock orders: a job that nobody orders is dead.
    assert {*jobs.JOBS, "sweep"} == found.keys()


@pytest.mark.parametrize("name", ["notify_staff", "remind_rotation"])
def test_notices_go_out_at_few_fixed_hours(name: str) -> None:
    """A notice soon after a report would tell whoever reads the mail when a reporter wrote."""
    minute, hour, *_days = dict(jobs.CRON)[name].split()
    assert minute.isdigit()
    hours = hour.split(",")
    assert all(each.isdigit() for each in hours)
    assert len(hours) <= 4


def test_nobody_who_waits_to_be_admitted_is_told(
    organisation: Organisation, post: Post, run: Run
) -> None:
    """Nobody has compared their key yet: the address may be whose they say, or not."""
    waiting = invitations.enrol(organisation.id, "caseworker", "Wael")
    invited = invitations.enrol(organisation.id, "supervisor", "Inas")
    address(waiting.member_id, "wael@mail.invalid")
    address(invited.member_id, "inas@mail.invalid")
    sent.send()
    run("notify_staff")
    assert [m["To"] for m in post.taken] == ["sana@mail.invalid"]


def test_a_reminder_goes_to_supervisors_only_and_for_the_key_in_use(
    hands: Hands, organisation: Organisation, sana: Session, post: Post, run: Run
) -> None:
    ada = people.add_member(organisation, "caseworker", "Ada")
    address(ada.member_id, "ada@mail.invalid")
    waiting = invitations.enrol(organisation.id, "supervisor", "Wael")
    address(waiting.member_id, "wael@mail.invalid")
    hands.forward(days=31)
    run("remind_rotation")
    assert [m["To"] for m in post.taken] == ["sana@mail.invalid"]
    # The retired key is as old as it was; the one in use is new.
    assert rotation.renew_if_due(sana)
    run("remind_rotation")
    assert len(post.taken) == 1
    hands.forward(days=31)
    run("remind_rotation")
    assert len(post.taken) == 2


@pytest.mark.parametrize("name", ["notify_staff", "remind_rotation"])
def test_a_notice_is_in_its_readers_language(
    hands: Hands, organisation: Organisation, sana: Session, post: Post, run: Run, name: str
) -> None:
    rana = people.add_member(organisation, "supervisor", "Rana")
    address(rana.member_id, "rana@mail.invalid", "ar")
    sent.send()
    hands.forward(days=31)
    run(name)
    words = {m["To"]: m["Subject"] + m.get_content() for m in post.taken}
    assert ARABIC.search(words["rana@mail.invalid"])
    assert not ARABIC.search(words["sana@mail.invalid"])


def test_the_nightly_rewrite_waits_for_no_long_reader(
    app: Flask, sana: Session, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a rewrite that waits for its lock, every request of that table waits too."""
    postgresql = db.engine.dialect.name != "sqlite"
    monkeypatch.setattr(jobs, "LOCK_WAIT", "500ms")
    ids = sorted(sent.send().report_id for _ in range(12))
    # So many that chance does not put them in order; SQLite always has them so.
    assert (lying(Report) != ids) is postgresql
    assert (remembered() != sorted(remembered())) is postgresql
    db.session.rollback()
    level = {"isolation_level": "READ COMMITTED"} if postgresql else {}
    with db.engine.connect().execution_options(**level) as reader:
        # A backup, say: it holds the table as long as it reads.
        reader.execute(select(Report.report_id)).all()
        job = Thread(target=in_app(app, jobs.nightly_rewrite), daemon=True)
        job.start()
        time.sleep(0.1)
        answers: list[list[bytes]] = []
        other = Thread(target=in_app(app, lambda: answers.append(asked())), daemon=True)
        other.start()
        other.join(10)
        job.join(20)
        assert [sorted(found) for found in answers] == [ids]
        assert not job.is_alive()
    # The others were rewritten, and the next night this one is.
    assert remembered() == sorted(remembered())
    assert (lying(Report) != ids) is postgresql
    run("nightly_rewrite")
    assert lying(Report) == ids


def remembered() -> list[bytes]:
    """What tells a repeat, in the order in which the rows lie in the table's file."""
    order = "" if db.engine.dialect.name == "sqlite" else " ORDER BY ctid"
    rows = db.session.execute(text(f"SELECT * FROM submission{order}"))
    return [bytes(row.by_id) for row in rows]


def in_app(app: Flask, function: Callable[[], None]) -> Callable[[], None]:
    """As another process does it."""

    def called() -> None:
        with app.app_context():
            function()

    return called


def asked() -> list[bytes]:
    return list(db.session().scalars(select(Report.report_id)))
