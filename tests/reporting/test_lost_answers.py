"""Without script: what went through while its answer was lost is stored once, whoever retries."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from reporting import mailbox, receipt, submission
from tests import lost
from tests.factories_reporting import Opener, make_organisation, stored
from tests.reporting.plain_form import check, draft_of, number_on, post
from tests.reporting.test_views_adding import BEFORE, SENT, SEVEN, added, wished, wishes
from tests.reporting.test_views_returning import act, come_back, turn

UNSENT = "It was not sent. Your answers are still here. Please try again."
UNSURE = "We could not find out whether it was sent. Your answers are still here. Please try again."
UNREAD = "Your messages cannot be shown just now. Come back later with your number."
PHOTO = [("a.txt", b"photo")]


@pytest.fixture
def north(app: Flask) -> Opener:
    """One organisation beside another: which one has to be chosen."""
    make_organisation("south", "South")
    return make_organisation()


@pytest.fixture
def unsure(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Whether it is there cannot be asked for either, in the moment of the answer."""

    def away(*_given: object) -> bool:
        raise OperationalError("SELECT", {}, Exception("no connection"))

    def unsure(page: Any) -> Any:
        known, asked = submission.is_known, []

        def first_only(name: bytes) -> bool:
            asked.append(name)
            return known(name) if len(asked) == 1 else away()

        with monkeypatch.context() as patched:
            patched.setattr(submission, "is_known", first_only)
            return page()

    return unsure


def test_an_addition_that_is_there_is_said_to_be_there(
    app: Flask, client: FlaskClient, north: Opener
) -> None:
    draft = draft_of(come_back(client, receipt.make_digits()))
    with lost.answers() as answers:
        page = act(client, draft, "add", **SEVEN, file=PHOTO)
    assert answers == ["commit"]
    assert (page.status_code, SENT in page.text) == (200, True)
    assert len(added(north)) == 1


@pytest.mark.parametrize(
    ("step", "values"),
    [("add", {**SEVEN, "file": PHOTO}), ("consent", wished("no"))],
    ids=["words", "wish"],
)
def test_a_retry_from_the_page_that_is_unsure_is_known(
    app: Flask, client: FlaskClient, north: Opener, unsure: Any, step: str, values: dict[str, Any]
) -> None:
    draft = draft_of(come_back(client, receipt.make_digits()))
    with lost.answers():
        page = unsure(lambda: act(client, draft, step, **values))
    assert (page.status_code, UNSURE in page.text) == (503, True)
    assert len(added(north)) == 1
    # On the way through a page that asks for something else, too.
    asks = act(client, draft_of(page), step, **{**values, "organisation": ""})
    assert asks.status_code == 422
    for again in (page, asks):
        done = act(client, draft_of(again), step, **values)
        assert (done.status_code, SENT in done.text) == (200, True)
        assert len(added(north)) == 1
    # What is said again from there is meant.
    assert SENT in act(client, draft_of(done), step, **values).text
    assert len(added(north)) == 2


@pytest.mark.parametrize(
    ("step", "values", "typed"),
    [
        ("add", {**SEVEN, "file": PHOTO}, r">\nIt was line 7</textarea>"),
        ("consent", wished("no"), r'name="consent.statistics" value="no"[^>]* checked'),
    ],
    ids=["words", "wish"],
)
def test_a_database_that_stays_away_takes_no_words_and_says_nothing_false(
    app: Flask, client: FlaskClient, north: Opener, step: str, values: dict[str, Any], typed: str
) -> None:
    digits = receipt.make_digits()
    draft = draft_of(come_back(client, digits))
    with lost.answers(away=True) as answers:
        page = act(client, draft, step, **values)
    assert answers == ["commit"]
    again = [page]
    # From there again while it is still away, from the first question or after it is known.
    for after_known in (False, True):
        with lost.away(after_known=after_known):
            again.append(act(client, draft_of(page), step, **values))
    for shown in again:
        assert (shown.status_code, UNSURE in shown.text) == (503, True)
        assert (f"{UNSURE} Please choose your files again." in shown.text) == ("file" in values)
        assert f'<a href="#t-{step}">' in shown.text
        assert UNREAD in shown.text
        for untrue in ("Nothing more was stored", UNSENT, SENT, "Nothing to read yet"):
            assert untrue not in shown.text
        assert re.search(typed, shown.text)
        assert shown.text.count('type="hidden" name="organisation" value="north"') == 2
        assert digits not in shown.text
    assert len(added(north)) == 1
    # What was wrong with files is found out again, once they were chosen again.
    with lost.away():
        shown = act(client, draft, step, **{**values, "file": PHOTO * 6})
    assert f"{UNSURE} Please choose your files again." in shown.text
    for shown in again:
        done = act(client, draft_of(shown), step, **values)
        assert (done.status_code, SENT in done.text) == (200, True)
    assert len(added(north)) == 1


