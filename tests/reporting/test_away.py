"""Coming back without script while the database is away: nothing false is said, nothing is lost."""

import time

import pytest
from flask import Flask
from flask.testing import FlaskClient

from reporting import receipt
from reporting.settings import Settings
from reporting.views.mailbox import ERASE_SECONDS
from tests import lost
from tests.factories_reporting import Opener, make_organisation, stored
from tests.reporting.plain_form import draft_of
from tests.reporting.test_lost_answers import UNREAD
from tests.reporting.test_views_adding import SENT, SEVEN, added
from tests.reporting.test_views_returning import act, come_back, without_draft

UNERASED = "We could not find out whether it is deleted. Please try again."
KEEP, MESSAGES = "No, keep it</button>", ">Your messages</button>"
AGAIN = '<button class="quiet" name="step" value="open">Try again</button>'


@pytest.fixture
def north(app: Flask) -> Opener:
    """The organisation that was written to."""
    return make_organisation()


def test_words_from_a_page_that_was_too_old_stay_while_the_database_is_away(
    app: Flask, client: FlaskClient, north: Opener
) -> None:
    digits = receipt.make_digits()
    with lost.away():
        page = client.post("/en/return", data={"receipt": digits, **SEVEN})
    assert page.status_code == 503
    assert "Send them if you have not done so yet." in page.text
    assert ">\nIt was line 7</textarea>" in page.text
    assert SENT in act(client, draft_of(page), "add", **SEVEN).text
    assert len(added(north)) == 1
    # Trying again from there would lose the words.
    assert AGAIN not in page.text


def test_a_number_that_was_typed_is_not_typed_again_when_the_database_was_away(
    app: Flask, client: FlaskClient, north: Opener
) -> None:
    digits = receipt.make_digits()
    assert SENT in act(client, draft_of(come_back(client, digits)), "add", **SEVEN).text
    with lost.away():
        page = come_back(client, digits)
    with lost.away():
        unknown = come_back(client, receipt.make_digits())
    assert without_draft(unknown) == without_draft(page)
    assert len(unknown.data) == len(page.data)
    for _twice in range(2):
        assert page.status_code == 503
        assert UNREAD in page.text
        assert AGAIN in page.text
        assert 'id="add"' not in page.text
        assert "There is a problem" not in page.text
        assert digits not in page.text
        with lost.away():
            page = act(client, draft_of(page), "open")
    read = act(client, draft_of(page), "open")
    assert (read.status_code, UNREAD in read.text, AGAIN in read.text) == (200, False, False)
    assert "Nothing to read yet." in read.text


@pytest.mark.parametrize("gone", ["there", "gone", "gone and away"])
def test_it_is_deleted_is_said_only_where_it_is(
    settings: Settings, client: FlaskClient, north: Opener, gone: str
) -> None:
    """Whether it is gone while its answer was lost, or lies there as before."""
    digits = receipt.make_digits()
    draft, no_draft = (draft_of(come_back(client, d)) for d in (digits, receipt.make_digits()))
    assert SENT in act(client, draft, "add", **SEVEN, file=[("a.txt", b"photo")]).text
    with lost.away():
        asked = act(client, draft, "erase")
    assert (asked.status_code, "Nobody can undo this." in asked.text) == (200, True)
    assert (KEEP in asked.text, MESSAGES in asked.text) == (True, False)
    with lost.away() if gone == "there" else lost.answers(away=gone == "gone and away"):
        began = time.monotonic()
        page = act(client, draft_of(asked), "erase-now")
        # Known or unknown, nobody learns from the time of the answer.
        assert time.monotonic() - began >= ERASE_SECONDS
        unknown = act(client, no_draft, "erase-now")
    assert unknown.status_code == page.status_code
    assert without_draft(unknown) == without_draft(page)
    assert (page.status_code, UNERASED in page.text) == (503, True)
    # It may be too late to keep it.
    assert (KEEP in page.text, MESSAGES in page.text) == (False, True)
    assert "It is deleted" not in page.text
    assert "Nothing more was stored" not in page.text
    assert len(stored()) == (1 if gone == "there" else 0)
    # Where nobody can ask what is gone, the sweep of what was abandoned takes the file.
    files = [path for path in settings.attachments_dir.rglob("*") if path.is_file()]
    assert len(files) == (0 if gone == "gone" else 1)
    assert "It is deleted" in act(client, draft_of(page), "erase-now").text
    assert stored() == []
