"""Drafts: what travels in the page between two steps without script, boxed under the day's secret.

Nothing is stored. A draft opens for this hour and the three before (sealing.md 3), on every worker
and host that shares the secrets folder, and on none once the day's secret is deleted.
"""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from flask import current_app

from reporting import clock
from reporting.instance import Instance
from reporting.sealing import SealingRefused, b64, box, derive, u32, unb64, unbox
from reporting.strict_json import parse_json

# This hour and the three before.
HOURS = 4
# Base64 of the answers' limit, with room for the rest: nothing longer can be a draft.
MAX_DRAFT = 1024 * 1024


def seal_draft(purpose: str, content: Mapping[str, Any]) -> str:
    """Box `content` for the page; `purpose` keeps a draft of one form from another."""
    hour = _this_hour()
    secret = _instance().day_secret(_day(hour))
    data = json.dumps({"purpose": purpose, **content}, ensure_ascii=False).encode()
    return b64(box(derive(secret, "draft", u32(hour)), "draft", b"", data))


def open_draft(purpose: str, text: str) -> dict[str, Any] | None:
    """What `seal_draft` was given, or `None` when it is too old, altered or of another purpose."""
    try:
        boxed = unb64(text)
    except SealingRefused:
        return None
    for hour in range(_this_hour(), _this_hour() - HOURS, -1):
        secret = _instance().known_day_secret(_day(hour))
        if secret is None:
            continue
        try:
            data = unbox(derive(secret, "draft", u32(hour)), "draft", b"", boxed)
        except SealingRefused:
            continue
        content = parse_json(data, MAX_DRAFT)
        return content if content["purpose"] == purpose else None
    return None


def _this_hour() -> int:
    return int(clock.now().timestamp()) // 3600


def _day(hour: int) -> date:
    return datetime.fromtimestamp(hour * 3600, UTC).date()


def _instance() -> Instance:
    instance: Instance = current_app.extensions["instance"]
    return instance