def test_an_organisation_that_closes_in_between_forgets_no_addition(
    app: Flask, client: FlaskClient, north: Opener, unsure: Any
) -> None:
    draft = draft_of(come_back(client, receipt.make_digits()))
    with lost.answers():
        page = unsure(lambda: act(client, draft, "add", **SEVEN))
    turn(north.organisation_id, closed=True)
    shut = act(client, draft_of(page), "add", **{**SEVEN, "what_happened": "new words"})
    assert shut.status_code == 503
    turn(north.organisation_id, closed=False)
    assert SENT in act(client, draft_of(shut), "add", **SEVEN).text
    assert len(added(north)) == 1


def test_what_was_not_stored_is_sent_from_the_page_that_says_so(
    app: Flask, client: FlaskClient, north: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: then a retry is the first one."""
    draft = draft_of(come_back(client, receipt.make_digits()))

    def full(*_given: object) -> None:
        raise OperationalError("INSERT", {}, Exception("disk full"))

    with monkeypatch.context() as patched:
        patched.setattr(submission, "_store", full)
        page = act(client, draft, "add", **SEVEN)
    assert (page.status_code, UNSENT in page.text) == (503, True)
    assert "Please choose your files again." not in page.text
    assert stored() == []
    with monkeypatch.context() as patched:
        patched.setattr(submission, "_store", full)
        with_file = act(client, draft, "add", **SEVEN, file=PHOTO)
        first = post(client, {"draft": check(client), "step": "send", "file": PHOTO})
        arabic = {"draft": draft, "step": "add", **SEVEN, "file": PHOTO}
        assert "يُرجى اختيار ملفاتكم من جديد." in post(client, arabic, "/ar/return").text
    for shown in (with_file, first):
        assert f"{UNSENT} Please choose your files again." in shown.text
    for _twice in range(2):
        assert SENT in act(client, draft_of(page), "add", **SEVEN).text
    assert len(added(north)) == 1


def test_what_was_erased_is_not_replayed_from_the_page_that_is_unsure(
    app: Flask, client: FlaskClient, north: Opener, unsure: Any
) -> None:
    draft = draft_of(come_back(client, receipt.make_digits()))
    with lost.answers():
        page = unsure(lambda: act(client, draft, "add", **SEVEN))
    act(client, draft_of(page), "erase-now")
    again = act(client, draft_of(page), "add", **SEVEN)
    assert (again.status_code, BEFORE in again.text) == (409, True)
    assert stored() == []
    assert SENT in act(client, draft_of(again), "add", **SEVEN).text
    assert len(stored()) == 1


def test_a_wish_that_was_overtaken_does_not_come_back_by_a_retry(
    app: Flask, client: FlaskClient, north: Opener, unsure: Any
) -> None:
    digits = receipt.make_digits()
    draft = draft_of(come_back(client, digits))
    with lost.answers():
        page = unsure(lambda: act(client, draft, "consent", **wished("yes")))
    assert SENT in act(client, draft_of(come_back(client, digits)), "consent", **wished("no")).text
    assert act(client, draft_of(page), "consent", **wished("yes")).status_code == 409
    assert wishes(north) == [False, True]


def test_received_is_said_also_when_the_messages_cannot_be_read(
    app: Flask, client: FlaskClient, north: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else an error would say that nothing was stored, and the words would be typed again."""
    digits = receipt.make_digits()
    draft = draft_of(come_back(client, digits))

    def away(_token: bytes) -> None:
        raise OperationalError("SELECT", {}, Exception("no connection"))

    with monkeypatch.context() as patched:
        patched.setattr(mailbox, "read", away)
        page = act(client, draft, "add", **SEVEN)
    assert (page.status_code, SENT in page.text) == (200, True)
    assert "Nothing more was stored" not in page.text
    assert digits not in page.text
    assert len(added(north)) == 1


def test_a_first_report_is_one_whatever_became_of_its_answer(
    app: Flask, client: FlaskClient, north: Opener
) -> None:
    """Its draft stays the same one on the page that is shown again."""
    there, unsure = check(client), check(client, what_happened="Another one")
    with lost.answers() as answers:
        number = number_on(post(client, {"draft": there, "step": "send"}))
    assert answers == ["commit"]
    assert number_on(post(client, {"draft": there, "step": "send"})) == number
    with lost.answers(away=True):
        page = post(client, {"draft": unsure, "step": "send"})
    assert (page.status_code, UNSURE in page.text) == (503, True)
    # Changed, it would be a second report beside one that may be there.
    assert "Nothing has been sent yet" not in page.text
    assert 'value="change"' not in page.text
    again = [post(client, {"draft": draft_of(page), "step": "send"}) for _twice in range(2)]
    assert number_on(again[0]) == number_on(again[1])
    assert len(stored()) == 2
