"""A reporter in Chromium: with script and without, in English and Arabic, there and back."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, FilePayload, Page, Route, expect

from reporting import receipt
from reporting.sealing import b64
from tests.browser.reporter_pages import CLEAN, Served, context_of, served, traces
from tests.chromium import chromium
from tests.factories_reporting import Opener, make_organisation, rotate, stored, stored_files
from tests.reporting.test_mailbox import leave

pytestmark = pytest.mark.browser

WORDS = "Zwei Männer riefen غادروا “go home” 👩🏽‍🚀\nQuillwort"
AREA = "Northgate-Xylem"
FILE = bytes(range(256)) * 1000


def photo(name: str) -> list[FilePayload]:
    """A file as a person chooses it."""
    return [{"name": name, "mimeType": f"image/{name[-3:].replace('jpg', 'jpeg')}", "buffer": FILE}]


DIGITS = re.compile(r"\d{4}( \d{4}){5}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def site(app: Flask) -> Iterator[Served]:
    with served(app) as found:
        yield found


@pytest.fixture
def north(app: Flask) -> Opener:
    return make_organisation()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = context_of(browser)
    yield context.new_page()
    context.close()


def open_form(page: Page, site: Served, locale: str = "en") -> None:
    page.goto(f"{site.base}/{locale}/report/north")
    page.wait_for_selector("html.ready", state="attached")


def on(page: Page) -> None:
    page.click("#report .buttons button[type=submit]")


def write(page: Page, words: str = WORDS) -> None:
    """Answer the first question and go on."""
    page.fill("#f-what_happened", words)
    on(page)


def fill_in(page: Page, *, with_file: bool = True) -> None:
    """Answer every question, one step after the other, to the check page."""
    write(page)
    page.check("[value=other]")
    page.fill("[name='when.year']", "٢٠٢٥")
    page.select_option("[name='when.month']", "3")
    on(page)
    page.select_option("[name=country]", "DE")
    page.fill("[name=area]", AREA)
    page.select_option("[name=setting]", "loc.transport")
    on(page)
    page.check("[value='rb.ethnic']")
    page.check("[value='rb.language']")
    on(page)
    page.check("[value='rg.words']")
    on(page)
    page.check("[value='rr.witness']")
    on(page)
    if with_file:
        page.set_input_files("#f-files", photo("Plumbago.jpg"))
    on(page)
    page.check("[name='consent.statistics'][value=yes]")
    page.check("[name='consent.reply'][value=no]")
    on(page)


def receipt_on(page: Page) -> str:
    """Send, and read the number."""
    on(page)
    page.wait_for_selector("#finish:not([hidden])")
    number = page.text_content("#number") or ""
    assert DIGITS.fullmatch(number)
    return number


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
    sizes: dict[str, int] = {}
    page.on("requestfinished", lambda r: sizes.update({r.url: r.sizes()["responseBodySize"]}))
    open_form(page, site, locale)
    page.wait_for_load_state("networkidle")
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
    page.click("button[value=check]")
    assert "Quillwort" in page.inner_text("dl")
    page.click("button[value=change]")
    assert page.input_value("[name=what_happened]") == WORDS
    page.click("button[value=check]")
    page.set_input_files("[name=file]", photo("Plumbago.jpg"))
    page.click("button[value=send]")
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
    # Sent again by going back and reloading: the same number, one report.
    page.goto(f"{site.base}/{locale}/return")
    page.fill("[name=receipt]", number)
    page.click("button[value=open]")
    assert page.locator("h1").count() == 1
    assert context.cookies() == []
    context.close()


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
    page.wait_for_timeout(50)
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


def test_empty_answer_is_named_and_focused(page: Page, site: Served, north: Opener) -> None:
    open_form(page, site)
    page.fill("#f-what_happened", "   ")
    on(page)
    expect(page.locator(".problem")).to_be_focused()
    assert page.title().startswith("Error:")
    assert page.get_attribute("#f-what_happened", "aria-invalid") == "true"
    page.click(".problem a")
    expect(page.locator("#f-what_happened")).to_be_focused()
    write(page)
    expect(page.locator("h1:visible")).to_have_text(re.compile("When did it happen"))
    expect(page.locator("h1:visible")).to_be_focused()
    assert page.locator(".problem").count() == 0


def test_back_goes_one_step_and_keeps_the_text(page: Page, site: Served, north: Opener) -> None:
    open_form(page, site)
    write(page)
    on(page)
    expect(page.locator("h1:visible")).to_have_text(re.compile("Where did it happen"))
    page.go_back()
    expect(page.locator("h1:visible")).to_have_text(re.compile("When did it happen"))
    page.go_back()
    expect(page.locator("h1:visible")).to_have_text("What happened?")
    assert page.input_value("#f-what_happened") == WORDS


def test_leaving_replaces_the_page(page: Page, site: Served, north: Opener) -> None:
    """Back afterwards shows what was open before us, never the form."""
    page.goto(f"{site.base}/static/none")
    before = page.url
    page.goto(f"{site.base}/en/report/north")
    page.wait_for_selector("html.ready", state="attached")
    write(page)
    on(page)
    with page.context.expect_page():
        page.click("#leave")
    page.wait_for_url("about:blank")
    page.go_back()
    assert page.url == before
    assert "Quillwort" not in page.content()


def test_shift_three_times_leaves(page: Page, site: Served, north: Opener) -> None:
    open_form(page, site)
    page.fill("#f-what_happened", WORDS)
    page.keyboard.press("Shift+A")
    page.keyboard.press("Shift")
    page.keyboard.press("Shift")
    assert "north" in page.url
    page.keyboard.press("Shift")
    page.wait_for_url("about:blank")


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
    page.wait_for_load_state("networkidle")
    assert page.evaluate("typeof upstanderSeal") == "undefined"
    expect(page.locator("li.plain")).to_be_visible()


def test_files_are_limited_and_can_be_taken_back(page: Page, site: Served, north: Opener) -> None:
    open_form(page, site)
    write(page)
    for _step in range(5):
        on(page)
    some: list[FilePayload] = [
        {"name": f"{n}.txt", "mimeType": "text/plain", "buffer": b"x"} for n in range(6)
    ]
    page.set_input_files("#f-files", some)
    expect(page.locator("#e-files")).to_contain_text("Five files is the most. Not added:")
    expect(page.locator("#e-files")).to_contain_text("5.txt")
    assert page.locator("#chosen li").count() == 5
    held = "document.querySelector('#f-files').files.length"
    assert page.evaluate(held) == 5
    page.locator("#chosen button").first.click()
    assert page.locator("#chosen li").count() == page.evaluate(held) == 4
    expect(page.locator("#e-files")).to_be_hidden()


def test_printed_receipt_has_the_number_and_no_buttons(
    page: Page, site: Served, north: Opener
) -> None:
    open_form(page, site)
    write(page)
    page.click("button.link")
    receipt_on(page)
    page.emulate_media(media="print")
    assert page.locator("#number").is_visible()
    assert not page.locator("#leave").is_visible()
    assert not page.locator("#print").is_visible()
    assert not page.locator(".foot").is_visible()


def test_no_sideways_scroll_on_a_small_phone(page: Page, site: Served, north: Opener) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    for locale in ("en", "ar"):
        for path in ("", "return", "safety", "privacy", "verify", "help", "done", "none"):
            page.goto(f"{site.base}/{locale}/{path}")
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= 320, (locale, path)
        open_form(page, site, locale)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("width", [360, 1280])
def test_plain_form_opens_dates_when_they_are_chosen_and_marks_what_is_wrong(
    browser: Browser, site: Served, north: Opener, width: int
) -> None:
    context = context_of(browser, java_script_enabled=False)
    page = context.new_page()
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{site.base}/en/report/north")
    expect(page.locator("[name='when.year']")).to_be_hidden()
    page.check("[value=other]")
    page.fill("[name='when.year']", "25")
    page.click("button[value=check]")
    edge = "(field) => getComputedStyle(field).borderTopColor"
    wrong = page.locator("textarea").evaluate(edge)
    assert page.locator("[name='when.year']").evaluate(edge) == wrong
    assert page.locator("[name=area]").evaluate(edge) != wrong
    context.close()


def test_dividing_lines_stand_above_the_questions(
    browser: Browser, site: Served, north: Opener
) -> None:
    context = context_of(browser, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.base}/ar/report/north")
    gaps = page.eval_on_selector_all(
        "form > .question:not(:first-child, .scripted)",
        """(all) => all.map((one) => [
          getComputedStyle(one).borderTopStyle,
          Math.round(one.querySelector("h2").getBoundingClientRect().top
                     - one.getBoundingClientRect().top)])""",
    )
    assert len(gaps) == 6
    assert len({tuple(gap) for gap in gaps}) == 1, gaps
    assert gaps[0][0] == "solid"
    assert gaps[0][1] > 16
    context.close()


def test_date_in_words_has_the_day_first(page: Page, site: Served, north: Opener) -> None:
    open_form(page, site)
    write(page)
    page.check("[value=other]")
    for part, value in (("year", "2025"), ("day", "2")):
        page.fill(f"[name='when.{part}']", value)
    page.select_option("[name='when.month']", "3")
    page.click("button.link")
    expect(page.locator("dl")).to_contain_text("2 March 2025")


@pytest.mark.parametrize(("locale", "said"), [("en", "Characters"), ("ar", "الأحرف الباقية")])
def test_counter_needs_no_plural(
    page: Page, site: Served, north: Opener, locale: str, said: str
) -> None:
    open_form(page, site, locale)
    page.fill("#f-what_happened", "x" * 49_997)
    expect(page.locator("#counter")).to_contain_text(said)
    expect(page.locator("#counter")).to_contain_text(": 3 ")
