"""Adding without script: a repeat stays one, no word is lost, nothing comes back by itself."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from threading import Barrier, Thread
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from reporting import receipt, submission
from reporting.database import db
from reporting.models import Organisation
from tests.factories_reporting import Opener, make_organisation, rotate, seal, stored
from tests.reporting.plain_form import draft_of
from tests.reporting.test_views_returning import act, chosen, come_back, turn

SENT = "We have what you added."
BEFORE = "You sent this before. If it should count again, send it once more from this page."
SEVEN = {"organisation": "north", "what_happened": "It was line 7"}


def added(north: Opener) -> list[Any]:
    """What was added, as its reader sees it: words, wishes and the sizes of files."""
    bodies = [north.open(one) for one in stored() if one.kind == "addition"]
    found = [(b["answers"], b["consent"], [f["size"] for f in b["attachments"]]) for b in bodies]
    return sorted(found, key=str)


def test_everything_that_is_sent_from_one_page_is_kept(app: Flask, client: FlaskClient) -> None:
    """By "Back", or with the page open twice: all its forms hold one draft."""
    north = make_organisation()
    sealed = seal(north)
    sealed.post(client)
    draft = draft_of(come_back(client, sealed.digits))
    no = {"consent.statistics": "no"}
    for step, values in (
        ("add", {"what_happened": "It was line 7"}),
        ("consent", no),
        ("add", {"what_happened": "And the driver saw it"}),
        ("add", {"what_happened": "It was line 7", "file": [("a.txt", b"photo")]}),
        # The same words, name, type and length: only its bytes are another file's.
        ("add", {"what_happened": "It was line 7", "file": [("a.txt", b"other")]}),
    ):
        for _twice in range(2):
            page = act(client, draft, step, organisation="north", **values)
            assert page.status_code == 200
            assert SENT in page.text
    seven, driver = ({"what_happened": w} for w in ("It was line 7", "And the driver saw it"))
    expected: list[Any] = [({}, {"statistics": False}, []), (driver, {}, []), (seven, {}, [])]
    assert added(north) == sorted([*expected, (seven, {}, [5]), (seven, {}, [5])], key=str)
    files = [north.file(one, 0, 5) for one in stored() if north.open(one).get("attachments")]
    assert sorted(files) == [b"other", b"photo"]


def test_another_organisation_gets_its_own_copy(app: Flask, client: FlaskClient) -> None:
    """A wrong choice is put right by sending again, from the same page."""
    make_organisation()
    south = make_organisation("south", "South")
    draft = draft_of(come_back(client, receipt.make_digits()))
    for slug in ("north", "south"):
        assert SENT in act(client, draft, "add", organisation=slug, what_happened="x").text
    assert len(stored()) == 2
    assert len([one for one in stored() if one.organisation_id == south.organisation_id]) == 1


def test_a_wish_taken_back_twice_is_the_last_word(app: Flask, client: FlaskClient) -> None:
    """No, yes, no from one page: the second no is the last word once it was meant so."""
    north = make_organisation()
    sealed = seal(north)
    sealed.post(client)
    draft = draft_of(come_back(client, sealed.digits))
    for wish in ("no", "yes"):
        assert SENT in act(client, draft, "consent", **wished(wish)).text
    # By "Back", or loaded again: which of the two nobody can tell, and so the page asks.
    asks = act(client, draft, "consent", **wished("no"))
    assert asks.status_code == 409
    assert f'<a href="#t-consent">{BEFORE}</a>' in asks.text
    assert SENT not in asks.text
    assert re.search(r'name="consent.statistics" value="no"[^>]* checked', asks.text)
    assert wishes(north) == [False, True]
    for _twice in range(2):
        page = act(client, draft_of(asks), "consent", **wished("no"))
        assert page.status_code == 200
        assert SENT in page.text
    assert wishes(north) == [False, False, True]


def wished(answer: str) -> dict[str, str]:
    return {"organisation": "north", "consent.statistics": answer}


def wishes(north: Opener) -> list[bool]:
    return [consent["statistics"] for _words, consent, _files in added(north)]


def test_consent_that_was_withdrawn_does_not_come_back(app: Flask, client: FlaskClient) -> None:
    """Yes from one page, no from the next; then the answer to the first is loaded again."""
    north = make_organisation()
    first = draft_of(come_back(client, receipt.make_digits()))
    second = draft_of(act(client, first, "consent", **wished("yes")))
    # The twin: nothing came after it, and it is there.
    assert SENT in act(client, first, "consent", **wished("yes")).text
    assert SENT in act(client, second, "consent", **wished("no")).text
    for _reloads in range(2):
        page = act(client, first, "consent", **wished("yes"))
        assert page.status_code == 409
        assert BEFORE in page.text
        assert SENT not in page.text
    assert wishes(north) == [False, True]


def test_what_came_after_words_makes_no_second_copy_of_them(
    app: Flask, client: FlaskClient
) -> None:
    north = make_organisation()
    first = draft_of(come_back(client, receipt.make_digits()))
    second = draft_of(act(client, first, "add", **SEVEN))
    act(client, second, "add", **{**SEVEN, "what_happened": "It was late"})
    assert SENT in act(client, first, "add", **SEVEN).text
    assert len(added(north)) == 2


def test_a_repeat_is_known_when_its_key_has_retired(app: Flask, client: FlaskClient) -> None:
    north = make_organisation()
    make_organisation("south", "South")
    sealed = seal(north)
    sealed.post(client)
    draft = draft_of(come_back(client, sealed.digits))
    values = SEVEN
    act(client, draft, "add", **values)
    rotate(north)
    assert SENT in act(client, draft, "add", **values).text
    db.session.execute(update(Organisation).where(Organisation.slug == "north").values(closed=True))
    db.session.commit()
    assert SENT in act(client, draft, "add", **values).text
    page = act(client, draft, "add", **{**values, "what_happened": "new words"})
    assert page.status_code == 503
    assert SENT not in page.text
    assert "new words" in page.text
    assert [one.kind for one in stored()].count("addition") == 1


@pytest.mark.parametrize("between", [False, True])
def test_what_was_erased_is_neither_replayed_nor_said_to_be_there(
    app: Flask, client: FlaskClient, between: bool
) -> None:
    """Also where something new lies in its place meanwhile."""
    north = make_organisation()
    sealed = seal(north)
    sealed.post(client)
    draft = draft_of(come_back(client, sealed.digits))
    act(client, draft, "add", **SEVEN, file=[("a.txt", b"photo")])
    act(client, draft, "add", **SEVEN)
    act(client, draft, "erase-now")
    assert stored() == []
    if between:
        assert SENT in act(client, draft, "add", **{**SEVEN, "what_happened": "new"}).text
    there = len(stored())
    page = act(client, draft, "add", **SEVEN)
    assert page.status_code == 409
    assert BEFORE in page.text
    assert SENT not in page.text
    assert "Please choose your files again." not in page.text
    assert ">\nIt was line 7</textarea>" in page.text
    assert len(stored()) == there
    with_file = act(client, draft, "add", **SEVEN, file=[("a.txt", b"photo")])
    assert f"{BEFORE} Please choose your files again." in with_file.text
    assert len(stored()) == there
    # From the new page they are new words, once.
    for _twice in range(2):
        assert SENT in act(client, draft_of(page), "add", **SEVEN).text
    assert len(stored()) == there + 1


def test_sending_twice_at_once_stores_once(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both find nothing known and both store: one row, and both hear that it is there."""
    make_organisation()
    is_known, together = submission.is_known, Barrier(2, timeout=20)

    def meet(name: bytes) -> bool:
        known = is_known(name)
        together.wait()
        return known

    for step, values in (("add", SEVEN), ("consent", wished("no"))):
        draft = draft_of(come_back(client, receipt.make_digits()))
        there = len(stored())
        pages: list[Any] = []

        def send(draft: str = draft, step: str = step, values: Any = values) -> None:
            pages.append(act(app.test_client(), draft, step, **values))  # noqa: B023  # joined below

        with monkeypatch.context() as both:
            both.setattr(submission, "is_known", meet)
            senders = [Thread(target=send) for _ in range(2)]
            for one in senders:
                one.start()
            for one in senders:
                one.join()
        assert [(page.status_code, SENT in page.text) for page in pages] == [(200, True)] * 2
        assert len(stored()) == there + 1


