"""The language of a page: from its address, else what the browser likes best."""

from datetime import date

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient

from reporting import i18n
from reporting.i18n import negotiate


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "en"),
        ("ar", "ar"),
        ("ar-EG,en;q=0.5", "ar"),
        ("en;q=0.5, ar;q=0.9", "ar"),
        ("en;q=0, ar;q=0.1", "ar"),
        ("fr-FR, ar;q=0.3", "ar"),
        ("zh-CN,zh;q=0.9", "en"),
        ("ary", "ar"),
        ("ckb, en;q=0.1", "ar"),
        ("*", "en"),
        ("ar;q=nonsense", "en"),
        (", ;q=1,,;", "en"),
        ("x" * 100_000 + ", ar", "en"),
    ],
)
def test_negotiation(header: str, expected: str) -> None:
    assert negotiate(header) == expected


def test_start_leads_to_the_best_language(client: FlaskClient) -> None:
    page = client.get("/", headers={"Accept-Language": "ar-SY"})
    assert (page.status_code, page.headers["Location"]) == (302, "/ar/")
    assert page.headers["Vary"] == "Accept-Language"
    assert page.headers["Cache-Control"] == "no-store"


def test_address_wins_over_the_header(client: FlaskClient) -> None:
    page = client.get("/en/", headers={"Accept-Language": "ar"})
    assert '<html lang="en" dir="ltr">' in page.text
    assert '<html lang="ar" dir="rtl">' in client.get("/ar/").text
    assert client.get("/xx/").status_code == 404


def test_switch_keeps_the_page_and_names_languages_in_themselves(client: FlaskClient) -> None:
    page = client.get("/ar/safety").text
    assert '<a href="/en/safety" lang="en" hreflang="en" dir="ltr">English</a>' in page
    assert ">العربية</a>" in page
    assert '<bdi lang="en">Language</bdi>' in page


def test_countries_stand_in_the_order_of_their_language(app: Flask) -> None:
    assert sorted(["Zambia", "Åland", "Austria"], key=i18n.sort_key) == [
        "Åland",
        "Austria",
        "Zambia",
    ]
    assert min(["إيران", "اليمن", "أفغانستان"], key=i18n.sort_key) == "أفغانستان"
    assert i18n.country_name("DE", "ar") == "ألمانيا"
    assert len(i18n.month_names("ar")) == 12


@pytest.mark.parametrize(
    ("path", "day", "month"),
    [("/en/", "2 November 2026", "March 2025"), ("/ar/", "2 نوفمبر 2026", "مارس 2025")],
)
def test_dates_have_one_form_with_the_day_first(
    app: Flask, path: str, day: str, month: str
) -> None:
    with app.test_request_context(path):
        assert i18n.long_date(date(2026, 11, 2)) == i18n.long_date("2026-11-02") == day
        assert i18n.long_date("2025-03") == month
        assert i18n.long_date("1999") == "1999"
        assert render_template_string("{{ '2026-11-02' | long_date }}") == day


def test_what_is_put_into_a_text_is_escaped(app: Flask) -> None:
    """A name may look like a tag; a per cent sign of ours is written twice."""
    with app.test_request_context("/en/"):
        said = render_template_string("{{ _('Held by %(name)s', name='<b>100%</b>') }}")
        assert said == "Held by &lt;b&gt;100%&lt;/b&gt;"
        assert render_template_string("{{ _('<i>half</i> 50%%') }}") == "<i>half</i> 50%"
