"""The envelope of a report, its body and its mail: docs/sealing.md 3 and 5.

Everything read here is hostile input: it is refused with a reason code or returned whole. Holds no
key and keeps nothing. The bytes of files are `reporting.stream`'s.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reporting.sealing import (
    BOX_OVERHEAD,
    FORMAT,
    ID_SIZE,
    KEY_SIZE,
    PAD_FLOOR,
    SEAL_OVERHEAD,
    SealingRefused,
    b64,
    box,
    check_public_key,
    derive,
    label,
    open_sealed,
    pad,
    padme,
    seal,
    sign,
    u32,
    unb64,
    unbox,
    unpad,
    verify,
)
from reporting.stream import (
    AttachmentOpener,
    AttachmentSealer,
    is_sealed_length,
    open_attachment,
    sealed_length,
    verify_attachment,
)
from reporting.strict_json import parse_json

__all__ = [
    "AttachmentOpener",
    "AttachmentSealer",
    "Envelope",
    "Part",
    "acknowledgement",
    "check_acknowledgement",
    "check_reply_public_key",
    "commitment",
    "envelope_json",
    "intake_signature_message",
    "open_attachment",
    "open_body",
    "open_content_key",
    "open_to_reporter",
    "parse_envelope",
    "parse_json",
    "seal_body",
    "seal_content_key",
    "seal_to_reporter",
    "sealed_length",
    "verify_attachment",
]

KINDS = ("report", "addition")
MAX_ATTACHMENTS = 5
MAX_ATTACHMENT_SIZE = 20 * 1024 * 1024
# Of the padded JSON: a narrative of 250,000 letters is a mistake or an attack.
MAX_BODY = 264 * 1024
MAX_ENVELOPE = 400_000

_SEALED_KEY_SIZE = SEAL_OVERHEAD + KEY_SIZE
_FIELDS = frozenset(
    ["format", "kind", "report_id", "key_id", "sealed_key", "body", "mailbox_token", "attachments"]
)


@dataclass(frozen=True)
class Part:
    """An attachment as the envelope announces it: place in the body's order, sealed bytes."""

    index: int
    length: int


@dataclass(frozen=True)
class Envelope:
    """A sealed report, as it travels."""

    kind: str
    report_id: bytes
    key_id: bytes
    sealed_key: bytes
    body: bytes
    mailbox_token: bytes
    attachments: tuple[Part, ...]


def parse_envelope(data: bytes) -> Envelope:
    """Read the JSON of an envelope; anything missing, unknown or out of shape is refused."""
    given = parse_json(data, MAX_ENVELOPE)
    if not isinstance(given, dict):
        raise SealingRefused("envelope")
    if given.get("format") != FORMAT:
        raise SealingRefused("format")
    if given.keys() != _FIELDS or given["kind"] not in KINDS:
        raise SealingRefused("envelope")
    body = unb64(given["body"])
    padded = len(body) - BOX_OVERHEAD
    if padded > MAX_BODY:
        raise SealingRefused("too-large")
    if padded < PAD_FLOOR or padme(padded) != padded:
        raise SealingRefused("body-length")
    return Envelope(
        kind=given["kind"],
        report_id=_sized(given["report_id"], ID_SIZE, "report-id"),
        key_id=_sized(given["key_id"], ID_SIZE, "key-id"),
        sealed_key=_sized(given["sealed_key"], _SEALED_KEY_SIZE, "sealed-key"),
        body=body,
        mailbox_token=_sized(given["mailbox_token"], KEY_SIZE, "mailbox-token"),
        attachments=_parts(given["attachments"]),
    )


def envelope_json(e: Envelope) -> bytes:
    """The JSON that `parse_envelope` reads."""
    fields = {
        "format": FORMAT,
        "kind": e.kind,
        "report_id": b64(e.report_id),
        "key_id": b64(e.key_id),
        "sealed_key": b64(e.sealed_key),
        "body": b64(e.body),
        "mailbox_token": b64(e.mailbox_token),
        "attachments": [{"index": p.index, "length": p.length} for p in e.attachments],
    }
    return json.dumps(fields, separators=(",", ":")).encode("ascii")


def seal_content_key(
    intake_public: bytes, report_id: bytes, key_id: bytes, content_key: bytes
) -> bytes:
    """The `sealed_key` of an envelope."""
    return seal(intake_public, "content-key", report_id + key_id, content_key)


def open_content_key(
    intake_seed: bytes, report_id: bytes, key_id: bytes, sealed_key: bytes
) -> bytes:
    """Open `sealed_key`; a key of another length was not made by anyone who follows the format."""
    content_key = open_sealed(intake_seed, "content-key", report_id + key_id, sealed_key)
    if len(content_key) != KEY_SIZE:
        raise SealingRefused("content-key")
    return content_key


