"""What is another organisation's is as unknown as what is not there, over HTTP."""

import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from reporting.sealing import b64, random_id
from tests.casework import people, sent
from tests.casework.pages import begun, hidden, post, text


def test_what_is_not_ours_is_not_there(desk: FlaskClient, app: Flask) -> None:
    one = sent.send()
    place = begun(desk, one)
    stranger = stranger_of(app)
    for path in (
        f"/staff/reports/{one.id}",
        f"/staff/reports/{one.id}/files/0",
        place,
        f"{place}/close",
        "/staff/reports/AAAAAAAAAAAAAAAAAAAAAA",
        "/staff/reports/nonsense",
        "/staff/incidents/AAAAAAAAAAAAAAAAAAAAAA",
        "/staff/queue?after=nonsense",
    ):
        text(stranger, path, 404)
    page = text(stranger, "/staff/queue")
    for path in ("claim", "release", "set-aside", "take-back", "incident", "unlink"):
        post(
            stranger,
            f"/staff/reports/{one.id}/{path}",
            page,
            404,
            version="1",
            reason="set_aside_reason.other",
        )


def stranger_of(app: Flask) -> FlaskClient:
    """The browser of a supervisor of another organisation."""
    browser = app.test_client()
    other = people.add_organisation("other")
    assert people.sign_in(browser, other.supervisor).status_code == 303
    return browser


def tokenless(page: str) -> str:
    """A page without its form tokens: they tell the second."""
    return re.sub(r'name="csrf_token"[^>]*value="[^"]+"', "", page)


def test_a_file_of_others_is_as_unknown_as_any(desk: FlaskClient, app: Flask) -> None:
    one = sent.send(files=[("a.txt", b"kept")])
    stranger = stranger_of(app)
    # Before it is taken in, and after.
    for _ in range(2):
        refused = text(stranger, f"/staff/reports/{one.id}/files/0", 404)
        unknown = text(stranger, f"/staff/reports/{'A' * 22}/files/0", 404)
        assert tokenless(refused).replace(one.id, "A" * 22) == tokenless(unknown)
        text(desk, "/staff/queue")
        assert desk.get(f"/staff/reports/{one.id}/files/0").data == b"kept"


def test_nothing_is_written_into_an_incident_of_others(desk: FlaskClient, app: Flask) -> None:
    one = sent.send()
    place = begun(desk, one)
    page = text(desk, place)
    stranger = stranger_of(app)
    # Their own report and page: only the incident is not theirs.
    own = sent.send("other")
    queue = text(stranger, "/staff/queue")
    item = b64(random_id())
    tries: list[tuple[str, dict[str, Any]]] = [
        (f"{place}/notes", {"item": item, "revision": "0", "text": "Theirs"}),
        (f"{place}/answers", {"item": item, "report": one.id, "text": "Theirs"}),
        (f"{place}/coding", {"version": hidden(page, "version", "/coding"), "certainty": "V2"}),
        (f"/staff/reports/{own.id}/link", {"version": "1", "incident": place}),
        (f"/staff/reports/{one.id}/link", {"version": "2", "incident": place}),
    ]
    unknown = f"/staff/incidents/{'A' * 22}"
    for path, fields in tries:
        refused = post(stranger, path, queue, 404, **fields)
        made_up = {name: value.replace(place, unknown) for name, value in fields.items()}
        nothing = post(stranger, path.replace(place, unknown), queue, 404, **made_up)
        assert tokenless(refused).replace(place, unknown) == tokenless(nothing)
    after = text(desk, place)
    assert "Theirs" not in after
    assert hidden(after, "version", "/coding") == hidden(page, "version", "/coding")
    assert [m["text"] for m in sent.messages(one)] == [""]
    # Nothing is wrong with the fields: those whose incident it is write them.
    for path, fields in tries[:3]:
        given: dict[str, Any] = {**fields, "item": b64(random_id())}
        post(desk, path, page, **given)
    mine = begun(stranger, sent.send("other"))
    post(stranger, f"/staff/reports/{own.id}/link", queue, version="1", incident=mine)


def test_a_lead_and_an_administrator_open_nothing(app: Flask, desk: FlaskClient) -> None:
    one = sent.send()
    text(desk, "/staff/queue")
    for new in (people.add_lead(), people.add_administrator()):
        browser = app.test_client()
        assert people.sign_in(browser, new).status_code == 303
        for path in ("/staff/queue", f"/staff/reports/{one.id}", "/staff/incidents"):
            text(browser, path, 403)
