"""The form in Chromium: errors, going back, leaving, files, paper, small screens, dates."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.browser.reporter_pages import Served, context_of
from tests.browser.steps import WORDS, on, open_form, receipt_on, write
from tests.chromium import press
from tests.factories_reporting import Opener

pytestmark = pytest.mark.browser


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


@pytest.mark.parametrize("slow", [False, True])
def test_leaving_replaces_the_page(page: Page, site: Served, north: Opener, slow: bool) -> None:
    """Back afterwards shows what was open before us, never the form: on a slow device neither."""
    if slow:
        page.add_init_script(
            "const back = history.back.bind(history);"
            "history.back = () => { setTimeout(back, 1000); };"
        )
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
    expect(page).to_have_url(before)
    assert "Quillwort" not in page.content()


def test_shift_three_times_leaves(page: Page, site: Served, north: Opener) -> None:
    # They count within five seconds, which a busy machine may let pass.
    page.clock.set_fixed_time(datetime(2026, 11, 22, 12, tzinfo=UTC))
    open_form(page, site)
    page.fill("#f-what_happened", WORDS)
    page.keyboard.press("Shift+A")
    page.keyboard.press("Shift")
    page.keyboard.press("Shift")
    # Leaving empties the form at once; the other page comes later.
    assert page.input_value("#f-what_happened") == WORDS + "A"
    page.keyboard.press("Shift")
    page.wait_for_url("about:blank")


def test_leaving_once_is_enough(page: Page, site: Served, north: Opener) -> None:
    """A press too many, while a slow device steps back, would step back past the neutral page."""
    page.add_init_script(
        "window.backs = 0; history.back = () => { backs += 1; };"
        "const later = setTimeout; setTimeout = (what, ms) => ms < 3000 ? later(what, ms) : 0;"
    )
    start = datetime(2026, 11, 22, 12, tzinfo=UTC)
    page.clock.set_fixed_time(start)
    open_form(page, site)
    write(page)
    on(page)
    for seconds in (0, 2.4, 4.9, 5.1):
        page.clock.set_fixed_time(start + timedelta(seconds=seconds))
        page.keyboard.press("Shift")
    expect(page.locator("body")).to_be_hidden()
    assert page.evaluate("backs") == 1


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
    press(page, "button[value=check]")
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
