"""Organisations, intake keys and opened reports for tests of the reporter's side."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import Any

from flask import current_app
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from reporting import clock, receipt
from reporting import envelope as env
from reporting.attachments import path
from reporting.database import db, transaction
from reporting.models import Attachment, IntakeKey, Organisation, Report
from reporting.sealing import (
    b64,
    key_id,
    public_of,
    public_of_signing,
    random_id,
    random_key,
    sign,
)
from reporting.stream import AttachmentSealer


@dataclass
class Opener:
    """An organisation with the secrets a caseworker would hold."""

    slug: str
    organisation_id: bytes
    identity: bytes
    intake_seed: bytes

    def open(self, report: Report) -> dict[str, Any]:
        """The body of a stored report."""
        assert report.sealed_key is not None
        content_key = self.content_key(report)
        body: dict[str, Any] = json.loads(env.open_body(content_key, report.report_id, report.body))
        return body

    def content_key(self, report: Report) -> bytes:
        """The key of a stored report that was not admitted."""
        assert report.sealed_key is not None
        return env.open_content_key(
            self.intake_seed, report.report_id, report.key_id, report.sealed_key
        )

    def file(self, report: Report, index: int, size: int) -> bytes:
        """The plaintext of a stored attachment."""
        sealed = path(report.report_id, index).read_bytes()
        opened = env.open_attachment(
            self.content_key(report), report.report_id, index, [sealed], size
        )
        return b"".join(opened)


def make_organisation(
    slug: str = "north", name: str = "North Help", *, closed: bool = False, about: str = "We help."
) -> Opener:
    """An organisation with a signed intake key; its secrets are returned and kept nowhere."""
    identity = random_key()
    organisation_id = random_id()
    with transaction() as session:
        session.add(
            Organisation(
                id=organisation_id,
                slug=slug,
                name=name,
                about=json.dumps({"en": about}),
                contact=json.dumps({"en": "Call 0100 200."}),
                identity_key=public_of_signing(identity),
                closed=closed,
                recognisable=False,
            )
        )
    opener = Opener(slug, organisation_id, identity, b"")
    rotate(opener)
    return opener


def rotate(opener: Opener) -> bytes:
    """Retire the intake key and make a new one; returns the retired one's id."""
    seed = random_key()
    public = public_of(seed)
    today = clock.today()
    instance_id = current_app.extensions["instance"].instance_id
    message = env.intake_signature_message(instance_id, today.isoformat(), public, opener.slug)
    with transaction() as session:
        old = session.scalars(
            select(IntakeKey).where(
                IntakeKey.organisation_id == opener.organisation_id, IntakeKey.retired.is_(None)
            )
        ).all()
        retired = b"".join(key.key_id for key in old)
        for key in old:
            key.retired = today
        session.add(
            IntakeKey(
                key_id=key_id("intake-key", public),
                organisation_id=opener.organisation_id,
                public_key=public,
                created=today,
                signature=sign(opener.identity, "intake-key-signature", message),
                retired=None,
            )
        )
    opener.intake_seed = seed
    return retired


@dataclass
class Sealed:
    """A report sealed as a script would: the parts to post, and its receipt."""

    envelope: env.Envelope
    parts: list[bytes]
    digits: str

    def form(self, **changes: Any) -> dict[str, Any]:
        """Form data for the test client; a fresh one for each request."""
        data: dict[str, Any] = {
            "envelope": (BytesIO(env.envelope_json(self.envelope)), "e", "application/json")
        }
        for index, part in enumerate(self.parts):
            data[f"attachment-{index}"] = (BytesIO(part), "a", "application/octet-stream")
        return {**data, **changes}

    def post(self, client: FlaskClient, slug: str = "north") -> TestResponse:
        """Send it."""
        return client.post(f"/sealed/{slug}", data=self.form(), content_type="multipart/form-data")


def seal(
    opener: Opener,
    body: Mapping[str, Any] | None = None,
    files: Sequence[bytes] = (),
    *,
    kind: str = "report",
    digits: str = "",
    report_id: bytes = b"",
) -> Sealed:
    """Seal a body to an organisation's intake key."""
    digits = digits or receipt.make_digits()
    derived = receipt.derive_receipt(digits, current_app.extensions["instance"].instance_id)
    report_id, content_key = report_id or random_id(), secrets.token_bytes(32)
    parts = []
    for index, data in enumerate(files):
        sealer = AttachmentSealer(content_key, report_id, index)
        parts.append(sealer.update(data) + sealer.finish())
    public = public_of(opener.intake_seed)
    given = {
        "schema": 1,
        "kind": kind,
        "answers": {"what_happened": "Words"},
        "reply_public_key": b64(derived.reply_public_key),
        **(body or {}),
    }
    key = key_id("intake-key", public)
    envelope = env.Envelope(
        kind=kind,
        report_id=report_id,
        key_id=key,
        sealed_key=env.seal_content_key(public, report_id, key, content_key),
        body=env.seal_body(content_key, report_id, json.dumps(given).encode()),
        mailbox_token=derived.mailbox_token,
        attachments=tuple(env.Part(i, len(p)) for i, p in enumerate(parts)),
    )
    return Sealed(envelope, parts, digits)


def stored() -> list[Report]:
    """All reports in the database, fresh."""
    db.session.commit()
    return list(db.session.scalars(select(Report)))


def stored_files() -> list[Attachment]:
    """All attachment rows."""
    db.session.commit()
    return list(db.session.scalars(select(Attachment).order_by(Attachment.index)))


def today() -> date:
    """The day the tests run."""
    return clock.today()
