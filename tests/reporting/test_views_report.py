"""The form without script: shown, checked, changed, sent once, its receipt shown."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from reporting import clock
from tests.factories_reporting import make_organisation, rotate, stored, stored_files

pytestmark = pytest.mark.database
FORM = "/en/report/north"


def post(client: FlaskClient, data: Mapping[str, Any], at: str = FORM) -> TestResponse:
    """Post as a form with files does; lists become repeated fields."""
    pairs = MultiDict(
        (name, value)
        for name, values in data.items()
        for value in (values if isinstance(values, list) else [values])
    )
    return client.post(at, data=pairs, content_type="multipart/form-data")


def draft_of(page: TestResponse) -> str:
    found = re.search(r'name="draft" value="([^"]+)"', page.text)
    assert found, page.text[:400]
    return found[1]


def number_on(page: TestResponse) -> str:
    found = re.search(r'id="number"[^>]*>([\d ]{29})<', page.text)
    assert found, page.text[:400]
    return found[1].replace(" ", "")


def check(client: FlaskClient, **fields: Any) -> str:
    """Fill in and check; returns the draft."""
    page = post(client, {"what_happened": "A man shouted at us", "step": "check", **fields})
    assert page.status_code == 200, page.text[:400]
    return draft_of(page)


def test_report_is_stored_sealed_and_its_receipt_shown(app: Flask, client: FlaskClient) -> None:
    north = make_organisation()
    draft = check(
        client,
        **{
            "when.precision": "other",
            "when.year": "2025",
            "when.month": "3",
            "country": "DE",
            "grounds": ["rb.ethnic", "rb.language"],
            "consent.statistics": "yes",
        },
    )
    page = post(client, {"draft": draft, "step": "send"})
    assert page.status_code == 200
    [report] = stored()
    body = north.open(report)
    assert body["answers"] == {
        "what_happened": "A man shouted at us",
        "when": {"value": "2025-03", "precision": "month"},
        "country": "DE",
        "grounds": ["rb.ethnic", "rb.language"],
    }
    assert body["consent"] == {"statistics": True}
    assert body["form"] == {"id": "first", "version": 1}
    assert len(number_on(page)) == 24
    assert report.kind == "report" and report.day == clock.today()
