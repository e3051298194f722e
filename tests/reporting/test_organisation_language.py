"""What an organisation says of itself carries its language where that is not the page's."""

import json

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from reporting.database import transaction
from reporting.models import Organisation
from reporting.organisations import Said, said
from tests.factories_reporting import make_organisation

CALL = "Call 0100 200."
ARABIC = "اتصلوا بنا"
PLACES = ("", "help", "report/shut")


@pytest.mark.parametrize(
    ("given", "locale", "shown"),
    [
        ({"en": "Hi", "ar": ARABIC}, "ar", Said(ARABIC, "ar")),
        ({"en": "Hi", "ar": ""}, "ar", Said("Hi", "en")),
        ({"en": "Hi"}, "en", Said("Hi", "en")),
        ({"ar": ARABIC}, "en", Said("", "en")),
        ({}, "ar", Said("", "ar")),
    ],
)
def test_what_is_said_names_its_language(given: dict[str, str], locale: str, shown: Said) -> None:
    assert said(json.dumps(given), locale) == shown


@pytest.mark.parametrize("place", PLACES)
def test_english_on_an_arabic_page_is_marked(client: FlaskClient, place: str) -> None:
    make_organisation("shut", "Shut House", closed=True)
    assert f'<bdi lang="en">{CALL}</bdi>' in client.get(f"/ar/{place}").text
    assert f"<bdi>{CALL}</bdi>" in client.get(f"/en/{place}").text


def test_so_is_what_it_can_do(client: FlaskClient) -> None:
    make_organisation()
    assert '<p dir="auto" lang="en">We help.</p>' in client.get("/ar/").text
    assert '<p dir="auto">We help.</p>' in client.get("/en/").text


@pytest.mark.parametrize("place", PLACES)
def test_a_text_of_the_page_s_own_language_is_not(client: FlaskClient, place: str) -> None:
    make_organisation("shut", "Shut House", closed=True)
    with transaction() as session:
        contact = json.dumps({"en": CALL, "ar": ARABIC})
        session.execute(update(Organisation).values(contact=contact))
    page = client.get(f"/ar/{place}").text
    assert f"<bdi>{ARABIC}</bdi>" in page
    assert CALL not in page


def test_no_text_leaves_no_empty_line(client: FlaskClient) -> None:
    make_organisation("shut", "Shut House", closed=True)
    with transaction() as session:
        session.execute(update(Organisation).values(about="{}", contact="{}"))
    for place in PLACES:
        page = client.get(f"/ar/{place}").text
        assert "<bdi></bdi>" not in page
        assert "How to reach" not in page
        assert '<p dir="auto"' not in page
