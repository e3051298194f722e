"""Casework in Chromium: keys of the queue, the whole way to a closed incident, no policy broken."""

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from tests.browser.reporter_pages import VIOLATIONS, Served
from tests.casework import people, sent
from tests.casework.people import Organisation
from tests.chromium import press

pytestmark = pytest.mark.browser

ARABIC = {"what_happened": "صاح رجل في وجهنا.\nلم يساعدنا أحد.", "country": "FR"}


@pytest.fixture
def organisation(app: Flask) -> Organisation:
    return people.add_organisation()


def signed_in(browser: Browser, site: Served, who: Organisation, width: int) -> Page:
    context = browser.new_context(viewport={"width": width, "height": 800})
    context.add_init_script(VIOLATIONS)
    page = context.new_page()
    page.goto(f"{site.base}/staff/sign-in")
    page.fill("[name=name]", who.supervisor.name)
    page.fill("[name=passphrase]", who.supervisor.passphrase)
    page.fill("[name=code]", people.code_of(who.supervisor))
    press(page, "main button")
    expect(page).to_have_url(f"{site.base}/staff/queue")
    return page


def sound(page: Page) -> None:
    """Nothing refused by the content policy, nothing to scroll sideways."""
    assert page.evaluate("window.violations") == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("width", [360, 1280])
def test_from_the_queue_to_a_closed_incident(
    browser: Browser, site: Served, organisation: Organisation, width: int
) -> None:
    one = sent.send(answers=ARABIC, language="ar", consent={"statistics": True})
    page = signed_in(browser, site, organisation, width)
    sound(page)
    page.keyboard.press("j")
    page.keyboard.press("c")
    page.wait_for_url(f"**/staff/reports/{one.id}")
    said = page.locator(".said-box")
    expect(said).to_have_text(ARABIC["what_happened"], use_inner_text=True)
    assert said.evaluate("e => getComputedStyle(e).direction") == "rtl"
    sound(page)
    page.click("form[action$='/incident'] button")
    page.wait_for_url("**/staff/incidents/*")
    expect(page.locator("#c-country")).to_have_value("FR")
    sound(page)
    page.select_option("#c-certainty", "V2")
    page.get_by_text("Insults, gestures and symbols").click()
    page.check("[value='act.verbal']")
    press(page, "form[action$='/coding'] button")
    press(page, "a:text('Close…')")
    page.wait_for_url("**/staff/incidents/*/close")
    sound(page)
    press(page, "button:text('Close incident')")
    page.wait_for_url("**/staff/incidents?closed=*")
    page.goto(f"{site.base}/staff/waiting")
    page.get_by_text("Hand over before ten wait").click()
    press(page, "button:text('Hand over now')")
    expect(page.get_by_role("status")).to_contain_text("1 incident was handed over.")
    sound(page)


def test_keys_are_quiet_inside_fields(
    browser: Browser, site: Served, organisation: Organisation
) -> None:
    sent.send()
    page = signed_in(browser, site, organisation, 1280)
    page.focus("#kind")
    page.keyboard.press("j")
    page.keyboard.press("c")
    assert page.locator("tr.at").count() == 0
    # The twin: outside they work. With a line chosen, "c" in a field claims nothing.
    page.locator("#kind").blur()
    page.keyboard.press("j")
    expect(page.locator("tr.at")).to_have_count(1)
    page.evaluate(
        "() => { document.querySelector('.claim').onclick = () => { document.title = ''; }; }"
    )
    page.focus("#kind")
    page.keyboard.press("c")
    assert page.title()
    assert page.url.endswith("/staff/queue")


def test_the_link_of_an_invitation_is_copied_by_a_press(
    browser: Browser, site: Served, organisation: Organisation
) -> None:
    page = signed_in(browser, site, organisation, 360)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{site.base}/staff/people")
    page.fill("#name", "Noor")
    press(page, "button:text('Make an invitation')")
    page.get_by_role("button", name="Copy the link").click()
    expect(page.locator("#copied")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#link").inner_text()
    sound(page)


def test_on_a_phone_no_column_of_a_list_is_out_of_sight(
    browser: Browser, site: Served, organisation: Organisation
) -> None:
    sent.send()
    page = signed_in(browser, site, organisation, 320)
    for path in ("queue", "people", "incidents"):
        page.goto(f"{site.base}/staff/{path}")
        assert page.evaluate(
            "[...document.querySelectorAll('.scroll')].every((e) => e.scrollWidth <= e.clientWidth)"
        )
        sound(page)
    # A cell with nothing but a button bears no label.
    page.goto(f"{site.base}/staff/queue")
    expect(page.locator("td button")).to_have_count(1)
    assert page.locator("td[data-name] button").count() == 0
