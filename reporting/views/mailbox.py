"""`POST /mailbox` and `/mailbox/erase`: for clients that derived the mailbox token themselves.

Known and unknown tokens are answered alike. The receipt never comes here.
"""

import math
import time
from typing import Any

from flask import Response, request

from reporting import mailbox
from reporting.access import PUBLIC, audience
from reporting.sealing import KEY_SIZE, SealingRefused, b64, unb64
from reporting.strict_json import parse_json
from reporting.views import blueprint
from reporting.views.pages import answer, problem

MAX_REQUEST = 4096
# Erasing answers after a whole number of these, whether it had five files to delete or nothing:
# longer than its own wait for readers of the log.
ERASE_SECONDS = 0.6


@blueprint.post("/mailbox")
@audience(PUBLIC)
def read_mailbox() -> Response:
    """The sealed messages of a mailbox."""
    try:
        token = _token()
    except SealingRefused as refused:
        return _refuse(refused)
    return answer(
        {
            "messages": [
                {
                    "message_id": b64(message.message_id),
                    "report_id": b64(message.report_id),
                    "day": message.day.isoformat(),
                    "sealed": b64(message.sealed),
                }
                for message in mailbox.read(token)
            ]
        }
    )


@blueprint.post("/mailbox/erase")
@audience(PUBLIC)
def erase_mailbox() -> Response:
    """Delete everything of a mailbox; the same answer when there is nothing."""
    try:
        token = _token()
    except SealingRefused as refused:
        return _refuse(refused)
    erase_steadily(token)
    return answer({}, 202)


def erase_steadily(token: bytes) -> None:
    """Erase, and return or fail after the same time for known and unknown."""
    started = time.monotonic()
    try:
        mailbox.erase(token)
    finally:
        took = time.monotonic() - started
        time.sleep(max(1, math.ceil(took / ERASE_SECONDS)) * ERASE_SECONDS - took)


def _token() -> bytes:
    request.max_content_length = MAX_REQUEST
    given: Any = parse_json(request.get_data(cache=False), MAX_REQUEST)
    if not isinstance(given, dict) or given.keys() != {"mailbox_token"}:
        raise SealingRefused("mailbox-token")
    token = unb64(given["mailbox_token"])
    if len(token) != KEY_SIZE:
        raise SealingRefused("mailbox-token")
    return token


def _refuse(refused: SealingRefused) -> Response:
    return problem(422, refused.reason)
