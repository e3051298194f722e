"""The form without script, posted as a browser does, and what its pages carry."""

import re
from collections.abc import Mapping
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.page import encode

FORM = "/en/report/north"


def post(client: FlaskClient, data: Mapping[str, Any], at: str = FORM) -> TestResponse:
    """Post as a browser does: fields in order, then files; lists become repeated fields."""
    fields = [
        (name, value)
        for name, values in data.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    files = [("file", *value) for name, value in fields if name == "file"]
    body, headers = encode([pair for pair in fields if pair[0] != "file"], files)
    return client.post(at, data=body, headers=headers)


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
