"""A reporter in Chromium: with script and without, in English and Arabic, there and back."""

import re
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Request, Route, expect

from reporting import receipt
from tests.browser.reporter_pages import CLEAN, Served, context_of, traces
from tests.browser.steps import (
    AREA,
    DIGITS,
    FILE,
    WORDS,
    fill_in,
    open_form,
    photo,
    receipt_on,
    write,
)
from tests.chromium import press
from tests.factories_reporting import Opener, make_organisation, stored, stored_files
from tests.reporting.test_mailbox import leave
from tests.reporting.test_views_returning import NOTHING

pytestmark = pytest.mark.browser


ANSWERS = {
    "what_happened": WORDS,
    "when": {"value": "2025-03", "precision": "month"},
    "country": "DE",
    "area": AREA,
    "setting": "loc.transport",
    "grounds": ["rb.ethnic", "rb.language"],
    "acts": ["rg.words"],
    "role": "rr.witness",
}
UNREAD = {"en": NOTHING, "ar": "لا شيء للقراءة بعد. إذا كان الرقم صحيحًا فبلاغكم في الانتظار."}


@pytest.mark.parametrize("locale", ["en", "ar"])
def test_report_with_script_leaves_sealed_only(
    page: Page, site: Served, north: Opener, locale: str
) -> None:
    open_form(page, site, locale)
    assert page.get_attribute("html", "dir") == ("rtl" if locale == "ar" else "ltr")
    expect(page.locator("li.scripted")).to_have_count(1)
    page.click("#readers summary")
    expect(page.locator("li.scripted")).to_be_visible()
    expect(page.locator("li.plain")).to_be_hidden()
    fill_in(page)
    expect(page.locator("dl.check")).to_contain_text("Plumbago.jpg")
    expect(page.locator("dl.check")).to_contain_text("2025")
    number = receipt_on(page)
    [report] = stored()
    body = north.open(report)
    assert body["answers"] == ANSWERS
    assert body["consent"] == {"statistics": True, "reply": False}
    assert body["language"] == locale
    assert (body["schema"], body["form"]) == (1, {"id": "first", "version": 1})
    assert north.file(report, 0, len(FILE)) == FILE
    secret = ["Quillwort", AREA, "Plumbago", "غادروا", "loc.transport"]
    assert site.betrayed([*secret, number, number.replace(" ", "")]) == []
    for request in site.seen:
        assert request.method == "GET" or request.path != f"/{locale}/report/north"
        assert not request.cookie
    assert traces(page) == CLEAN
    assert WORDS not in page.content()
    assert page.locator("form#report").count() == 0


@pytest.mark.parametrize("locale", ["en", "ar"])
def test_weight_and_requests(page: Page, site: Served, north: Opener, locale: str) -> None:
    finished: list[Request] = []

    def note(request: Request) -> None:
        finished.append(request)

    page.on("requestfinished", note)
    open_form(page, site, locale)
    page.wait_for_load_state("networkidle")
    # Asked for here: asked for as each ends, some would not be known yet, and weigh nothing.
    sizes = {one.url: one.sizes()["responseBodySize"] for one in finished}
    named = page.eval_on_selector_all(
        "script[src], link[rel=stylesheet]", "(all) => all.map((one) => one.src || one.href)"
    )
    assert len(named) == 5
    assert {page.url, *named} <= set(sizes)
    assert len(sizes) <= 8
    assert all(url.startswith(site.base) for url in sizes)
    assert sum(sizes.values()) <= 40 * 1024, sizes
    plain = [size for url, size in sizes.items() if not url.endswith(".js")]
    assert sum(plain) <= 12 * 1024, sizes


@pytest.mark.parametrize("locale", ["en", "ar"])
def test_report_without_script(browser: Browser, site: Served, north: Opener, locale: str) -> None:
    context = context_of(browser, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.base}/{locale}/report/north")
    assert page.locator("li.plain").is_visible()
    assert not page.locator("li.scripted").is_visible()
    page.fill("[name=what_happened]", WORDS)
    page.check("[value=other]")
    page.fill("[name='when.year']", "2025")
    page.select_option("[name='when.month']", "3")
    page.select_option("[name=country]", "DE")
    page.fill("[name=area]", AREA)
    page.select_option("[name=setting]", "loc.transport")
    for value in ("rb.ethnic", "rb.language", "rg.words", "rr.witness"):
        page.check(f"[value='{value}']")
    press(page, "button[value=check]")
    expect(page.locator("dl")).to_contain_text("Quillwort")
    press(page, "button[value=change]")
    expect(page.locator("[name=what_happened]")).to_have_value(WORDS)
    press(page, "button[value=check]")
    page.set_input_files("[name=file]", photo("Plumbago.jpg"))
    press(page, "button[value=send]")
    # The twin of what a script never sends: here the server is told, and it would be seen.
    told = {found.word for found in site.betrayed(["Quillwort", AREA, "غادروا", "loc.transport"])}
    assert told == {"Quillwort", AREA, "غادروا", "loc.transport"}
    number = page.inner_text("#number")
    assert DIGITS.fullmatch(number)
    [report] = stored()
    body = north.open(report)
    assert body["answers"] == ANSWERS
    assert body["consent"] == {}
    assert body["attachments"] == [
        {"name": "Plumbago.jpg", "media_type": "image/jpeg", "size": len(FILE)}
    ]
    assert north.file(report, 0, len(FILE)) == FILE
    # Sent again by loading its page again: the same number, one report.
    sent = len(site.seen)
    page.reload()
    assert [(one.method, b"Plumbago" in one.body) for one in site.seen[sent:]] == [("POST", True)]
    expect(page.locator("#number")).to_have_text(number)
    assert len(stored()) == 1
    page.goto(f"{site.base}/{locale}/return")
    page.fill("[name=receipt]", number)
    press(page, "button[value=open]")
    expect(page.get_by_text(UNREAD[locale], exact=True)).to_be_visible()
    assert context.cookies() == []
    context.close()


