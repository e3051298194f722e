"""How a refused case differs from the accepted one, and the keys and ids of sealing-1.json."""

import json
from pathlib import Path
from typing import Any

from reporting.sealing import b64, unb64

FOLDER = Path(__file__).parent.parent / "vectors"
KNOWN = json.loads((FOLDER / "sealing-1.json").read_text())

REPORT_ID = unb64(KNOWN["report"]["report_id"])
CONTENT_KEY = unb64(KNOWN["report"]["content_key"])
SEALED_KEY = unb64(KNOWN["report"]["sealed_key"])
BODY = unb64(KNOWN["report"]["body"])
INTAKE_PUBLIC = unb64(KNOWN["intake"]["public_key"])
KEY_ID = unb64(KNOWN["intake"]["key_id"])
INSTANCE_ID = unb64(KNOWN["receipt"]["instance_id"])
REPLY_PUBLIC = unb64(KNOWN["receipt"]["reply_public_key"])
MESSAGE_ID = unb64(KNOWN["to_reporter"]["message_id"])
OTHER_ID = bytes(range(16))
OTHER_KEY = bytes(range(32))

Refusals = list[dict[str, Any]]


def raw(data: bytes) -> dict[str, str]:
    return {"b64": b64(data)}


def refusal(name: str, reason: str, **change: Any) -> dict[str, Any]:
    return {"name": name, "reason": reason, "change": change}


def be(data: Any) -> dict[str, Any]:
    return {"be": raw(data) if isinstance(data, bytes) else data}


def flips(field: str, reason: str, size: int, *places: int) -> Refusals:
    """One bit of a field, at its two ends and at `places`; another bit each time."""
    return [
        refusal(f"{field}, a bit of byte {at}", reason, **{field: {"flip": [at, number % 8]}})
        for number, at in enumerate(sorted({0, size - 1, *places}))
    ]


def lengths(field: str, reason: str, size: int) -> Refusals:
    return [
        refusal(f"{field} cut by one", reason, **{field: {"cut": 1}}),
        refusal(f"{field} cut to nothing", reason, **{field: {"cut": size}}),
        refusal(f"{field} longer by one", reason, **{field: {"add": b64(b"\0")}}),
    ]
