"""Commands about an organisation that is there: what reporters, and readers of releases, see."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from casework import audit, audit_actions, organisations
from casework.models import AuditEntry
from reporting.database import db
from reporting.models import Organisation
from tests.casework.conftest import Run
from tests.casework.people import Organisation as Place
from tests.casework.people import add_organisation, session_of
from tests.factories_reporting import Opener, Sealed, seal, stored
from tests.page import encode

FORM = "/en/report/help"
TURNS = [
    ("close", "close_organisation", "closed", "open"),
    ("agree", "agree_recognisable", "recognisable", "disagree"),
]


@pytest.fixture
def place(app: Flask) -> Place:
    """An organisation that can be reached by telephone too."""
    added = organisations.add("help", "Help Now", "Sana Said", None, {"en": "Call 0100 200."})
    return Place(added.organisation_id, "help", added.supervisor)


def links(chain: bytes) -> list[list[Any]]:
    """Actor, action, subject and detail of every link."""
    query = select(AuditEntry.entry).where(AuditEntry.chain == chain).order_by(AuditEntry.seq)
    return [json.loads(entry)[2:] for entry in db.session.scalars(query)]


def form(client: FlaskClient, **fields: str) -> Any:
    body, headers = encode(list(fields.items()), [])
    return client.post(FORM, data=body, headers=headers)


def draft(client: FlaskClient) -> str:
    """Fill in and check; returns what the page carries."""
    page = form(client, what_happened="A man shouted at us", step="check")
    found = re.search(r'name="draft" value="([^"]+)"', page.text)
    assert found, page.text[:400]
    return found[1]


def sealed(place: Place) -> Sealed:
    """A report that a browser sealed before it knew of any change."""
    [seed] = session_of(place.supervisor).keyring.intake.values()
    return seal(Opener(place.slug, place.id, b"", seed))


def test_an_open_organisation_takes_reports(client: FlaskClient, place: Place) -> None:
    assert f'href="{FORM}"' in client.get("/en/").text
    assert client.get(FORM).status_code == 200
    assert form(client, draft=draft(client), step="send").status_code == 200
    assert sealed(place).post(client, "help").status_code == 201
    assert len(stored()) == 2


def test_a_closed_one_takes_none_and_says_how_else(
    client: FlaskClient, place: Place, run: Run
) -> None:
    typed, report = draft(client), sealed(place)
    done = run("close", "help")
    assert done.exit_code == 0
    assert done.output.startswith("Help Now takes no reports from now on\n")
    landing, page = client.get("/en/").text, client.get(FORM)
    assert f'href="{FORM}"' not in landing
    assert page.status_code == 503
    for text in (landing, page.text):
        assert "cannot take reports here at the moment" in text
        assert "Call 0100 200." in text
    answer = form(client, draft=typed, step="send")
    assert answer.status_code == 503
    assert "This organisation cannot take reports at the moment." in answer.text
    refused = report.post(client, "help")
    assert refused.status_code == 503
    assert refused.json is not None
    assert refused.json["code"] == "closed"
    known = client.get("/.well-known/upstander/help.json").json
    assert known is not None
    assert known["intake_key"] is None
    assert stored() == []


def test_opening_brings_everything_back(client: FlaskClient, place: Place, run: Run) -> None:
    typed, report = draft(client), sealed(place)
    run("close", "help")
    done = run("open", "help")
    assert done.exit_code == 0
    assert done.output.startswith("Help Now takes reports again\n")
    assert f'href="{FORM}"' in client.get("/en/").text
    assert client.get(FORM).status_code == 200
    # What was typed and sealed before is not lost.
    assert form(client, draft=typed, step="send").status_code == 200
    assert report.post(client, "help").status_code == 201
    assert len(stored()) == 2


def test_only_the_one_that_is_named_is_closed(client: FlaskClient, place: Place, run: Run) -> None:
    other = add_organisation("twin")
    before = links(other.id)
    run("close", "help")
    run("agree", "help", "--yes")
    assert client.get("/en/report/twin").status_code == 200
    row = db.session.get_one(Organisation, other.id)
    assert (row.closed, row.recognisable) == (False, False)
    assert links(other.id) == before


def test_closing_says_when_no_other_way_is_known(run: Run, app: Flask) -> None:
    add_organisation("help")
    assert "its page names none" in run("close", "help").output


@pytest.mark.parametrize(("there", "action", "column", "back"), TURNS)
def test_each_turn_is_one_link_and_repeating_it_none(
    place: Place, run: Run, there: str, action: str, column: str, back: str
) -> None:
    before = links(place.id)

    def turned(command: str) -> tuple[Result, bool, list[list[Any]]]:
        done = run(command, "help", *(["--yes"] if command == "agree" else []))
        db.session.expire_all()
        row = db.session.get_one(Organisation, place.id)
        return done, getattr(row, column), links(place.id)[len(before) :]

    first: list[Any] = [None, action, None, {}]
    done, state, written = turned(back)
    assert (done.exit_code, state, written) == (0, False, [])
    assert "nothing was changed" in done.output
    done, state, written = turned(there)
    assert (done.exit_code, state, written) == (0, True, [first])
    done, state, written = turned(there)
    assert (done.exit_code, state, written) == (0, True, [first])
    assert "nothing was changed" in done.output
    second: list[Any] = [None, f"{back}_{action.partition('_')[2]}", None, {}]
    done, state, written = turned(back)
    assert (done.exit_code, state, written) == (0, False, [first, second])
    assert "nothing was changed" not in done.output
    assert audit.verify(place.id) is None


def test_of_many_at_once_one_changes_it(app: Flask, place: Place) -> None:
    before = len(links(place.id))
    db.session.commit()

    def close(_number: int) -> bool:
        with app.app_context():
            return organisations.close(place.id)

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(close, range(6))) == [False] * 5 + [True]
    assert len(links(place.id)) == before + 1
    assert audit.verify(place.id) is None


def test_what_the_chain_refuses_is_not_done(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(audit_actions.ACTIONS, "close_organisation")
    with pytest.raises(ValueError, match="undeclared"):
        organisations.close(place.id)
    assert not db.session.get_one(Organisation, place.id).closed


@pytest.mark.parametrize("command", ["close", "open", "agree", "disagree"])
@pytest.mark.parametrize("slug", ["nowhere", ""])
def test_an_unknown_slug_is_one_clear_line(place: Place, run: Run, command: str, slug: str) -> None:
    done = run(command, slug)
    assert done.exit_code == 1
    assert done.output == f"Error: there is no organisation {slug}\n"


@pytest.mark.parametrize(("answer", "agreed"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_agreeing_says_what_it_means_and_asks(
    place: Place, run: Run, answer: str, agreed: bool
) -> None:
    done = run("agree", "help", answer=answer)
    assert "What is published stays for good" in done.output
    assert "Has Help Now agreed to this? [y/N]" in done.output
    assert done.exit_code == (0 if agreed else 1)
    db.session.expire_all()
    assert db.session.get_one(Organisation, place.id).recognisable is agreed
    asked_again = run("agree", "help", answer=answer)
    assert ("[y/N]" in asked_again.output) is not agreed


def test_a_script_is_not_asked(place: Place, run: Run) -> None:
    done = run("agree", "help", "--yes")
    assert (done.exit_code, "[y/N]" in done.output) == (0, False)
