"""Refused: hostile reply keys, and acknowledgements the instance did not sign."""

from typing import Any

from reporting.envelope import acknowledgement
from reporting.sealing import b64, unb64
from tests.refused.changes import (
    INSTANCE_ID,
    KNOWN,
    OTHER_ID,
    OTHER_KEY,
    REPLY_PUBLIC,
    be,
    lengths,
    raw,
    refusal,
)


def reply_keys() -> dict[str, Any]:
    mlkem, x25519 = REPLY_PUBLIC[:1184], REPLY_PUBLIC[1184:]
    order_8 = (
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    )
    prime = 2**255 - 19
    points = {
        "zero": bytes(32),
        "one": (1).to_bytes(32, "little"),
        "order 8, first": bytes.fromhex(order_8[0]),
        "order 8, second": bytes.fromhex(order_8[1]),
        "minus one": (prime - 1).to_bytes(32, "little"),
        "zero, written as p": prime.to_bytes(32, "little"),
        "one, written as p + 1": (prime + 1).to_bytes(32, "little"),
        "zero with the unused bit": (1 << 255).to_bytes(32, "little"),
    }
    return {
        "call": "check_reply_public_key",
        "browser": True,
        "arguments": {"data": raw(REPLY_PUBLIC)},
        "result": raw(REPLY_PUBLIC),
        "refuse": [
            *lengths("data", "public-key", 1216),
            *(
                refusal(f"X25519 of small order: {name}", "public-key", data=be(mlkem + point))
                for name, point in points.items()
            ),
            refusal("ML-KEM numbers all 4095", "public-key", data=be(b"\xff" * 1184 + x25519)),
            refusal(
                "ML-KEM first number 3329",
                "public-key",
                data=be(b"\x01\x0d" + mlkem[2:] + x25519),
            ),
            refusal(
                "ML-KEM last number 3329",
                "public-key",
                data=be(mlkem[:1150] + b"\x10\xd0" + mlkem[1152:] + x25519),
            ),
        ],
    }


def acknowledgements() -> dict[str, Any]:
    known = KNOWN["acknowledgement"]
    given = acknowledgement(
        INSTANCE_ID,
        KNOWN["organisation"],
        known["day"],
        unb64(known["commitment"]),
        [unb64(digest) for digest in known["attachments"]],
        unb64(known["secret"]),
    )
    changes: dict[str, tuple[str, Any]] = {
        "instance_id": ("signature", b64(OTHER_ID)),
        "organisation": ("signature", "other"),
        "day": ("signature", "2026-11-22"),
        "commitment": ("signature", b64(OTHER_KEY)),
        "attachments": ("signature", []),
        "signature": ("signature", b64(bytes(64))),
    }
    misshapen: dict[str, Any] = {
        "instance_id": b64(INSTANCE_ID[:15]),
        "organisation": 7,
        "day": "2026-11-2",
        "commitment": b64(OTHER_KEY[:31]),
        "attachments": [b64(OTHER_KEY[:31])],
    }
    return {
        "call": "check_acknowledgement",
        "browser": True,
        "arguments": {"public_key": raw(unb64(known["public_key"])), "given": {"json": given}},
        "result": None,
        "refuse": [
            refusal(
                "wrong key", "signature", public_key=be(unb64(KNOWN["identity"]["public_key"]))
            ),
            *(
                refusal(f"{field} changed", reason, given={"set": {field: value}})
                for field, (reason, value) in changes.items()
            ),
            *(
                refusal(f"{field} misshapen", "acknowledgement", given={"set": {field: value}})
                for field, value in misshapen.items()
            ),
            *(
                refusal(f"{field} missing", "acknowledgement", given={"remove": [field]})
                for field in sorted(given)
                if field != "signature"
            ),
        ],
    }
