"""What a reporter does in the form with script, step by step, and the words to be looked for."""

import re

from playwright.sync_api import FilePayload, Page

from tests.browser.reporter_pages import Served

WORDS = "Zwei Männer riefen غادروا “go home” 👩🏽‍🚀\nQuillwort"
AREA = "Northgate-Xylem"
FILE = bytes(range(256)) * 1000
DIGITS = re.compile(r"\d{4}( \d{4}){5}")


def photo(name: str) -> list[FilePayload]:
    """A file as a person chooses it."""
    return [{"name": name, "mimeType": f"image/{name[-3:].replace('jpg', 'jpeg')}", "buffer": FILE}]


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
