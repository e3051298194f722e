"""Pages of the staff side as a browser without script gets them: their words, fields and forms."""

import re
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.casework import people, sent


def text(client: FlaskClient, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.get_data(as_text=True)[:3000]
    return answer.get_data(as_text=True)


def hidden(page: str, name: str, within: str = "") -> str:
    """Value of a hidden field, of the form whose action ends with `within`."""
    part = page
    if within:
        found = re.search(rf'action="[^"]*{within}".*?</form>', page, re.DOTALL)
        assert found is not None, f"no form to {within}"
        part = found.group(0)
    value = re.search(rf'name="{name}" value="([^"]*)"', part)
    assert value is not None, name
    return value.group(1)


def post(client: FlaskClient, path: str, page: str, status: int = 303, **data: Any) -> str:
    fields = {"csrf_token": people.token_in(page), **data}
    answer = client.post(path, data=fields)
    assert answer.status_code == status, answer.get_data(as_text=True)[:3000]
    return answer.headers.get("Location", "") or answer.get_data(as_text=True)


def begun(desk: FlaskClient, one: sent.Sent) -> str:
    """Where the incident is that a member has just made of a report."""
    page = text(desk, "/staff/queue")
    return post(desk, f"/staff/reports/{one.id}/incident", page, version="1")


def cookies(answer: TestResponse) -> dict[str, str]:
    return {c.split("=", 1)[0]: c for c in answer.headers.getlist("Set-Cookie")}


def page(client: FlaskClient, path: str) -> str:
    return client.get(path).get_data(as_text=True)
