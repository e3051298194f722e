"""What the release desk shows: reasons, protected figures, missing files, and no true count."""

import re
import shutil

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from analytics import counting, deployment
from analytics.menu import load
from analytics.models import Statement
from reporting.database import db
from reporting.sealing import b64
from tests.casework.people import add_organisation, post
from tests.casework.release_desk import actions, propose, send
from tests.factories_statistics import YEAR

pytestmark = pytest.mark.usefixtures("in_november")


@pytest.mark.parametrize(
    ("scope", "year", "words"),
    [
        ("world", str(YEAR + 1), "not been over"),
        ("world", "25", "four digits"),
        ("world", "last", "four digits"),
        ("world", "", "four digits"),
        ("world", "1800", "earliest year that can be published is 1990"),
        ("world", "1989", "earliest year that can be published is 1990"),
        ("world", "0000", "earliest year that can be published is 1990"),
        ("world", "٠٠٢٥", "earliest year that can be published is 1990"),
        ("org:AAAAAAAAAAAAAAAAAAAAAA", str(YEAR), "for whom"),
        ("", str(YEAR), "for whom"),
    ],
)
def test_a_proposal_that_cannot_be_is_explained(
    leads: tuple[FlaskClient, FlaskClient], scope: str, year: str, words: str
) -> None:
    answer = send(leads[0], "/staff/releases", scope=scope, year=year)
    assert answer.status_code == 422
    assert words in answer.text
    assert f'value="{year}" required' in answer.text
    assert actions() == []


def test_what_was_chosen_and_typed_stays_beside_the_reason(
    leads: tuple[FlaskClient, FlaskClient],
) -> None:
    page = leads[0].get("/staff/releases").text
    one = re.findall(r'value="(org:[^"]+)"', page)[1]
    assert f'value="{one}" selected' not in page
    answer = send(leads[0], "/staff/releases", scope=one, year="1800")
    assert f'value="{one}" selected' in answer.text
    assert 'href="#year"' in answer.text


def test_the_check_page_shows_statements_and_no_true_count(
    leads: tuple[FlaskClient, FlaskClient],
) -> None:
    first, second = leads
    there = propose(first)
    page = second.get(there).text
    menu = load(YEAR)
    rows = {row.definition: row for row in db.session.scalars(select(Statement))}
    true = counting.count(db.session(), menu).world
    shown = {str(v) for r in rows.values() for v in (r.value, r.low, r.high) if v is not None}
    secret = {str(c.skey) for c in true.values()} | {b64(r.n_ref) for r in rows.values()}
    assert not any(s in page for s in secret)
    total = rows[menu.total.definition]
    assert f"<bdi>{total.value}</bdi>" in page
    if str(true[menu.total].n) not in shown:
        assert f">{true[menu.total].n}<" not in page


def attack_of(page: str) -> str:
    """What the page says the audit found."""
    return page[page.index('id="audit-title"') :].split("</section>", maxsplit=1)[0]


@pytest.mark.parametrize("lost", ["folder", "audit.json", "total.csv"])
def test_a_release_is_shown_and_said_to_lack_files(
    leads: tuple[FlaskClient, FlaskClient], lost: str
) -> None:
    """After a restore without the releases folder, above all."""
    first, second = leads
    there = propose(first)
    words = "Files of this release are missing"
    whole = second.get(there).text
    assert words not in whole
    folder = deployment.releases_dir() / there.rsplit("/", 1)[1]
    kept = folder.with_name("kept")
    folder.rename(kept)
    if lost != "folder":
        shutil.copytree(kept, folder)
        (folder / lost).unlink()
    for client in leads:
        page = client.get(there)
        assert page.status_code == 200
        assert words in page.text
        assert attack_of(page.text) == attack_of(whole)
    answer = send(second, f"{there}/publish", confirm="yes")
    assert answer.status_code == 409
    assert words in answer.text
    shutil.rmtree(folder, ignore_errors=True)
    kept.rename(folder)
    assert send(second, f"{there}/publish", confirm="yes").status_code == 303
    assert words not in second.get(there).text
    shutil.rmtree(folder)
    page = second.get(there)
    assert page.status_code == 200
    assert words in page.text


def test_the_check_page_does_not_tell_who_has_records(
    leads: tuple[FlaskClient, FlaskClient],
) -> None:
    add_organisation("demo-idle")
    page = leads[1].get(propose(leads[0])).text
    attack = attack_of(page)
    assert attack.count("<tr><th") == 3
    assert "demo" not in attack


def test_the_desk_speaks_arabic(leads: tuple[FlaskClient, FlaskClient]) -> None:
    first, second = leads
    there = propose(first)
    page = second.get("/staff/profile").text
    assert post(second, "/staff/profile", {"locale": "ar"}, page).status_code < 400
    assert 'dir="rtl"' in second.get(there).text
