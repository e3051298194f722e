"""Every route as every role: only the declared ones open; organisations cannot see each other."""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from casework import admission, linking
from casework.credentials import NewMember
from casework.models import Work
from reporting.access import PUBLIC, ROLES, STAFF
from reporting.database import db
from reporting.sealing import b64, random_id
from tests.casework.people import (
    add_administrator,
    add_lead,
    add_member,
    add_organisation,
    session_of,
    sign_in,
    token_in,
)
from tests.casework.sent import send
from tests.exceptions import excepted

NOBODY = "nobody"
# What ends the session it is asked with comes last.
ENDS = ("/staff/sign-out", "/staff/lock")


@dataclass
class Ask:
    """One route with a method and values for its parts."""

    rule: Rule
    method: str
    path: str

    def of(self, client: FlaskClient, token: str = "") -> Any:
        data = {"csrf_token": token} if token and self.method == "POST" else None
        return client.open(self.path, method=self.method, data=data)


def asks(app: Flask, **values: str) -> list[Ask]:
    """Every route and method, with the given values or made-up ones."""
    found = []
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        parts = {name: values.get(name, made_up(name)) for name in rule.arguments}
        path = adapter.build(rule.endpoint, parts, force_external=False)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            found.append(Ask(rule, method, path))
    return sorted(found, key=lambda ask: (ask.path.startswith(ENDS), ask.rule.rule, ask.method))


def made_up(name: str) -> str:
    known = {"locale": "en", "slug": "demo", "index": "0", "name": "nothing.csv"}
    return known.get(name, b64(random_id()))


def audience(app: Flask, ask: Ask) -> frozenset[str]:
    view: Any = app.view_functions[ask.rule.endpoint]
    found: frozenset[str] = view.audience
    return found


def person(role: str) -> NewMember | None:
    """Somebody of the role, in the organisation `demo` where the role belongs to one."""
    organisation = add_organisation("demo")
    if role == "lead":
        return add_lead()
    if role == "administrator":
        return add_administrator()
    if role == "supervisor":
        return organisation.supervisor
    return add_member(organisation, role, "Cas of demo") if role == "caseworker" else None


def test_every_route_says_who_may_use_it(app: Flask) -> None:
    for ask in asks(app):
        allowed = audience(app, ask)
        assert allowed
        assert allowed <= ROLES
        assert (PUBLIC in allowed) == (allowed == {PUBLIC})
        if ask.path.startswith("/staff/") and PUBLIC in allowed:
            assert re.match(r"/staff/(sign-in|invitation|token|lock|unlock)", ask.path), ask.path
        if not ask.path.startswith("/staff"):
            assert allowed == {PUBLIC}, ask.path


@pytest.mark.parametrize("role", [NOBODY, *sorted(STAFF)])
def test_only_the_declared_roles_pass(app: Flask, client: FlaskClient, role: str) -> None:
    who = person(role)
    if who is not None:
        assert sign_in(client, who).status_code == 303
    wrong = []
    for ask in asks(app):
        # Without a token: who passes the door is then stopped by the form, and nothing changes.
        answer = ask.of(client)
        allowed = audience(app, ask)
        if answer.status_code >= 500 and answer.status_code != 503:
            wrong.append((ask.method, ask.path, "fails"))
        if PUBLIC in allowed:
            passed = answer.status_code not in {401, 403}
            expected = True
        elif role == NOBODY:
            to_door = answer.status_code == 303 and "/staff/sign-in" in answer.headers["Location"]
            passed = not (to_door or answer.status_code in {400, 401})
            expected = False
        else:
            passed = answer.status_code != 403
            expected = role in allowed
            passed &= "/staff/sign-in" not in answer.headers.get("Location", "")
        if passed != expected:
            wrong.append((ask.method, ask.path, answer.status_code))
    assert [w for w in wrong if f"{w[0]} {w[1]}" not in excepted("route", "route")] == []


@pytest.mark.parametrize("role", ["caseworker", "supervisor"])
def test_another_organisation_cannot_be_seen(app: Flask, client: FlaskClient, role: str) -> None:
    """Its reports, incidents and members answer as if they were not there."""
    own = add_organisation("demo")
    other = add_organisation("other")
    report, linked = send("other"), send("other")
    theirs = session_of(other.supervisor)
    assert admission.admit_new(theirs).count == 2
    version = db.session.get_one(Work, linked.report_id).version
    incident = linking.new_incident(theirs, linked.report_id, version)
    db.session.commit()
    values = {
        "report_id": b64(report.report_id),
        "incident_id": b64(incident),
        "member_id": b64(other.supervisor.member_id),
    }
    who = own.supervisor if role == "supervisor" else add_member(own, role, "Cas of demo")
    assert sign_in(client, who).status_code == 303
    token = token_in(client.get("/staff/profile").get_data(as_text=True))
    before = state_of(values)
    real, invented = asks(app, **values), asks(app)
    seen = []
    for theirs_ask, nothing_ask in zip(real, invented, strict=True):
        if not theirs_ask.rule.arguments & set(values):
            continue
        answer, nothing = theirs_ask.of(client, token), nothing_ask.of(client, token)
        if answer.status_code != nothing.status_code or answer.status_code < 400:
            statuses = (answer.status_code, nothing.status_code)
            seen.append((theirs_ask.method, theirs_ask.rule.rule, *statuses))
    assert seen == []
    db.session.expire_all()
    assert state_of(values) == before


def state_of(values: dict[str, str]) -> list[tuple[Any, ...]]:
    """Everything that could have been changed, as it stands in the database."""
    from casework.models import Grant, Incident, Item, Member

    rows: list[tuple[Any, ...]] = []
    for model in (Work, Incident, Item, Member, Grant):
        table: Any = model.__table__
        keys = [c for c in table.columns if c.name in {"state", "version", "holder_id", "revision"}]
        if keys:
            rows += sorted(tuple(map(str, row)) for row in db.session.execute(db.select(*keys)))
    return rows
