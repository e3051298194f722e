"""`POST /sealed`: once, the same answer to the same bytes, and a reason for every refusal."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from reporting import attachments, mailbox
from reporting import envelope as env
from reporting.database import db
from reporting.models import ErasureOrder, Submission
from reporting.sealing import b64, public_of_signing, random_id, unb64
from tests.factories_reporting import make_organisation, rotate, seal, stored, stored_files

SEALED = "/sealed/north"


def test_report_is_stored_once_and_the_same_bytes_get_the_same_answer(
    app: Flask, client: FlaskClient
) -> None:
    north = make_organisation()
    sealed = seal(north, {"answers": {"what_happened": "Words"}}, [b"file one", b""])
    first, second = sealed.post(client), sealed.post(client)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json == second.json
    [report] = stored()
    assert north.open(report)["answers"]["what_happened"] == "Words"
    assert north.file(report, 0, 8) == b"file one"
    assert [row.index for row in stored_files()] == [0, 1]


def test_acknowledgement_verifies_offline(app: Flask, client: FlaskClient) -> None:
    sealed = seal(make_organisation(), files=[b"one"])
    answer = sealed.post(client).json
    assert answer is not None
    word = answer["acknowledgement"]
    known = client.get("/.well-known/upstander/instance.json").json
    assert known is not None
    env.check_acknowledgement(unb64(known["acknowledgement_key"]), word)
    e = sealed.envelope
    assert word["commitment"] == b64(env.commitment(e.report_id, e.sealed_key, e.body))
    assert known["acknowledgement_key"] == b64(
        public_of_signing(app.extensions["instance"].acknowledgement)
    )


def test_other_bytes_under_the_same_id_conflict(app: Flask, client: FlaskClient) -> None:
    north = make_organisation()
    make_organisation("south", "South")
    sealed = seal(north, files=[b"one"])
    assert sealed.post(client).status_code == 201
    other = seal(
        north, {"answers": {"what_happened": "Other"}}, report_id=sealed.envelope.report_id
    )
    answer = other.post(client)
    assert answer.status_code == 409
    assert answer.content_type == "application/problem+json"
    assert answer.json is not None
    assert answer.json["code"] == "other-bytes"
    # The same bytes to another organisation are not the same report.
    assert sealed.post(client, "south").status_code == 409
    assert north.file(stored()[0], 0, 3) == b"one"


def test_retired_and_unknown_keys_get_the_current_one(app: Flask, client: FlaskClient) -> None:
    north = make_organisation()
    known, unsent = seal(north), seal(north)
    assert known.post(client).status_code == 201
    rotate(north)
    answer = unsent.post(client)
    assert answer.status_code == 410
    assert answer.json is not None
    current = client.get("/.well-known/upstander/north.json").json
    assert current is not None
    assert answer.json["intake_key"] == current["intake_key"]
    # What was stored before its key retired is still recognised.
    assert known.post(client).status_code == 200
    unknown = replace(unsent, envelope=replace(unsent.envelope, key_id=random_id()))
    assert unknown.post(client).status_code == 410
    assert len(stored()) == 1


def test_erased_report_is_not_replayed(app: Flask, client: FlaskClient) -> None:
    sealed = seal(make_organisation(), files=[b"one"])
    first = sealed.post(client)
    mailbox.erase(sealed.envelope.mailbox_token)
    again = sealed.post(client)
    assert again.status_code == 200
    assert again.json == first.json
    assert stored() == []
    assert not attachments.path(sealed.envelope.report_id, 0).exists()
    [order] = db.session.scalars(select(ErasureOrder))
    assert order.report_id == sealed.envelope.report_id


def test_memory_of_a_report_is_not_its_id(app: Flask, client: FlaskClient) -> None:
    sealed = seal(make_organisation())
    sealed.post(client)
    [memory] = db.session.scalars(select(Submission))
    assert sealed.envelope.report_id not in memory.by_id + memory.by_bytes


def changed(sealed: Any, **values: Any) -> dict[str, Any]:
    """Form data whose envelope JSON has other values."""
    fields = {**json.loads(env.envelope_json(sealed.envelope)), **values}
    data: dict[str, Any] = sealed.form()
    data["envelope"] = (BytesIO(json.dumps(fields).encode()), "e", "application/json")
    return data


@pytest.mark.parametrize(
    "values",
    [
        {"format": "upstander/2"},
        {"kind": "note"},
        {"extra": 1},
        {"report_id": "AAAA"},
        {"body": "AAAA"},
        {"sealed_key": b64(b"x" * 1167)},
        {"attachments": [{"index": 1, "length": 4112}]},
        {"attachments": [{"index": 0, "length": 8224}]},
        {"attachments": []},
        {"attachments": [{"index": 0, "length": 4112}, {"index": 1, "length": 4112}]},
    ],
    ids=str,
)
def test_malformed_envelopes_are_refused(
    app: Flask, client: FlaskClient, settings: Any, values: dict[str, Any]
) -> None:
    sealed = seal(make_organisation(), files=[b"one"])
    answer = client.post(SEALED, data=changed(sealed, **values))
    assert answer.status_code == 422, answer.json
    assert answer.content_type == "application/problem+json"
    assert (answer.json or {})["title"] == "Unprocessable Content"
    assert stored() == []
    assert [p for p in settings.attachments_dir.rglob("*") if p.is_file()] == []


def test_parts_in_another_order_are_refused(app: Flask, client: FlaskClient) -> None:
    sealed = seal(make_organisation(), files=[b"one", b"two" * 9000])
    form = sealed.form()
    for order in (
        ["attachment-0", "envelope", "attachment-1"],
        ["envelope", "attachment-1", "attachment-0"],
        ["envelope", "attachment-0"],
        ["attachment-0"],
        [],
    ):
        data = {name: (BytesIO(form[name][0].getvalue()), "x") for name in order}
        answer = client.post(SEALED, data=data, content_type="multipart/form-data")
        assert answer.status_code == 422, order
    # With and without file names it is the same part.
    named = sealed.form(envelope=env.envelope_json(sealed.envelope).decode())
    assert client.post(SEALED, data=named).status_code == 201


def test_too_large_is_told_so(app: Flask, client: FlaskClient) -> None:
    north = make_organisation()
    long = seal(north, {"answers": {"what_happened": "x" * 300_000}})
    assert long.post(client).status_code == 413
    largest = seal(north, {"answers": {"what_happened": "x" * 250_000}})
    assert largest.post(client).status_code == 201
    sealed = seal(north)
    many = [{"index": n, "length": 4112} for n in range(6)]
    assert client.post(SEALED, data=changed(sealed, attachments=many)).status_code == 413
    huge = [{"index": 0, "length": 2**40}]
    assert client.post(SEALED, data=changed(sealed, attachments=huge)).status_code == 413
    declared = client.post(
        SEALED,
        content_type="multipart/form-data; boundary=x",
        environ_overrides={"CONTENT_LENGTH": str(2**40)},
    )
    assert declared.status_code == 413


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data", ""])
def test_other_bodies_are_refused(app: Flask, client: FlaskClient, content_type: str) -> None:
    make_organisation()
    assert client.post(SEALED, data=b"{}", content_type=content_type).status_code == 422
    assert client.post("/sealed/nobody", data=b"{}").status_code == 404
    assert client.get(SEALED).status_code == 405


def test_closed_organisation_takes_nothing(app: Flask, client: FlaskClient) -> None:
    assert seal(make_organisation(closed=True)).post(client).status_code == 503
    assert stored() == []


def test_key_nobody_signed_is_not_used(app: Flask, client: FlaskClient) -> None:
    """Whoever can write to the database only cannot have reports sealed to a key of theirs."""
    north = make_organisation()
    north.identity = bytes(32)
    rotate(north)
    answer = seal(north).post(client)
    assert answer.status_code == 410
    assert answer.json is not None
    assert answer.json["intake_key"] is None
    assert client.get("/en/report/north").status_code == 503


def test_same_report_at_once_from_many_is_stored_once(app: Flask, client: FlaskClient) -> None:
    north = make_organisation()
    sealed = seal(north, files=[b"one"])

    def send(_n: int) -> int:
        return sealed.post(app.test_client()).status_code

    with ThreadPoolExecutor(8) as pool:
        codes = sorted(pool.map(send, range(16)))
    assert codes == [200] * 15 + [201]
    assert len(stored()) == 1
    assert north.file(stored()[0], 0, 3) == b"one"


def test_files_bear_midnight_of_their_day(
    app: Flask, client: FlaskClient, settings: Any, clock_at: Callable[[datetime], None]
) -> None:
    clock_at(datetime(2026, 3, 1, 13, 14, 15, tzinfo=UTC))
    seal(make_organisation(), files=[b"one"]).post(client)
    day = datetime(2026, 3, 1, tzinfo=UTC).timestamp()
    root: Path = settings.attachments_dir
    found = [root, *root.rglob("*")]
    assert len(found) == 4
    assert {p.stat().st_mtime for p in found} == {day}
    assert {p.stat().st_atime for p in found if p.is_file()} == {day}
    assert not [p for p in found if p.is_file() and p.stat().st_mode & 0o077]
