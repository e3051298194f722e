"""Refused: content keys, bodies, attachments and messages that were changed or moved."""

from typing import Any

from reporting.envelope import seal_body
from reporting.sealing import box, derive, pad, seal, u32, unb64
from tests.refused.changes import (
    BODY,
    CONTENT_KEY,
    INTAKE_PUBLIC,
    KEY_ID,
    KNOWN,
    MESSAGE_ID,
    OTHER_ID,
    OTHER_KEY,
    REPLY_PUBLIC,
    REPORT_ID,
    SEALED_KEY,
    be,
    flips,
    lengths,
    raw,
    refusal,
)


def content_keys() -> dict[str, Any]:
    context = REPORT_ID + KEY_ID
    return {
        "call": "open_content_key",
        "browser": True,
        "arguments": {
            "intake_seed": raw(unb64(KNOWN["intake"]["seed"])),
            "report_id": raw(REPORT_ID),
            "key_id": raw(KEY_ID),
            "sealed_key": raw(SEALED_KEY),
        },
        "result": raw(CONTENT_KEY),
        "refuse": [
            *flips("intake_seed", "sealed", 32),
            *flips("report_id", "sealed", 16),
            *flips("key_id", "sealed", 16),
            # ML-KEM ciphertext, X25519 share (its unused top bit too), key, tag.
            *flips("sealed_key", "sealed", len(SEALED_KEY), 1087, 1088, 1119, 1120, 1151, 1152),
            refusal("unused bit of X25519", "sealed", sealed_key={"flip": [1119, 7]}),
            *lengths("sealed_key", "sealed", len(SEALED_KEY)),
            *lengths("intake_seed", "key", 32),
            refusal("wrong key id", "sealed", key_id=be(OTHER_ID)),
            refusal("wrong report", "sealed", report_id=be(OTHER_ID)),
            refusal("ids exchanged", "sealed", report_id=be(KEY_ID), key_id=be(REPORT_ID)),
            refusal(
                "sealed for another purpose",
                "sealed",
                sealed_key=be(seal(INTAKE_PUBLIC, "grant", context, CONTENT_KEY)),
            ),
            refusal(
                "sealed to another key",
                "sealed",
                sealed_key=be(seal(REPLY_PUBLIC, "content-key", context, CONTENT_KEY)),
            ),
            *(
                refusal(
                    f"a content key of {size} bytes",
                    "content-key",
                    sealed_key=be(seal(INTAKE_PUBLIC, "content-key", context, bytes(size))),
                )
                for size in (0, 31, 33)
            ),
        ],
    }


def paddings() -> list[tuple[str, bytes]]:
    """Padded texts that no writer makes."""
    good = pad(b'{"schema":1}')
    return [
        ("padding byte not zero, first", good[:16] + b"\1" + good[17:]),
        ("padding byte not zero, last", good[:-1] + b"\1"),
        ("nothing at all", b""),
        ("shorter than the floor", good[:2048]),
        ("shorter by a byte", good[:-1]),
        ("longer by a byte", good + b"\0"),
        ("longer than its text needs", good.ljust(8192, b"\0")),
        ("length past the end", u32(4093) + good[4:]),
        ("length at the end of u32", b"\xff\xff\xff\xff" + good[4:]),
        ("not rounded up as Padmé does", (u32(4093) + b"x" * 4093).ljust(4098, b"\0")),
    ]


def bodies() -> dict[str, Any]:
    key = derive(CONTENT_KEY, "body")
    return {
        "call": "open_body",
        "browser": True,
        "arguments": {
            "content_key": raw(CONTENT_KEY),
            "report_id": raw(REPORT_ID),
            "body": raw(BODY),
        },
        "result": {"utf8": KNOWN["report"]["body_json"]},
        "refuse": [
            *flips("content_key", "boxed", 32),
            *flips("report_id", "boxed", 16),
            *flips("body", "boxed", len(BODY), 11, 12, 2000, len(BODY) - 17, len(BODY) - 16),
            *lengths("body", "boxed", len(BODY)),
            refusal("another report's", "boxed", body=be(seal_body(CONTENT_KEY, OTHER_ID, b"{}"))),
            refusal("another key's", "boxed", body=be(seal_body(OTHER_KEY, REPORT_ID, b"{}"))),
            refusal(
                "boxed for another purpose",
                "boxed",
                body=be(box(key, "object", REPORT_ID, pad(b"{}"))),
            ),
            refusal(
                "boxed under the content key itself",
                "boxed",
                body=be(box(CONTENT_KEY, "body", REPORT_ID, pad(b"{}"))),
            ),
            *(
                refusal(name, "padding", body=be(box(key, "body", REPORT_ID, padded)))
                for name, padded in paddings()
            ),
        ],
    }


def attachments(length: int, chunk_orders: dict[str, list[int]]) -> dict[str, Any]:
    """`sealed` is the attachment made of `file`: STREAM has no randomness of its own."""
    file = {"shake256": [f"upstander-vector-1/attachment-{length}", length]}
    known = {"content_key": raw(CONTENT_KEY), "report_id": raw(REPORT_ID), "index": 0}

    def made(data: dict[str, Any], **other: Any) -> dict[str, Any]:
        return {"be": {"sealed_file": {**known, "file": data, **other}}}

    padded_wrong = {"repeat": ["\1", 71680 if length == 70000 else 4096]}
    return {
        "call": "open_attachment",
        "browser": True,
        "arguments": {**known, "sealed": made(file)["be"], "size": length},
        "result": file,
        "refuse": [
            *flips("content_key", "attachment", 32),
            *flips("report_id", "attachment", 16),
            *flips("sealed", "attachment", 4096, 17),
            *lengths("sealed", "attachment", 1),
            *(
                refusal(name, "attachment", sealed={"chunks": order})
                for name, order in chunk_orders.items()
            ),
            refusal("another place", "attachment", index={"be": 1}),
            refusal("another report's", "attachment", sealed=made(file, report_id=raw(OTHER_ID))),
            refusal("padding not zero", "attachment", sealed=made(padded_wrong)),
            refusal("size past the padding", "attachment", size={"be": length + 8192}),
            *(
                [refusal("size one less: a byte too many", "attachment", size={"be": length - 1})]
                if length
                else []
            ),
        ],
    }


def messages() -> dict[str, Any]:
    sealed = unb64(KNOWN["to_reporter"]["sealed"])
    context = REPORT_ID + MESSAGE_ID
    return {
        "call": "open_to_reporter",
        "browser": True,
        "arguments": {
            "reply_seed": raw(unb64(KNOWN["receipt"]["reply_seed"])),
            "report_id": raw(REPORT_ID),
            "message_id": raw(MESSAGE_ID),
            "sealed": raw(sealed),
        },
        "result": {"utf8": KNOWN["to_reporter"]["plaintext"]},
        "refuse": [
            *flips("reply_seed", "sealed", 32),
            *flips("report_id", "sealed", 16),
            *flips("message_id", "sealed", 16),
            *flips("sealed", "sealed", len(sealed), 1088, 1120, 4000),
            *lengths("sealed", "sealed", len(sealed)),
            refusal("wrong report", "sealed", report_id=be(OTHER_ID)),
            refusal("wrong message", "sealed", message_id=be(OTHER_ID)),
            refusal(
                "sealed for another purpose",
                "sealed",
                sealed=be(seal(REPLY_PUBLIC, "content-key", context, pad(b"{}"))),
            ),
            *(
                refusal(
                    name, "padding", sealed=be(seal(REPLY_PUBLIC, "to-reporter", context, padded))
                )
                for name, padded in paddings()
            ),
        ],
    }
