"""Text that no database takes: NUL and half characters, in every field and address of every route.

PostgreSQL refuses both where SQLite takes them, and anybody can send them: a fault is a page of
ours in the logs, and a way to make noise in them.
"""

from typing import Any, ClassVar
from urllib.parse import quote, urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.routing import UnicodeConverter

from casework import admission, invitations, linking
from casework.models import Work
from reporting import receipt
from reporting.access import PUBLIC
from reporting.database import db
from reporting.questions import FIELDS
from reporting.sealing import b64, random_id
from tests.casework.people import (
    Organisation,
    add_lead,
    add_member,
    add_organisation,
    session_of,
    sign_in,
)
from tests.casework.people import token_in as csrf_of
from tests.casework.sent import send
from tests.house.test_routes import NOBODY, Ask, asks, audience, made_up
from tests.reporting.plain_form import draft_of

# As an address or a form has them: NUL with half a pair, and an address that is none.
BAD = ("a%00%ED%A0%80b", "%2F%2F%5B")
CODING = ("year", "month", "setting", "country", "certainty", "strength", "acts", "grounds")
# So that what is asked for after a field is reached too; others are "1".
GOOD = {
    "text": "x",
    "name": "Ben Berg",
    "role": "caseworker",
    "email": "",
    "compared": "yes",
    "confirm": "yes",
    "scope": "world",
    "year": "2024",
    "step": "accept",
    "locale": "en",
    "next": "/staff/queue",
    "member": "",
    "question": "yes",
    "revision": "0",
    "other": "",
    "reason": "set_aside_reason.out_of_scope",
}
# Some of what each role's pages read.
READ = {
    NOBODY: {"name", "passphrase", "next", "member", "step", "scope"},
    "supervisor": {"name", "email", "role", "text", "item", "reason", "after", "undo", "strength"},
    "lead": {"scope", "year", "locale"},
}
PLACE = "PLACEPLACE"


class Noted(ImmutableMultiDict[str, str]):
    """Fields of a form or an address that say what they were asked for."""

    names: ClassVar[set[str]] = set()

    def get(self, key: str, *rest: Any, **more: Any) -> Any:
        self.names.add(key)
        return super().get(key, *rest, **more)

    def to_dict(self, *rest: Any, **more: Any) -> Any:
        self.names.update(CODING)
        return super().to_dict(*rest, **more)


def failing(client: FlaskClient, ask: Ask, token: str, ids: dict[str, str]) -> list[str]:
    """Ask a route with each text in turn that it reads; what it could not answer."""
    found = []

    def put(path: str, values: dict[str, str], bad: str = "", text: str = "") -> None:
        good = {name: value for name, value in values.items() if name != bad}
        pairs = urlencode(good) + (f"&{bad}={text}" if bad else "")
        if ask.method == "POST":
            kind = "application/x-www-form-urlencoded"
            answer = client.post(path, data=f"{pairs}&csrf_token={token}", content_type=kind)
        else:
            answer = client.open(path, method=ask.method, query_string=pairs)
        if answer.status_code >= 500 and answer.status_code != 503:
            found.append(f"{ask.method} {ask.rule.rule} {bad} {text}")

    values = {**GOOD, **ids}
    Noted.names.clear()
    put(ask.path, {})
    put(ask.path, values if ask.method == "POST" else {})
    names = sorted(Noted.names - {"csrf_token"})
    if ask.rule.rule.endswith(("/return", "/report/<slug>", "/acknowledgement")):
        names = sorted({*FIELDS, "draft", "step", "organisation", "receipt", "acknowledgement"})
    values = {name: values.get(name, "1") for name in names} if ask.method == "POST" else {}
    for text in BAD:
        for bad in names:
            put(ask.path, values, bad, text)
    return found


def bad_places(app: Flask, client: FlaskClient, ask: Ask, token: str) -> list[str]:
    """The same for each part of its address."""
    found = []
    adapter = app.url_map.bind("localhost")
    for name, converter in ask.rule._converters.items():
        if not isinstance(converter, UnicodeConverter):
            continue
        good = {part: made_up(part) for part in ask.rule.arguments}
        path = adapter.build(ask.rule.endpoint, {**good, name: PLACE})
        for text in BAD:
            data = {"csrf_token": token} if ask.method == "POST" else None
            answer = client.open(path.replace(PLACE, text), method=ask.method, data=data)
            if answer.status_code >= 500 and answer.status_code != 503:
                found.append(f"{ask.method} {ask.rule.rule} <{name}> {text}")
    return found


@pytest.fixture
def organisation(app: Flask) -> Organisation:
    return add_organisation("demo")


@pytest.fixture
def ids(organisation: Organisation) -> dict[str, str]:
    """What is there: a report of its own and one of an incident, a member, an invitation."""
    theirs = session_of(organisation.supervisor)
    report, linked = send("demo"), send("demo")
    admission.admit_new(theirs)
    version = db.session.get_one(Work, linked.report_id).version
    incident = b64(linking.new_incident(theirs, linked.report_id, version))
    member = add_member(organisation, "caseworker", "Cas of demo")
    invited = invitations.invite(theirs, "caseworker", "Ines", organisation.id)
    db.session.commit()
    return {
        "slug": "demo",
        "organisation": "demo",
        "report_id": report.id,
        "report": linked.id,
        "incident_id": incident,
        "incident": incident,
        "token": invited.token,
        "member_id": b64(member.member_id),
        "item": b64(random_id()),
    }


@pytest.mark.parametrize("role", [NOBODY, "supervisor", "lead"])
def test_no_text_is_too_strange_for_a_page(
    app: Flask,
    client: FlaskClient,
    organisation: Organisation,
    ids: dict[str, str],
    role: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app.request_class, "parameter_storage_class", Noted)
    page = client.get("/staff/sign-in")
    if role == NOBODY:
        digits = receipt.make_digits()
        inbox = client.post("/en/return", data={"receipt": digits})
        ids |= {"draft": draft_of(inbox), "receipt": digits, "step": "add", "what_happened": "x"}
    else:
        who = add_lead() if role == "lead" else organisation.supervisor
        assert sign_in(client, who).status_code == 303
        page = client.get("/staff/profile")
    token = quote(csrf_of(page.text))
    wrong, read = [], set[str]()
    for ask in asks(app, **ids):
        if (PUBLIC if role == NOBODY else role) not in audience(app, ask):
            continue
        wrong += bad_places(app, client, ask, token)
        wrong += failing(client, ask, token, ids)
        read |= Noted.names
    assert wrong == []
    # Twin: it came as far as the pages read.
    assert read >= READ[role]