def seal_body(content_key: bytes, report_id: bytes, body_json: bytes) -> bytes:
    """The `body` of an envelope."""
    return box(derive(content_key, "body"), "body", report_id, pad(body_json))


def open_body(content_key: bytes, report_id: bytes, body: bytes) -> bytes:
    """Open a body. What comes out is still hostile: read it with `parse_json`."""
    return unpad(unbox(derive(content_key, "body"), "body", report_id, body))


def commitment(report_id: bytes, sealed_key: bytes, body: bytes) -> bytes:
    """What an acknowledgement vouches for."""
    return hashlib.sha256(label("acknowledgement") + report_id + sealed_key + body).digest()


def acknowledgement(
    instance_id: bytes,
    organisation: str,
    day: str,
    commitment: bytes,
    attachment_hashes: Sequence[bytes],
    secret: bytes,
) -> dict[str, Any]:
    """The instance's signed word that a report was filed that day; rebuilt, never stored."""
    message = _acknowledged(instance_id, organisation, day, commitment, attachment_hashes)
    return {
        "instance_id": b64(instance_id),
        "organisation": organisation,
        "day": day,
        "commitment": b64(commitment),
        "attachments": [b64(digest) for digest in attachment_hashes],
        "signature": b64(sign(secret, "acknowledgement-signature", message)),
    }


def check_acknowledgement(public_key: bytes, given: dict[str, Any]) -> None:
    """Verify an acknowledgement offline, as a reporter or a court would."""
    try:
        message = _acknowledged(
            unb64(given["instance_id"]),
            given["organisation"],
            given["day"],
            unb64(given["commitment"]),
            [unb64(digest) for digest in given["attachments"]],
        )
        signature = unb64(given["signature"])
    except (AttributeError, KeyError, TypeError, UnicodeError) as refused:
        raise SealingRefused("acknowledgement") from refused
    verify(public_key, "acknowledgement-signature", message, signature)


def intake_signature_message(
    instance_id: bytes, created: str, public_key: bytes, organisation: str
) -> bytes:
    """What the identity key signs of an intake key, under label `intake-key-signature`."""
    return instance_id + created.encode("ascii") + public_key + organisation.encode("utf-8")


def seal_to_reporter(
    reply_public: bytes, report_id: bytes, message_id: bytes, json_bytes: bytes
) -> bytes:
    """A message from staff that only the receipt opens."""
    return seal(reply_public, "to-reporter", report_id + message_id, pad(json_bytes))


def open_to_reporter(
    reply_seed: bytes, report_id: bytes, message_id: bytes, sealed: bytes
) -> bytes:
    """Open a message from staff with the receipt's reply seed."""
    return unpad(open_sealed(reply_seed, "to-reporter", report_id + message_id, sealed))


def check_reply_public_key(data: bytes) -> bytes:
    """Return the reply key of a body if answers can be sealed to it, refuse it otherwise."""
    return check_public_key(data)


def _acknowledged(
    instance_id: bytes, organisation: str, day: str, commitment: bytes, hashes: Sequence[bytes]
) -> bytes:
    # Fixed lengths before the only free one, so that no two acknowledgements share their bytes.
    if (
        len(instance_id) != ID_SIZE
        or len(day.encode("ascii")) != 10
        or len(commitment) != KEY_SIZE
        or any(len(digest) != KEY_SIZE for digest in hashes)
    ):
        raise SealingRefused("acknowledgement")
    head = instance_id + day.encode("ascii") + commitment + u32(len(hashes))
    return head + b"".join(hashes) + organisation.encode("utf-8")


def _sized(text: str, size: int, reason: str) -> bytes:
    data = unb64(text)
    if len(data) != size:
        raise SealingRefused(reason)
    return data


def _parts(given: Any) -> tuple[Part, ...]:
    """Attachments in the body's order, none missing, each of a length that padding can give."""
    if not isinstance(given, list):
        raise SealingRefused("attachments")
    if len(given) > MAX_ATTACHMENTS:
        raise SealingRefused("too-large")
    parts = []
    for index, part in enumerate(given):
        if not isinstance(part, dict) or part.keys() != {"index", "length"}:
            raise SealingRefused("attachments")
        length = part["length"]
        # `type`, not isinstance: true would pass for 1.
        if type(part["index"]) is not int or part["index"] != index or type(length) is not int:
            raise SealingRefused("attachments")
        if length > sealed_length(MAX_ATTACHMENT_SIZE):
            raise SealingRefused("too-large")
        if not is_sealed_length(length):
            raise SealingRefused("attachments")
        parts.append(Part(index, length))
    return tuple(parts)