def test_old_page_takes_no_words_away(
    app: Flask, client: FlaskClient, clock_at: Callable[[datetime], None]
) -> None:
    start = datetime(2026, 3, 1, 12, tzinfo=UTC)
    clock_at(start)
    north = make_organisation()
    make_organisation("south", "South")
    digits = receipt.make_digits()
    draft = draft_of(come_back(client, digits))
    clock_at(start + timedelta(hours=4))
    words = 'Two lines,\r\n"quoted" & <b>more</b>'
    values = {"organisation": "north", "what_happened": words, "consent.reply": "no"}
    page = act(client, draft, "add", **values, file=[("a.txt", b"photo")])
    assert page.status_code == 422
    assert (
        "type your number again. What you typed is not lost. The files could not be read."
        in page.text
    )
    # A digit that is wrong then takes them away neither.
    for typed, status in (("12", 422), (digits, 200)):
        page = client.post("/en/return", data={**hidden_in(page), "receipt": typed})
        assert page.status_code == status
    assert re.search('href="#t-add">Your answers are still here. Send them if you have', page.text)
    typed_in = re.search(r'id="more"[^>]*>\n(.*?)</textarea>', page.text, re.DOTALL)
    assert typed_in
    assert unescape(typed_in[1]) == words
    assert chosen(page) == ["north", "north"]
    assert re.search(r'name="consent.reply" value="no"[^>]* checked', page.text)
    assert stored() == []
    act(client, draft_of(page), "add", organisation="north", what_happened=words)
    assert added(north) == [({"what_happened": words.replace("\r\n", "\n")}, {}, [])]


def hidden_in(page: Any) -> dict[str, str]:
    """What the form that asks for the number carries."""
    [form] = re.findall(r'<form id="return".*?</form>', page.text, re.DOTALL)
    pairs = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', form)
    return {name: unescape(value) for name, value in pairs}


def test_the_page_that_asks_for_the_number_carries_nothing_else(
    app: Flask, client: FlaskClient
) -> None:
    make_organisation()
    page = client.post("/en/return", data={"receipt": "12", "organisation": "north"})
    assert hidden_in(page) == {}
    assert hidden_in(client.get("/en/return")) == {}


def test_the_only_organisation_is_closed_and_the_form_names_none(
    app: Flask, client: FlaskClient
) -> None:
    north = make_organisation()
    draft = draft_of(come_back(client, receipt.make_digits()))
    turn(north.organisation_id, closed=True)
    page = act(client, draft, "add", what_happened="kept words")
    assert page.status_code == 422
    assert "kept words" in page.text
