"""Reports as reporters send them, put through the public interface of submission."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reporting import clock, mailbox, submission
from reporting import envelope as env
from reporting import receipt as receipts
from reporting.organisations import current_key, find
from reporting.receipt import Receipt
from reporting.sealing import b64, random_id, random_key
from reporting.stream import AttachmentSealer

ANSWERS: dict[str, Any] = {
    "what_happened": "He shouted at us on the bus.\nNobody helped.",
    "when": {"value": "2025-03-14", "precision": "day"},
    "country": "DE",
    "area": "near the river",
    "setting": "loc.transport",
    "grounds": ["rb.ethnic", "rb.language"],
    "acts": ["rg.words", "rg.threat"],
    "role": "rr.witness",
}


@dataclass(frozen=True)
class Sent:
    """What the reporter keeps."""

    report_id: bytes
    receipt: Receipt

    @property
    def id(self) -> str:
        return b64(self.report_id)


def instance_id() -> bytes:
    from flask import current_app

    found: bytes = current_app.extensions["instance"].instance_id
    return found


def body_of(receipt: Receipt, kind: str = "report", **changes: Any) -> dict[str, Any]:
    """A body as the form makes it."""
    return {
        "schema": 1,
        "kind": kind,
        "form": {"id": "first", "version": 1},
        "submitted_on": clock.today().isoformat(),
        "language": "en",
        "answers": dict(ANSWERS),
        "consent": {"statistics": True, "reply": True},
        "reply_public_key": b64(receipt.reply_public_key),
        "follow_up": b64(receipt.follow_up),
        "attachments": [],
        **changes,
    }


def send(
    slug: str = "demo",
    *,
    kind: str = "report",
    receipt: Receipt | None = None,
    raw: bytes | None = None,
    sealed_key: bytes | None = None,
    body: bytes | None = None,
    files: Sequence[tuple[str, bytes]] = (),
    says: Any = None,
    **changes: Any,
) -> Sent:
    """Seal and submit. `raw` replaces the JSON, `body` the sealed body, `sealed_key` the key.

    `says` is the kind inside the body, where it is not the envelope's.
    """
    receipt = receipt or receipts.derive_receipt(receipts.make_digits(), instance_id())
    organisation = find(slug)
    assert organisation is not None
    key = current_key(organisation, clock.today())
    assert key is not None
    report_id, content = random_id(), random_key()
    named = [{"name": n, "media_type": "text/plain", "size": len(d)} for n, d in files]
    given: Mapping[str, Any] = body_of(receipt, says or kind, **{"attachments": named, **changes})
    plain = raw if raw is not None else json.dumps(given, ensure_ascii=False).encode()
    parts, stored = [], []
    for index, (_name, data) in enumerate(files):
        sealer = AttachmentSealer(content, report_id, index)
        sealed = sealer.update(data) + sealer.finish()
        parts.append(env.Part(index, len(sealed)))
        stored.append(_stored(sealed))
    envelope = env.Envelope(
        kind=kind,
        report_id=report_id,
        key_id=key.key_id,
        sealed_key=sealed_key
        or env.seal_content_key(key.public_key, report_id, key.key_id, content),
        body=body or env.seal_body(content, report_id, plain),
        mailbox_token=receipt.mailbox_token,
        attachments=tuple(parts),
    )
    submission.submit(organisation, envelope, stored)
    return Sent(report_id, receipt)


def add(sent: Sent, slug: str = "demo", request: str = "more", **changes: Any) -> Sent:
    """An addition under the same receipt."""
    values = {"answers": {"what_happened": "One more thing."}, "consent": {}, **changes}
    return send(slug, kind="addition", receipt=sent.receipt, request=request, **values)


def messages(sent: Sent) -> list[dict[str, Any]]:
    """What the reporter reads on coming back, oldest first."""
    found = [
        json.loads(
            env.open_to_reporter(sent.receipt.reply_seed, one.report_id, one.message_id, one.sealed)
        )
        for one in mailbox.read(sent.receipt.mailbox_token)
    ]
    return sorted(found, key=lambda one: int(one["number"]))


def _stored(sealed: bytes) -> Any:
    from reporting.attachments import Incoming

    incoming = Incoming()
    incoming.write(sealed)
    incoming.finish()
    assert incoming.sha256 == hashlib.sha256(sealed).digest()
    return incoming
