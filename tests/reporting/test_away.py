"""Coming back without script while the database is away: nothing false is said, nothing is lost."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from reporting import receipt
from tests import lost
from tests.factories_reporting import Opener, make_organisation, stored
from tests.reporting.plain_form import draft_of
from tests.reporting.test_lost_answers import UNREAD
from tests.reporting.test_views_adding import SENT, SEVEN, added
from tests.reporting.test_views_returning import act, come_back

UNERASED = "We could not find out whether it is deleted. Please try again."
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
    with lost.away():
        page = client.post("/en/return", data={"receipt": digits})
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


@pytest.mark.parametrize("gone", [True, False], ids=["gone", "there"])
def test_it_is_deleted_is_said_only_where_it_is(
    app: Flask, client: FlaskClient, north: Opener, gone: bool
) -> None:
    """Whether it is gone while its answer was lost, or lies there as before."""
    digits = receipt.make_digits()
    draft = draft_of(come_back(client, digits))
    assert SENT in act(client, draft, "add", **SEVEN).text
    with lost.away():
        asked = act(client, draft, "erase")
    assert (asked.status_code, "Nobody can undo this." in asked.text) == (200, True)
    with lost.answers(away=True) if gone else lost.away():
        page = act(client, draft_of(asked), "erase-now")
    assert (page.status_code, UNERASED in page.text) == (503, True)
    assert "It is deleted" not in page.text
    assert "Nothing more was stored" not in page.text
    assert len(stored()) == (0 if gone else 1)
    assert "It is deleted" in act(client, draft_of(page), "erase-now").text
    assert stored() == []
