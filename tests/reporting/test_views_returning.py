"""Coming back without script: reading, adding, consent and deletion with the number alone."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from reporting import receipt
from reporting.database import db
from reporting.models import Organisation
from reporting.sealing import b64
from tests.factories_reporting import make_organisation, seal, stored
from tests.reporting.plain_form import draft_of, post
from tests.reporting.test_mailbox import answer

NOTHING = "Nothing to read yet. If the number is right, your report is waiting."


def come_back(client: FlaskClient, digits: str, locale: str = "en") -> TestResponse:
    return client.post(f"/{locale}/return", data={"receipt": digits})


def act(client: FlaskClient, draft: str, step: str, **values: Any) -> TestResponse:
    return post(client, {"draft": draft, "step": step, **values}, "/en/return")


def without_draft(page: TestResponse) -> str:
    return re.sub(r'name="draft" value="[^"]*"', "", page.text)


def test_known_and_unknown_numbers_get_the_same_page(app: Flask, client: FlaskClient) -> None:
    sealed = seal(make_organisation())
    sealed.post(client)
    known = come_back(client, receipt.grouped(sealed.digits))
    unknown = come_back(client, receipt.make_digits())
    assert known.status_code == unknown.status_code == 200
    assert NOTHING in known.text
    assert without_draft(known) == without_draft(unknown)
    assert len(known.data) == len(unknown.data)


def test_messages_are_read_newest_status_first(app: Flask, client: FlaskClient) -> None:
    sealed = seal(make_organisation())
    sealed.post(client)
    answer(app, sealed, {"text": "<b>Which bus?</b>", "status": "question", "number": 2})
    answer(app, sealed, {"text": "We read it.", "status": "being_read", "number": 1})
    page = come_back(client, sealed.digits)
    assert "&lt;b&gt;Which bus?&lt;/b&gt;" in page.text
    assert page.text.index("We read it.") < page.text.index("Which bus?")
    # Beside the state of the report, the one message that waits for an answer says so.
    assert page.text.count('<span class="tag">Question for you</span>') == 2
    assert NOTHING not in page.text


@pytest.mark.parametrize("message", [{"text": 7}, {"status": "nonsense"}, {}, {"number": "x"}])
def test_message_that_makes_no_sense_stops_no_other(
    app: Flask, client: FlaskClient, message: dict[str, Any]
) -> None:
    sealed = seal(make_organisation())
    sealed.post(client)
    answer(app, sealed, message)
    answer(app, sealed, {"text": "Second"})
    page = come_back(client, sealed.digits)
    assert page.status_code == 200
    assert "Second" in page.text
    assert "This message cannot be opened." in page.text


def test_digits_of_other_scripts_are_read(app: Flask, client: FlaskClient) -> None:
    digits = receipt.make_digits()
    arabic = digits.translate({ord("0") + n: 0x660 + n for n in range(10)})
    assert come_back(client, arabic, "ar").status_code == 200
    wrong = digits[:-1] + str((int(digits[-1]) + 1) % 10)
    page = come_back(client, wrong)
    assert page.status_code == 422
    assert "One digit is not right" in page.text
    assert wrong in page.text
    assert "24 digits" in come_back(client, "12").text


def test_addition_is_sealed_under_the_same_number_and_stored_once(
    app: Flask, client: FlaskClient
) -> None:
    north = make_organisation()
    first = seal(north)
    first.post(client)
    draft = draft_of(come_back(client, first.digits))
    values: dict[str, Any] = {
        "organisation": "north",
        "what_happened": "It was line 7",
        "file": [("a.txt", b"photo")],
    }
    page = act(client, draft, "add", **values)
    assert page.status_code == 200
    assert "We have what you added." in page.text
    assert "We have what you added." in act(client, draft, "add", **values).text
    [addition] = [r for r in stored() if r.kind == "addition"]
    body = north.open(addition)
    assert body["request"] == "more"
    assert body["answers"] == {"what_happened": "It was line 7"}
    derived = receipt.derive_receipt(first.digits, app.extensions["instance"].instance_id)
    assert addition.mailbox == stored()[0].mailbox
    assert body["follow_up"] == b64(derived.follow_up)
    assert north.file(addition, 0, 5) == b"photo"


def test_consent_can_be_changed(app: Flask, client: FlaskClient) -> None:
    north = make_organisation()
    make_organisation("south", "South")
    first = come_back(client, receipt.make_digits())
    assert "No answer means no" not in first.text
    assert "Leave it empty to keep what you said before." in first.text
    draft = draft_of(first)
    page = act(client, draft, "consent", organisation="north", **{"consent.statistics": "no"})
    assert page.status_code == 200
    # Who writes to one organisation need not name it twice.
    assert page.text.count('value="north" selected') == 2
    [addition] = stored()
    body = north.open(addition)
    assert (body["request"], body["consent"]) == ("consent", {"statistics": False})


def chosen(page: TestResponse) -> list[str]:
    """What stands chosen in the fields that ask for the organisation."""
    return re.findall(r'<option [^>]*value="([^"]*)" selected', page.text)


def test_who_answered_is_chosen_beforehand(app: Flask, client: FlaskClient) -> None:
    """A wrong choice would hand what somebody adds to people who do not have the report."""
    sealed = seal(make_organisation())
    make_organisation("south", "South")
    sealed.post(client)
    before = come_back(client, sealed.digits)
    assert chosen(before) == []
    assert "Another organisation does not have your report." in before.text
    answer(app, sealed, {"text": "Which bus?", "number": 1, "organisation": "north"})
    # Whatever else an older or a strange message says, it takes the choice away from nobody.
    answer(app, sealed, {"text": "No name", "number": 2})
    answer(app, sealed, {"text": "Strange", "number": 3, "organisation": {"south": 1}})
    assert chosen(come_back(client, sealed.digits)) == ["north", "north"]
    answer(app, sealed, {"text": "From elsewhere", "number": 4, "organisation": "<b>"})
    assert chosen(come_back(client, sealed.digits)) == []


def test_one_that_takes_nothing_does_not_pass_additions_on_to_another(
    app: Flask, client: FlaskClient
) -> None:
    sealed = seal(make_organisation())
    sealed.post(client)
    only = come_back(client, sealed.digits)
    assert only.text.count('type="hidden" name="organisation" value="north"') == 2
    make_organisation("shut", "Shut House", closed=True)
    asked = come_back(client, sealed.digits)
    assert 'type="hidden" name="organisation"' not in asked.text
    assert asked.text.count('<option dir="auto" value="north">') == 2
    page = act(client, draft_of(asked), "add", what_happened="to Shut House", organisation="")
    assert page.status_code == 422
    assert [report.kind for report in stored()] == ["report"]


def test_problem_keeps_what_was_typed(app: Flask, client: FlaskClient) -> None:
    make_organisation()
    make_organisation("south", "South")
    draft = draft_of(come_back(client, receipt.make_digits()))
    page = act(client, draft, "add", what_happened="kept words", organisation="")
    assert page.status_code == 422
    assert "kept words" in page.text
    assert '<a href="#add-organisation">Choose the organisation you wrote to.</a>' in page.text
    assert re.search(r'<select [^>]*id="add-organisation" [^>]*aria-invalid="true">', page.text)
    assert act(client, draft, "add", what_happened=" ", organisation="north").status_code == 422
    assert act(client, draft, "consent", organisation="north").status_code == 422
    assert stored() == []


def turn(organisation_id: bytes, *, closed: bool) -> None:
    """Close or open an organisation, as its operator does."""
    db.session.execute(
        update(Organisation).where(Organisation.id == organisation_id).values(closed=closed)
    )
    db.session.commit()


def test_an_organisation_that_closes_meanwhile_takes_no_words_away(
    app: Flask, client: FlaskClient
) -> None:
    opener = make_organisation()
    draft = draft_of(come_back(client, receipt.make_digits()))
    turn(opener.organisation_id, closed=True)
    page = act(client, draft, "add", what_happened="kept words", organisation="north")
    assert page.status_code == 503
    assert "This organisation cannot take reports at the moment." in page.text
    assert "kept words" in page.text
    assert stored() == []
    turn(opener.organisation_id, closed=False)
    again = {"what_happened": "kept words", "organisation": "north"}
    assert "We have what you added." in act(client, draft_of(page), "add", **again).text
    # The twin: who has typed nothing yet sees nothing to type into.
    turn(opener.organisation_id, closed=True)
    assert 'id="add"' not in come_back(client, receipt.make_digits()).text


def test_deletion_takes_two_steps_and_says_what_stays(app: Flask, client: FlaskClient) -> None:
    sealed = seal(make_organisation())
    sealed.post(client)
    draft = draft_of(come_back(client, sealed.digits))
    asked = act(client, draft, "erase")
    assert "Numbers already published stay" in asked.text
    assert "Deleted at once" in asked.text
    assert "when caseworkers next sign in" in asked.text
    assert len(stored()) == 1
    assert "It is deleted" in act(client, draft_of(asked), "erase-now").text
    assert stored() == []
    unknown = draft_of(come_back(client, receipt.make_digits()))
    assert "It is deleted" in act(client, unknown, "erase-now").text


def test_old_page_asks_for_the_number_again(
    app: Flask, client: FlaskClient, clock_at: Callable[[datetime], None]
) -> None:
    start = datetime(2026, 3, 1, 12, tzinfo=UTC)
    clock_at(start)
    make_organisation()
    draft = draft_of(come_back(client, receipt.make_digits()))
    clock_at(start + timedelta(hours=4))
    page = act(client, draft, "erase-now")
    assert page.status_code == 422
    assert "type your number again" in page.text
    assert 'name="receipt"' in page.text
