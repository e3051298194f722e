"""Refused: envelopes, JSON, texts and receipts that are not what they should be."""

import json
from typing import Any

from reporting.envelope import Envelope, Part, envelope_json
from reporting.sealing import b64, unb64
from tests.refused.changes import (
    BODY,
    KEY_ID,
    KNOWN,
    REPORT_ID,
    SEALED_KEY,
    be,
    raw,
    refusal,
)


def wrong_fields(token: bytes) -> list[tuple[str, str, str, Any]]:
    """Name of the case, reason of its refusal, the field and what stands in it."""
    return [
        ("unknown format", "format", "format", "upstander/2"),
        ("no format", "format", "format", None),
        ("format of another kind", "format", "format", 1),
        ("unknown kind", "envelope", "kind", "case"),
        ("kind misshapen", "envelope", "kind", ["report"]),
        ("unknown field", "envelope", "extra", 1),
        ("report id short", "report-id", "report_id", b64(REPORT_ID[:15])),
        ("report id long", "report-id", "report_id", b64(REPORT_ID + b"\0")),
        ("report id a number", "b64", "report_id", 7),
        ("report id padded", "b64", "report_id", b64(REPORT_ID) + "=="),
        ("key id short", "key-id", "key_id", b64(KEY_ID[:15])),
        ("sealed key short", "sealed-key", "sealed_key", b64(SEALED_KEY[:-1])),
        ("sealed key long", "sealed-key", "sealed_key", b64(SEALED_KEY + b"\0")),
        ("token short", "mailbox-token", "mailbox_token", b64(token[:31])),
        ("body short", "body-length", "body", b64(BODY[:-1])),
        ("body of no Padmé length", "body-length", "body", b64(BODY + b"\0")),
        ("body under the floor", "body-length", "body", b64(BODY[:2076])),
        ("body empty", "body-length", "body", ""),
        ("attachments no list", "attachments", "attachments", {}),
        ("attachment no object", "attachments", "attachments", [71712]),
        ("attachments from one", "attachments", "attachments", [{"index": 1, "length": 4112}]),
        ("index true", "attachments", "attachments", [{"index": False, "length": 4112}]),
        ("length text", "attachments", "attachments", [{"index": 0, "length": "4112"}]),
        ("length fractional", "attachments", "attachments", [{"index": 0, "length": 4112.0}]),
        ("length negative", "attachments", "attachments", [{"index": 0, "length": -4112}]),
        ("length zero", "attachments", "attachments", [{"index": 0, "length": 0}]),
        ("length no file has", "attachments", "attachments", [{"index": 0, "length": 4113}]),
        ("too large", "too-large", "attachments", [{"index": 0, "length": 2**40}]),
        ("name beside", "attachments", "attachments", [{"index": 0, "length": 4112, "name": "a"}]),
        ("too many", "too-large", "attachments", [{"index": i, "length": 4112} for i in range(6)]),
        (
            "index twice",
            "attachments",
            "attachments",
            [{"index": 0, "length": 4112}, {"index": 0, "length": 4112}],
        ),
    ]


def envelopes() -> dict[str, Any]:
    parts = (Part(0, 71712), Part(1, 4112))
    token = unb64(KNOWN["receipt"]["mailbox_token"])
    made = Envelope("report", REPORT_ID, KEY_ID, SEALED_KEY, BODY, token, parts)
    fields = json.loads(envelope_json(made))
    return {
        "call": "parse_envelope",
        "browser": False,
        "arguments": {"data": {"json": fields}},
        "result": fields,
        "refuse": [
            *(
                refusal(name, reason, data={"set": {field: value}})
                for name, reason, field, value in wrong_fields(token)
            ),
            *(
                refusal(
                    f"{field} missing",
                    "format" if field == "format" else "envelope",
                    data={"remove": [field]},
                )
                for field in sorted(fields)
            ),
            refusal("a list", "envelope", data={"be": {"utf8": "[]"}}),
            refusal("no JSON", "json", data={"be": {"utf8": "format=upstander"}}),
            refusal("too long", "too-large", data={"be": {"repeat": [" ", 1_500_001]}}),
        ],
    }


