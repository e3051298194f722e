"""The report form in Chromium: fills in what is visible and goes on, with script or without."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from playwright.sync_api import Page

from tests.chromium import press
from tests.reporter import digits_in

Answers = Mapping[str, str | tuple[str, ...]]


def _fill(page: Page, answers: Answers, wanted: Iterable[str]) -> set[str]:
    """Fill in the wanted fields that can be seen now; returns those done."""
    done = set()
    for name in wanted:
        value = answers[name]
        field = page.locator(f'#report [name="{name}"]:visible')
        if not field.count():
            continue
        if field.first.get_attribute("type") in {"radio", "checkbox"}:
            for one in [value] if isinstance(value, str) else value:
                page.check(f'#report [name="{name}"][value="{one}"]')
        elif field.first.evaluate("e => e.localName") == "select":
            field.select_option(value)
        else:
            assert isinstance(value, str)
            field.fill(value)
        done.add(name)
    return done


def send_with_script(page: Page, url: str, answers: Answers, files: Sequence[Path] = ()) -> str:
    """Step by step to the receipt; returns its digits."""
    page.goto(url)
    page.wait_for_selector("html.ready", state="attached")
    left, unchosen = set(answers), list(files)
    for _ in range(30):
        # A choice may open further fields of the same step.
        while done := _fill(page, answers, sorted(left)):
            left -= done
        if unchosen and page.is_visible("#f-files"):
            page.set_input_files("#f-files", unchosen)
            unchosen = []
        send = page.get_by_role("button", name="Send report")
        if send.count() and send.is_visible():
            break
        page.click("#report .buttons button[type=submit]:visible")
    assert not left, left
    assert not unchosen, unchosen
    send.click()
    page.wait_for_selector("text=Thank you")
    return digits_in(page.inner_text("main"))


def send_without_script(page: Page, url: str, answers: Answers, files: Sequence[Path] = ()) -> str:
    """One long page, the check page, the receipt; returns its digits."""
    page.goto(url)
    assert _fill(page, answers, answers) == set(answers)
    press(page, "#report button[value=check]")
    if files:
        page.set_input_files("[name=file]", files)
    press(page, "button[value=send]")
    return digits_in(page.inner_text("main"))
