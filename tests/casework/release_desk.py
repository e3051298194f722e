"""The release desk in the hands of a lead: proposes, and looks at what the chain says of it."""

import json
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select

from analytics import release
from analytics.models import Release
from casework import audit
from casework.models import AuditEntry
from reporting.database import db
from tests.casework.people import post
from tests.factories_statistics import YEAR


def send(client: FlaskClient, path: str, **data: str) -> Any:
    return post(client, path, data, client.get("/staff/releases").text)


def propose(client: FlaskClient, scope: str = "world", year: int | str = YEAR) -> str:
    """Propose and build; returns the address of the release."""
    answer = send(client, "/staff/releases", scope=scope, year=str(year))
    assert answer.status_code == 303, answer.text
    address: str = answer.headers["Location"]
    row = db.session.scalars(select(Release).where(Release.state == "proposed")).one()
    assert "Refresh" in client.get(address).headers
    release.build(row.id)
    assert "Refresh" not in client.get(address).headers
    return address


def actions() -> list[tuple[str, dict[str, Any]]]:
    rows = db.session.scalars(
        select(AuditEntry).where(AuditEntry.chain == audit.CHAIN_INSTANCE).order_by(AuditEntry.seq)
    )
    parts = [json.loads(row.entry) for row in rows]
    return [(p[3], p[5]) for p in parts if p[3].endswith("_release")]