def come_back(page: Page, site: Served, number: str) -> None:
    """With a digit too few, which is named and marked, and then with all."""
    page.goto(f"{site.base}/en/return")
    page.wait_for_selector("html.ready", state="attached")
    page.fill("#receipt", number[:-1])
    page.click("#return button")
    page.click("#problem a")
    expect(page.locator("#receipt")).to_be_focused()
    expect(page.locator("#receipt")).to_have_attribute("aria-invalid", "true")
    page.fill("#receipt", number)
    page.click("#return button")
    expect(page.locator("#inbox")).to_be_visible()
    expect(page.locator("#receipt")).not_to_have_attribute("aria-invalid", "true")


def test_return_with_script(
    app: Flask, page: Page, site: Served, north: Opener, tmp_path: Path
) -> None:
    make_organisation("south", "South")
    open_form(page, site)
    write(page)
    page.click("button.link")
    number = receipt_on(page)
    expect(page.locator("#finish")).to_contain_text("Your report went to: North")
    [report] = stored()
    digits, report_id = number.replace(" ", ""), report.report_id
    asked = {"text": "Which bus?\n<b>x</b>", "status": "question", "organisation": "north"}
    leave(app, digits, report_id, {**asked, "number": 2})
    leave(app, digits, report_id, {"status": "being_read", "number": 1})
    page.click("#go-on")
    page.wait_for_url("**/done")
    come_back(page, site, number)
    expect(page.locator(".message .tag")).to_have_text("Question for you")
    assert re.match(r"\d{1,2} [A-Z][a-z]+ \d{4}\n", page.locator(".message").first.inner_text())
    expect(page.locator("#state .tag")).to_have_text("Question for you")
    assert page.locator(".message").all_inner_texts()[-1].endswith("Which bus?\n<b>x</b>")
    assert page.locator("h1:visible").count() == 1
    # Who answered has the report; whoever says nothing else adds to that.
    expect(page.locator("#add-organisation")).to_have_value("north")
    expect(page.locator("#consent-organisation")).to_have_value("north")
    page.fill("#more", "It was line 7, Quillwort")
    page.set_input_files("#more-files", photo("Plumbago.png"))
    page.click("#add button")
    expect(page.locator("#notice")).to_have_text("We have what you added.")
    [addition] = [r for r in stored() if r.kind == "addition"]
    body = north.open(addition)
    assert body["answers"] == {"what_happened": "It was line 7, Quillwort"}
    assert body["request"] == "more"
    assert addition.mailbox == report.mailbox
    assert north.file(addition, 0, len(FILE)) == FILE
    page.click("#erase button")
    expect(page.locator("#sure")).to_contain_text("Numbers already published stay")
    page.click("#gone")
    expect(page.locator("#erased")).to_be_visible()
    assert stored() == []
    assert stored_files() == []
    assert site.betrayed(["Quillwort", "Plumbago", number, number.replace(" ", "")]) == []
    assert traces(page) == CLEAN


def test_what_is_typed_while_sending_is_kept(page: Page, site: Served, north: Opener) -> None:
    page.goto(f"{site.base}/en/return")
    page.wait_for_selector("html.ready", state="attached")
    page.fill("#receipt", receipt.make_digits())
    page.click("#return button")
    page.fill("#more", "It was line 7")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/sealed/*", hold, times=1)
    with page.expect_request("**/sealed/*"):
        page.click("#add button")
    page.fill("#more", "It was line 7, and the driver saw it")
    held[0].continue_()
    expect(page.locator("#notice")).to_have_text("We have what you added.")
    expect(page.locator("#more")).to_have_value("It was line 7, and the driver saw it")
    page.click("#add button")
    expect(page.locator("#more")).to_have_value("")
    words = [north.open(one)["answers"]["what_happened"] for one in stored()]
    assert sorted(words) == ["It was line 7", "It was line 7, and the driver saw it"]
