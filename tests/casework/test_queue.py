"""The pages of casework, over HTTP: queue, report, incident, waiting."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.casework import people, sent
from tests.casework.people import Organisation


@pytest.fixture
def organisation(app: Flask) -> Organisation:
    return people.add_organisation()


@pytest.fixture
def desk(client: FlaskClient, organisation: Organisation) -> FlaskClient:
    """The browser of a signed-in supervisor."""
    assert people.sign_in(client, organisation.supervisor).status_code == 303
    return client


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


def test_the_thin_journey(desk: FlaskClient) -> None:
    one = sent.send()
    queue = text(desk, "/staff/queue")
    assert "He shouted at us on the bus." in queue
    report = text(desk, f"/staff/reports/{one.id}")
    assert "Nobody helped." in report
    version = hidden(report, "version", "/incident")
    place = post(desk, f"/staff/reports/{one.id}/incident", report, version=version)
    incident = text(desk, place)
    assert "Proposed from" in incident
    post(
        desk,
        f"{place}/coding",
        incident,
        version=hidden(incident, "version", "/coding"),
        acts=["act.threat", "act.verbal"],
        grounds=["b.race.black"],
        setting="loc.transport",
        country="DE",
        year="2025",
        month="03",
        certainty="V2",
        strength="bias_strength.some_indicators",
    )
    sure = text(desk, f"{place}/close")
    assert "It will be counted" in sure
    version = hidden(sure, "version", "/close")
    assert post(desk, f"{place}/close", sure, version=version).startswith("/staff/incidents")
    waiting = text(desk, "/staff/waiting")
    assert "1 closed incident waits" in waiting
    assert post(desk, "/staff/waiting", waiting) == "/staff/waiting?done=1"
    assert "Nothing waits" in text(desk, "/staff/waiting?done=1")
    closed = text(desk, place)
    assert "Reopen" in closed
    assert "Closed" in text(desk, "/staff/incidents?state=closed")
