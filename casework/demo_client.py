"""The demo's reporters: seal invented reports and send them as any other client would, over HTTP.

Uses the published addresses only. Its receipts have no digits: what 24 digits would be stretched
to is drawn at random and thrown away, because these reporters are invented and do not come back.
"""

import json
import secrets
from collections.abc import Callable, Sequence
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from reporting import clock, envelope, questions
from reporting.envelope import Envelope
from reporting.receipt import Receipt
from reporting.sealing import random_key, unb64


class ClientRefused(Exception):
    """The server did not take a report; status and what it said."""


class Client:
    """One connection, kept open."""

    def __init__(self, address: str) -> None:
        """`address` is scheme, host and port."""
        parts = urlsplit(address)
        kind: Callable[..., HTTPConnection] = (
            HTTPSConnection if parts.scheme == "https" else HTTPConnection
        )
        self._connection = kind(parts.netloc, timeout=60)
        self._keys: dict[str, tuple[bytes, bytes]] = {}

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def send(
        self, organisation: str, report_id: bytes, language: str, answers: Any, consent: Any
    ) -> bool:
        """Seal one report and send it. False when its id was taken before; raises otherwise."""
        key_id, public_key = self._key(organisation)
        content_key = random_key()
        receipt = Receipt(
            mailbox_token=random_key(), reply_seed=random_key(), follow_up=random_key()
        )
        body = questions.body_json("report", answers, consent, language, (), receipt, clock.today())
        sealed = Envelope(
            kind="report",
            report_id=report_id,
            key_id=key_id,
            sealed_key=envelope.seal_content_key(public_key, report_id, key_id, content_key),
            body=envelope.seal_body(content_key, report_id, body),
            mailbox_token=receipt.mailbox_token,
            attachments=(),
        )
        data, kind = _multipart(envelope.envelope_json(sealed))
        status, answer = self._ask("POST", f"/sealed/{organisation}", data, {"Content-Type": kind})
        if status in {200, 201}:
            return True
        if status == 409:
            return False
        raise ClientRefused(f"{status} {answer[:200]!r}")

    def _key(self, organisation: str) -> tuple[bytes, bytes]:
        if organisation not in self._keys:
            key = self._known(organisation)["intake_key"]
            self._keys[organisation] = unb64(key["key_id"]), unb64(key["public_key"])
        return self._keys[organisation]

    def _known(self, name: str) -> Any:
        status, answer = self._ask("GET", f"/.well-known/upstander/{name}.json", b"", {})
        if status != 200:
            raise ClientRefused(f"{name}: {status}")
        return json.loads(answer)

    def _ask(
        self, method: str, path: str, data: bytes, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        self._connection.request(method, path, data, headers)
        response: HTTPResponse = self._connection.getresponse()
        return response.status, response.read()


def _multipart(sealed: bytes) -> tuple[bytes, str]:
    boundary = secrets.token_hex(16)
    lines: Sequence[bytes] = (
        f"--{boundary}".encode(),
        b'Content-Disposition: form-data; name="envelope"',
        b"Content-Type: application/json",
        b"",
        sealed,
        f"--{boundary}--".encode(),
        b"",
    )
    return b"\r\n".join(lines), f"multipart/form-data; boundary={boundary}"
