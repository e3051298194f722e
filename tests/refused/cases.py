"""Reads tests/vectors/sealing-refused-1.json: for each call what opens, and what must be refused.

The file is for every implementation: each refused case is an accepted one with one change. This
module applies the changes; each twin's tests then only make the call.
"""

import copy
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reporting import envelope, receipt, sealing, stream, strict_json

VECTORS = Path(__file__).parent.parent / "vectors"
SEALED_CHUNK = 64 * 1024 + 16


@dataclass(frozen=True)
class Case:
    """A call with its arguments: `result` says what it gives, `reason` why it is refused."""

    name: str
    call: str
    browser: bool
    arguments: dict[str, Any]
    result: Any = None
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.call}: {self.name}"


def known_answers() -> dict[str, Any]:
    """The vectors of the format."""
    return dict(json.loads((VECTORS / "sealing-1.json").read_text()))


def accepted() -> list[Case]:
    """The twin of every refusal: unchanged, it opens."""
    return [
        Case("accepted", g["call"], g["browser"], _resolved(g["arguments"]), _result(g["result"]))
        for g in _groups()
    ]


def refused() -> list[Case]:
    """What nobody may open."""
    return list(_refused())


def _refused() -> Iterator[Case]:
    for group in _groups():
        for case in group["refuse"]:
            arguments = copy.deepcopy(group["arguments"])
            changes = case.get("change", {})
            for name, change in changes.items():
                if "be" in change:
                    arguments[name] = change["be"]
                elif "set" in change or "remove" in change:
                    arguments[name]["json"] = _edited(arguments[name]["json"], change)
            arguments = _resolved(arguments)
            for name, change in changes.items():
                arguments[name] = _changed(arguments[name], change)
            yield Case(
                case["name"], group["call"], group["browser"], arguments, reason=case["reason"]
            )


def _groups() -> list[dict[str, Any]]:
    return list(json.loads((VECTORS / "sealing-refused-1.json").read_text())["groups"])


def _result(given: Any) -> Any:
    return _value(given) if isinstance(given, dict) and len(given) == 1 else given


def _resolved(arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(given) for name, given in arguments.items()}


def _value(given: Any) -> Any:
    """Bytes are an object with one member that says how to make them; the rest is itself."""
    if not isinstance(given, dict) or len(given) != 1:
        return given
    (kind, content), *_ = given.items()
    match kind:
        case "b64":
            return sealing.unb64(content)
        case "utf8":
            return content.encode("utf-8")
        case "repeat":
            return str(content[0]).encode("utf-8") * int(content[1])
        case "json":
            return json.dumps(content).encode("utf-8")
        case "shake256":
            return hashlib.shake_256(content[0].encode("ascii")).digest(content[1])
        case "sealed_file":
            made = _resolved(content)
            sealer = stream.AttachmentSealer(made["content_key"], made["report_id"], made["index"])
            return sealer.update(made["file"]) + sealer.finish()
    return given


def _edited(content: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    edited = {**content, **change.get("set", {})}
    for name in change.get("remove", []):
        del edited[name]
    return edited


def _changed(data: Any, change: dict[str, Any]) -> Any:
    if "flip" in change:
        at, bit = change["flip"]
        return data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :]
    if "cut" in change:
        return data[: -change["cut"]]
    if "add" in change:
        return data + sealing.unb64(change["add"])
    if "chunks" in change:
        chunks = [data[at : at + SEALED_CHUNK] for at in range(0, len(data), SEALED_CHUNK)]
        return b"".join(chunks[at] for at in change["chunks"])
    return data


def call(case: Case) -> Any:
    """Make the call in Python."""
    a = case.arguments
    match case.call:
        case "unb64":
            return sealing.unb64(a["text"])
        case "parse_json":
            return strict_json.parse_json(a["data"])
        case "parse_envelope":
            return json.loads(envelope.envelope_json(envelope.parse_envelope(a["data"])))
        case "open_content_key":
            return envelope.open_content_key(**a)
        case "open_body":
            return envelope.open_body(**a)
        case "open_attachment":
            sealed, given = a["sealed"], {x: a[x] for x in a if x != "sealed"}
            stream.verify_attachment(**given, chunks=[sealed])
            return b"".join(stream.open_attachment(**given, chunks=[sealed]))
        case "open_to_reporter":
            return envelope.open_to_reporter(**a)
        case "check_reply_public_key":
            return envelope.check_reply_public_key(a["data"])
        case "check_acknowledgement":
            envelope.check_acknowledgement(a["public_key"], json.loads(a["given"]))
            return None
        case "read_digits":
            return receipt.read_digits(a["typed"])
    raise AssertionError(f"unknown call {case.call}")
