"""A reporter in Chromium when the way fails: answers lost or foreign, old keys, other scripts."""

import re

import pytest
from flask import Flask
from playwright.sync_api import Page, Route, expect

from reporting.sealing import b64
from tests.browser.reporter_pages import Served
from tests.browser.steps import WORDS, on, open_form, receipt_on, write
from tests.factories_reporting import Opener, rotate, stored

pytestmark = pytest.mark.browser


def test_lost_answer_sends_the_same_bytes_again(page: Page, site: Served, north: Opener) -> None:
    open_form(page, site)
    write(page)
    page.click("button.link")
    lost: list[str] = []

    def lose(route: Route) -> None:
        if not lost:
            lost.append(route.request.url)
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route("**/sealed/*", lose)
    on(page)
    expect(page.locator(".problem")).to_contain_text("Your answers are still here")
    assert page.locator("#finish").is_hidden()
    assert len(stored()) == 1
    receipt_on(page)
    assert len(stored()) == 1
    envelopes = {re.findall(rb"\{.*?\}", s.body)[0] for s in site.seen if "sealed" in s.path}
    assert len(envelopes) == 1


@pytest.mark.parametrize(
    "answer",
    [
        "<html>Welcome to the hotel. Accept the terms.</html>",
        '{"acknowledgement": {"commitment": "AAAA", "attachments": []}}',
        "null",
    ],
)
def test_answer_that_is_not_ours_is_no_receipt(
    page: Page, site: Served, north: Opener, answer: str
) -> None:
    """A captive portal says 200 to everything; nothing was stored."""
    open_form(page, site)
    write(page)
    page.click("button.link")
    caught: list[bytes] = []

    def portal(route: Route) -> None:
        caught.append(route.request.post_data_buffer or b"")
        route.fulfill(status=200, content_type="text/html", body=answer)

    page.route("**/sealed/*", portal)
    on(page)
    expect(page.locator(".problem")).to_contain_text("Your answers are still here")
    assert page.locator("#finish").is_hidden()
    assert stored() == []
    assert page.input_value("#f-what_happened") == WORDS
    page.unroute("**/sealed/*")
    receipt_on(page)
    [report] = stored()
    assert north.open(report)["answers"]["what_happened"] == WORDS
    assert all(b64(report.report_id).encode() in body for body in caught), "the same bytes"


def test_key_that_retires_meanwhile_is_replaced(
    app: Flask, page: Page, site: Served, north: Opener
) -> None:
    open_form(page, site)
    write(page)
    page.click("button.link")
    rotated: list[bytes] = []

    def turn(route: Route) -> None:
        if not rotated:
            with app.app_context():
                rotated.append(rotate(north))
        route.continue_()

    page.route("**/sealed/*", turn)
    receipt_on(page)
    [report] = stored()
    assert report.key_id != rotated[0]
    assert north.open(report)["answers"]["what_happened"] == WORDS


def test_scripts_that_do_not_come_leave_the_plain_form(
    page: Page, site: Served, north: Opener
) -> None:
    page.clock.install()
    page.route("**/form-*.js", lambda route: route.abort())
    page.goto(f"{site.base}/en/report/north")
    page.clock.run_for(8100)
    assert "js" not in (page.get_attribute("html", "class") or "").split()
    expect(page.locator("li.plain")).to_be_visible()
    page.fill("[name=what_happened]", WORDS)
    page.click("button[value=check]")
    expect(page.locator("h1")).to_have_text("Check your answers")


def test_changed_script_is_refused(page: Page, site: Served, north: Opener) -> None:
    def change(route: Route) -> None:
        found = route.fetch()
        route.fulfill(response=found, body=found.text() + "\n")

    page.route("**/seal-*.js", change)
    page.goto(f"{site.base}/en/report/north")
    assert page.evaluate("typeof upstanderSeal") == "undefined"
    # At once: after eight seconds it would appear in any case.
    assert page.is_visible("li.plain")
