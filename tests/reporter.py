"""A reporter's client: seals and sends as a script would, or fills in the form as a person would.

Uses the project's sealing twin and nothing else of it; everything goes over HTTP.
"""

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from reporting import envelope as env
from reporting import receipt as receipts
from reporting.sealing import b64, random_id, random_key, unb64
from reporting.stream import AttachmentSealer
from tests.page import Page, Values, Visitor, encode

Files = Sequence[tuple[str, str, bytes]]


@dataclass(frozen=True)
class Sealed:
    """The bytes of one sending, kept so that the same can be sent again."""

    report_id: bytes
    receipt: str
    body: bytes
    headers: Mapping[str, str]


def well_known(visitor: Visitor, name: str) -> dict[str, Any]:
    """A document below `/.well-known/upstander/`."""
    page = visitor.fetch(f"/.well-known/upstander/{name}.json")
    assert page.status == 200, page.status
    found: dict[str, Any] = json.loads(page.body)
    return found


def instance_id(visitor: Visitor) -> bytes:
    """Of the instance; asked for once a visitor: the form page carries it for its script."""
    if not visitor.instance_id:
        visitor.instance_id = unb64(well_known(visitor, "instance")["instance_id"])
    return visitor.instance_id


def intake_key(visitor: Visitor, slug: str) -> dict[str, str]:
    """An organisation's current key; asked for once a visitor, as by the script of a page."""
    if slug not in visitor.keys:
        visitor.keys[slug] = well_known(visitor, slug)["intake_key"]
    return visitor.keys[slug]


def seal(
    visitor: Visitor,
    slug: str,
    answers: Mapping[str, Any],
    consent: Mapping[str, bool] | None = None,
    files: Files = (),
    *,
    receipt: str = "",
    kind: str = "report",
    extra: Mapping[str, Any] | None = None,
    comes_back: bool = True,
) -> Sealed:
    """Seal a report (or an addition under a known receipt) to an organisation's current key.

    Who does not come back has no digits: what these would be stretched to is drawn at random.
    """
    key = intake_key(visitor, slug)
    digits = receipt or (receipts.make_digits() if comes_back else "")
    derived = receipts.derive_receipt(digits, instance_id(visitor)) if digits else _no_receipt()
    report_id, content_key = random_id(), secrets.token_bytes(32)
    body = {
        "schema": 1,
        "kind": kind,
        "form": {"id": "first", "version": 1},
        "submitted_on": datetime.now(UTC).date().isoformat(),
        "language": "en",
        "answers": dict(answers),
        "consent": dict(consent or {}),
        "reply_public_key": b64(derived.reply_public_key),
        "follow_up": b64(derived.follow_up),
        "attachments": [{"name": n, "media_type": m, "size": len(d)} for n, m, d in files],
        **(extra or {}),
    }
    sealed = [_sealed_file(content_key, report_id, n, d) for n, (_, _, d) in enumerate(files)]
    key_id = unb64(key["key_id"])
    parts = tuple(env.Part(i, len(s)) for i, s in enumerate(sealed))
    sent = env.Envelope(
        kind=kind,
        report_id=report_id,
        key_id=key_id,
        sealed_key=env.seal_content_key(unb64(key["public_key"]), report_id, key_id, content_key),
        body=env.seal_body(content_key, report_id, json.dumps(body, ensure_ascii=False).encode()),
        mailbox_token=derived.mailbox_token,
        attachments=parts,
    )
    data, headers = encode(
        [("envelope", env.envelope_json(sent).decode())],
        [(f"attachment-{i}", "sealed", s) for i, s in enumerate(sealed)],
    )
    return Sealed(report_id, digits, data, headers)


def _no_receipt() -> receipts.Receipt:
    """Half of what a client computes for a report is the stretching of its digits."""
    return receipts.Receipt(random_key(), random_key(), random_key())


def _sealed_file(content_key: bytes, report_id: bytes, index: int, data: bytes) -> bytes:
    sealer = AttachmentSealer(content_key, report_id, index)
    return sealer.update(data) + sealer.finish()


def send(visitor: Visitor, slug: str, sealed: Sealed) -> Page:
    """Post sealed bytes; the page is JSON."""
    return visitor.fetch(f"/sealed/{slug}", sealed.body, sealed.headers)


def report_without_script(
    visitor: Visitor, slug: str, values: Values, files: Files = (), locale: str = "en"
) -> tuple[Page, str]:
    """Fill in the form, check, send. Returns the receipt page and the 24 digits on it."""
    page = visitor.fetch(f"/{locale}/report/{slug}")
    assert page.status == 200, page.status
    checked = visitor.submit(page, page.form("what_happened"), values, multipart=True)
    assert checked.status == 200, checked.text[:500]
    form = checked.form("step=send")
    sent = visitor.submit(
        checked,
        form,
        {"step": "send"},
        files=[("file", n, d) for n, _m, d in files],
        multipart=True,
    )
    assert sent.status in {200, 201}, sent.text[:500]
    return sent, digits_on(sent)


def digits_on(page: Page) -> str:
    """The receipt number printed on a page."""
    return digits_in(page.text)


def digits_in(text: str) -> str:
    """The 24 digits of the one receipt number in a text."""
    found = re.search(r"\b(\d{4}(?:\s+\d{4}){5})\b", text)
    assert found, text[:500]
    return re.sub(r"\s", "", found[1])


def token_request(visitor: Visitor, receipt: str) -> bytes:
    """JSON with the mailbox token of a receipt."""
    return _token_json(receipts.derive_receipt(receipt, instance_id(visitor)))


def _token_json(derived: receipts.Receipt) -> bytes:
    return json.dumps({"mailbox_token": b64(derived.mailbox_token)}).encode()


def read_mailbox(visitor: Visitor, receipt: str) -> list[dict[str, Any]]:
    """Messages opened with the receipt, as the script of the return page does."""
    derived = receipts.derive_receipt(receipt, instance_id(visitor))
    request = _token_json(derived)
    answer = visitor.fetch("/mailbox", request, {"Content-Type": "application/json"})
    assert answer.status == 200, answer.status
    return [
        json.loads(
            env.open_to_reporter(
                derived.reply_seed,
                unb64(m["report_id"]),
                unb64(m["message_id"]),
                unb64(m["sealed"]),
            )
        )
        for m in json.loads(answer.body)["messages"]
    ]