def json_texts() -> dict[str, Any]:
    deep = {
        "lists 100,000 deep": ["[", 100_000],
        "objects 100,000 deep": ['{"a":', 100_000],
        "lists 33 deep": ["[", 33],
    }
    texts = {
        "nothing": "",
        "cut": '{"a": ',
        "string cut": '{"a": "',
        "two values": "1 2",
        "a name twice": '{"a": 1, "a": 2}',
        "a name twice, once escaped": '{"a": 1, "\\u0061": 2}',
        "a name twice, further in": '[{"b": {"a": 1, "c": [], "a": 2}}]',
        "not a number": '{"a": NaN}',
        "infinity": '{"a": Infinity}',
        "a number too large": '{"a": 1e999}',
        "half a character": '{"a": "\\ud800"}',
        "half a character in a name": '{"\\udfff": 1}',
        "byte order mark": "\ufeff{}",
        "single quotes": "{'a': 1}",
        "comment": "{} // no",
        "comma at the end": "[1,]",
        "line end in a string": '"a\nb"',
    }
    good = '{"a": [{"b": {"a": "x: {[\\"\\\\", "ü": "\\ud83d\\ude00"}}, 1.5, -0.25, null, true]}'
    return {
        "call": "parse_json",
        "browser": True,
        "arguments": {"data": {"utf8": good}},
        "result": json.loads(good),
        "refuse": [
            *(refusal(k, "json-depth", data={"be": {"repeat": v}}) for k, v in deep.items()),
            *(refusal(k, "json", data={"be": {"utf8": v}}) for k, v in texts.items()),
            refusal("not UTF-8", "json", data=be(b'{"a": "\xff"}')),
            refusal("UTF-8 of half a character", "json", data=be(b'"\xed\xa0\x80"')),
            refusal("too long", "too-large", data={"be": {"repeat": [" ", 1_500_001]}}),
        ],
    }


def texts_in_b64() -> dict[str, Any]:
    wrong = {
        "padded": "_-8=",
        "standard alphabet": "/+8A",
        "space": "_-8 ",
        "line end": "_-8A\n",
        "length of no bytes": "_-8AA",
        "bits left over": "_-9",
        "other digits": "١٢٣٤",
        "a number": 7,
        "null": None,
    }
    return {
        "call": "unb64",
        "browser": True,
        "arguments": {"text": "_-8"},
        "result": raw(b"\xff\xef"),
        "refuse": [refusal(name, "b64", text={"be": text}) for name, text in wrong.items()],
    }


def receipts() -> list[dict[str, Any]]:
    digits = KNOWN["receipt"]["digits"]
    arabic = digits.translate({ord("0") + n: chr(0x660 + n) for n in range(10)})
    bold = "".join(chr(0x1D7CE + int(char)) for char in digits)
    grouped = " ".join(digits[at : at + 4] for at in range(0, 24, 4))
    wrong = {
        "one digit less": ("receipt-length", digits[:-1]),
        "one digit more": ("receipt-length", digits + "9"),
        "nothing": ("receipt-length", ""),
        "letters": ("receipt-length", "l" * 24),
        "very long": ("receipt-length", digits + "-" * 400),
        "one digit wrong": ("receipt-check", digits[:-1] + "8"),
        "two digits exchanged": ("receipt-check", digits[1] + digits[0] + digits[2:]),
    }
    accepted = {"groups": grouped, "Arabic": arabic, "mathematical": bold, "dashes": f"–{digits}\n"}
    groups: list[dict[str, Any]] = [
        {
            "call": "read_digits",
            "browser": True,
            "arguments": {"typed": typed},
            "result": digits,
            "refuse": [],
        }
        for typed in accepted.values()
    ]
    groups[0]["refuse"] = [
        refusal(name, reason, typed={"be": typed}) for name, (reason, typed) in wrong.items()
    ]
    return groups
