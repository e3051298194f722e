"""Mails to staff: neutral, at fixed hours, one each; what stops one of them stops no other."""

import re
import smtplib
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from casework import addresses, admission, jobs, linking
from casework.models import Member, Work
from casework.sessions import Session
from reporting.database import db, transaction
from tests.casework import people, post_office, sent
from tests.casework.people import Organisation


class Post:
    """A mail server that keeps what it takes."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []

    def __call__(self, _host: str, _port: int, timeout: float) -> "Post":
        return self

    def __enter__(self) -> "Post":
        return self

    def __exit__(self, *_ended: object) -> None:
        return None

    def send_message(self, message: EmailMessage) -> None:
        self.taken.append(message)


@pytest.fixture
def post(app: Flask, organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> Post:
    """Mail is on, and the supervisor has an address."""
    settings = replace(
        app.extensions["settings"], smtp_host="mail.invalid", smtp_from="upstander@mail.invalid"
    )
    monkeypatch.setitem(app.extensions, "settings", settings)
    with transaction() as database:
        database.get_one(Member, organisation.supervisor.member_id).email = "sana@mail.invalid"
    office = Post()
    monkeypatch.setattr(smtplib, "SMTP", office)
    return office


def test_a_notice_says_that_something_is_there_and_nothing_about_it(
    post: Post, sana: Session
) -> None:
    jobs.notify_staff()
    assert post.taken == []
    sent.send()
    jobs.notify_staff()
    (message,) = post.taken
    assert message["To"] == "sana@mail.invalid"
    words = message["Subject"] + message.get_content()
    assert "Something new is in your queue" in words
    assert not any(letter.isdigit() for letter in words.replace("127.0.0.1:8000", ""))


def test_a_notice_goes_where_the_member_says(post: Post, sana: Session) -> None:
    sent.send()
    addresses.change(sana, "at-home@mail.invalid")
    jobs.notify_staff()
    addresses.change(sana, "")
    jobs.notify_staff()
    assert [message["To"] for message in post.taken] == ["at-home@mail.invalid"]


def test_no_notice_when_everything_is_held(post: Post, sana: Session) -> None:
    one = sent.send()
    admission.admit_new(sana)
    version = db.session.scalars(select(Work.version)).one()
    linking.new_incident(sana, one.report_id, version)
    jobs.notify_staff()
    assert post.taken == []
    sent.add(one)
    jobs.notify_staff()
    assert len(post.taken) == 1


def test_without_a_mail_server_nothing_is_sent(
    app: Flask, sana: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent.send()
    office = Post()
    monkeypatch.setattr(smtplib, "SMTP", office)
    jobs.notify_staff()
    jobs.remind_rotation()
    assert office.taken == []


def test_a_mail_server_that_is_away_stops_no_job(
    post: Post, sana: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_arguments: Any, **_options: Any) -> None:
        raise ConnectionRefusedError

    sent.send()
    monkeypatch.setattr(smtplib, "SMTP", away)
    jobs.notify_staff()


@pytest.mark.parametrize("address", ["a@b.invalid\nBcc: c@d.invalid", "ü@mail.invalid", "@", "<"])
def test_one_bad_address_stops_no_other_notice(
    post: Post, organisation: Organisation, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    others = [people.add_member(organisation, "caseworker", name) for name in ("Ada", "Zoe")]
    with transaction() as database:
        rows = [database.get_one(Member, one.member_id) for one in others]
        rows.append(database.get_one(Member, organisation.supervisor.member_id))
        rows.sort(key=lambda row: row.id)
        for row, value in zip(rows, (address, "b@mail.invalid", "c@mail.invalid"), strict=True):
            row.email = value
    real = post.send_message

    def picky(message: EmailMessage) -> None:
        str(message["To"]).encode("ascii")
        if "@mail" not in str(message["To"]):
            raise smtplib.SMTPRecipientsRefused({})
        real(message)

    monkeypatch.setattr(post, "send_message", picky)
    sent.send()
    jobs.notify_staff()
    assert {m["To"] for m in post.taken} == {"b@mail.invalid", "c@mail.invalid"}


def test_supervisors_are_reminded_when_a_key_is_due(
    post: Post, sana: Session, clock_at: Any
) -> None:
    from datetime import UTC, datetime, timedelta

    jobs.remind_rotation()
    assert post.taken == []
    clock_at(datetime.now(UTC) + timedelta(days=31))
    jobs.remind_rotation()
    assert "sign in" in post.taken[0]["Subject"]


def test_a_mail_server_gets_one_neutral_mail_for_each(
    app: Flask, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the wire: nobody sees who else was told, and one who is refused stops no other."""
    told = {organisation.supervisor: ("sana@mail.invalid", "en")}
    told[people.add_member(organisation, "caseworker", "Ada")] = ("ada@mail.invalid", "ar")
    told[people.add_member(organisation, "caseworker", "Zoe")] = ("zoe@elsewhere.invalid", "en")
    told[people.add_member(organisation, "caseworker", "Bo")] = ("", "en")
    told[people.add_organisation("other").supervisor] = ("other@mail.invalid", "en")
    with transaction() as database:
        for who, (address, locale) in told.items():
            member = database.get_one(Member, who.member_id)
            member.email, member.locale = address or None, locale
    one = sent.send(files=[("bus.jpg", b"x")])
    with post_office.opened() as office:
        settings = replace(
            app.extensions["settings"],
            smtp_host="127.0.0.1",
            smtp_port=office.port,
            smtp_from="upstander@mail.invalid",
        )
        monkeypatch.setitem(app.extensions, "settings", settings)
        jobs.notify_staff()
    mails = {mail.recipients[0]: mail for mail in office.taken}
    assert mails.keys() == {"sana@mail.invalid", "ada@mail.invalid"}
    assert len(office.taken) == 2
    wire = {"english": mails["sana@mail.invalid"], "arabic": mails["ada@mail.invalid"]}
    for mail in wire.values():
        assert (mail.sender, len(mail.recipients)) == ("upstander@mail.invalid", 1)
        read = message_from_bytes(mail.data, policy=default)
        assert read["To"] == mail.recipients[0]
        assert {"Cc", "Bcc", "Date", "Message-ID", "X-Mailer"}.isdisjoint(read.keys())
        # A sentence and where to sign in.
        sentence, address = read.get_content().splitlines()
        assert sentence
        assert address == f"{settings.address}/staff/queue"
        names = (one.id, one.report_id.hex(), "demo", "Sana", "shouted", "bus.jpg", "Organisation")
        whole = mail.data.decode() + str(read["Subject"]) + read.get_content()
        assert not [name for name in names if name in whole]
    subjects = {
        way: message_from_bytes(m.data, policy=default)["Subject"] for way, m in wire.items()
    }
    assert subjects["english"] == "Something new is in your queue"
    assert re.search(r"[\u0621-\u064a]{3}", subjects["arabic"])
