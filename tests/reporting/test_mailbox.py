"""The mailbox: messages to whoever has the token, erasure at once, known and unknown alike."""

import json
import time
from collections.abc import Mapping
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select
from werkzeug.test import TestResponse

from reporting import attachments, mailbox
from reporting.database import LOG_WAIT_SECONDS, db, transaction
from reporting.envelope import open_to_reporter, seal_to_reporter
from reporting.models import Attachment, ErasureOrder, Message
from reporting.receipt import Receipt, derive_receipt, mailbox_of
from reporting.sealing import b64, random_id, unb64
from reporting.views.mailbox import ERASE_SECONDS, erase_steadily
from tests.factories_reporting import Sealed, make_organisation, seal, stored


def receipt_of(app: Flask, digits: str) -> Receipt:
    return derive_receipt(digits, app.extensions["instance"].instance_id)


def answer(app: Flask, sealed: Sealed, message: Mapping[str, Any]) -> None:
    """Leave a message as staff do."""
    leave(app, sealed.digits, sealed.envelope.report_id, message)


def leave(app: Flask, digits: str, report_id: bytes, message: Mapping[str, Any]) -> None:
    """The same for a report made in a browser."""
    derived = receipt_of(app, digits)
    message_id = random_id()
    data = json.dumps(message).encode()
    text = seal_to_reporter(derived.reply_public_key, report_id, message_id, data)
    box = mailbox_of(app.extensions["instance"].pepper, derived.mailbox_token)
    with transaction() as session:
        mailbox.put_message(session, box, report_id, message_id, text)


def ask(client: FlaskClient, token: bytes, address: str = "/mailbox") -> TestResponse:
    return client.post(address, json={"mailbox_token": b64(token)})


def test_messages_open_with_the_receipt(app: Flask, client: FlaskClient) -> None:
    sealed = seal(make_organisation())
    sealed.post(client)
    answer(app, sealed, {"text": "We read it.", "status": "being_read"})
    found = ask(client, sealed.envelope.mailbox_token).json
    assert found is not None
    [message] = found["messages"]
    assert set(message) == {"message_id", "report_id", "day", "sealed"}
    opened = open_to_reporter(
        receipt_of(app, sealed.digits).reply_seed,
        unb64(message["report_id"]),
        unb64(message["message_id"]),
        unb64(message["sealed"]),
    )
    assert json.loads(opened)["text"] == "We read it."


def test_unknown_and_empty_mailboxes_answer_alike(app: Flask, client: FlaskClient) -> None:
    sealed = seal(make_organisation())
    sealed.post(client)
    known, unknown = ask(client, sealed.envelope.mailbox_token), ask(client, bytes(32))
    assert known.status_code == unknown.status_code == 200
    assert known.data == unknown.data
    assert known.headers == unknown.headers
    erased = [ask(client, t, "/mailbox/erase") for t in (sealed.envelope.mailbox_token, bytes(32))]
    assert [e.status_code for e in erased] == [202, 202]
    assert erased[0].data == erased[1].data == b"{}"


def test_erasing_deletes_everything_of_the_mailbox_and_nothing_else(
    app: Flask, client: FlaskClient
) -> None:
    north = make_organisation()
    mine, other = seal(north, files=[b"one"]), seal(north, files=[b"two"])
    more = seal(north, kind="addition", digits=mine.digits)
    for sealed in (mine, other, more):
        assert sealed.post(client).status_code == 201
    answer(app, mine, {"text": "Hello"})
    answer(app, other, {"text": "Hello"})
    ask(client, mine.envelope.mailbox_token, "/mailbox/erase")
    assert [r.report_id for r in stored()] == [other.envelope.report_id]
    assert [m.report_id for m in db.session.scalars(select(Message))] == [other.envelope.report_id]
    assert [a.report_id for a in db.session.scalars(select(Attachment))] == [
        other.envelope.report_id
    ]
    assert not attachments.path(mine.envelope.report_id, 0).exists()
    assert attachments.path(other.envelope.report_id, 0).exists()
    orders = {o.report_id for o in db.session.scalars(select(ErasureOrder))}
    assert orders == {mine.envelope.report_id, more.envelope.report_id}
    # A second time is no error.
    assert ask(client, mine.envelope.mailbox_token, "/mailbox/erase").status_code == 202


def test_erasing_twice_at_once_is_erasing_once(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second press of the button, or a second window: no error, for everything is gone."""
    sealed = seal(make_organisation())
    sealed.post(client)
    token = sealed.envelope.mailbox_token
    refused: list[Exception] = []

    def erase() -> None:
        with app.app_context():
            try:
                mailbox.erase(token)
            except Exception as error:  # noqa: BLE001  # said by the thread of the test
                refused.append(error)

    second = Thread(target=erase)

    def meanwhile(table: Any) -> Any:
        """In the first one's transaction, after it has ordered the erasure."""
        monkeypatch.undo()
        second.start()
        second.join(0.3)
        return delete(table)

    monkeypatch.setattr("reporting.mailbox.delete", meanwhile)
    mailbox.erase(token)
    second.join()
    assert refused == []
    assert stored() == []
    orders = db.session.scalars(select(ErasureOrder.report_id)).all()
    assert orders == [sealed.envelope.report_id]


@pytest.mark.parametrize("address", ["/mailbox", "/mailbox/erase"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"mailbox_token":"AAAA"}',
        b'{"mailbox_token":1}',
        b'{"mailbox_token":"' + b"A" * 43 + b'","more":1}',
        b"[" * 100_000,
    ],
    ids=lambda b: b[:20].decode(),
)
def test_requests_out_of_shape_are_refused(
    app: Flask, client: FlaskClient, address: str, body: bytes
) -> None:
    found = client.post(address, data=body, content_type="application/json")
    titles = {413: "Content Too Large", 422: "Unprocessable Content"}
    assert (found.json or {})["title"] == titles[found.status_code]
    assert found.content_type == "application/problem+json"


def test_erasing_takes_the_same_time_for_nothing(app: Flask, client: FlaskClient) -> None:
    """The quickest of three each: what else runs on the machine is nobody's secret."""
    organisation = make_organisation()
    times: list[list[float]] = [[], []]
    for _ in range(3):
        sealed = seal(organisation, files=[b"one"] * 5)
        sealed.post(client)
        for token, taken in zip((sealed.envelope.mailbox_token, bytes(32)), times, strict=True):
            started = time.monotonic()
            ask(client, token, "/mailbox/erase")
            taken.append(time.monotonic() - started)
    known, unknown = map(min, times)
    assert min(known, unknown) >= ERASE_SECONDS
    assert abs(known - unknown) < ERASE_SECONDS / 2


@pytest.mark.parametrize("took", [0.0, 0.1, 0.55, 1.3])
def test_an_erasure_that_had_to_wait_ends_on_a_step_as_well(
    monkeypatch: pytest.MonkeyPatch, took: float
) -> None:
    now = [100.0]

    def pass_time(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", pass_time)
    monkeypatch.setattr(mailbox, "erase", lambda _token: pass_time(took))
    erase_steadily(bytes(32))
    steps = (now[0] - 100.0) / ERASE_SECONDS
    assert steps == pytest.approx(round(steps))
    assert round(steps) >= 1
    assert now[0] - 100.0 >= took
    # The longest wait of its own for readers is no step of its own.
    assert LOG_WAIT_SECONDS < ERASE_SECONDS
