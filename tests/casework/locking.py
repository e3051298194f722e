"""Staff in Chromium: they sign in, lock their page and open it again."""

from playwright.sync_api import Page, expect

from casework.credentials import NewMember
from tests.casework.people import code_of, token_in
from tests.chromium import press


def sign_in(page: Page, new: NewMember, path: str) -> None:
    """Sign in and be at this page."""
    page.goto(f"/staff/sign-in?next={path}")
    page.fill("#name", new.name)
    page.fill("#passphrase", new.passphrase)
    page.fill("#code", code_of(new))
    press(page, "main form button")
    # No pattern: the address of the sign-in page ends with the path too.
    expect(page).to_have_url(path)


def lock(page: Page) -> None:
    """Lock, until the server has ended the session: a sign-in before that would end with it."""
    with page.expect_response("**/staff/lock") as locked:
        page.click("text=Lock screen")
    assert locked.value.status == 303
    expect(page.locator("#lock")).to_be_visible()


def unlock(page: Page, new: NewMember, steps: int = 1) -> None:
    """Send the words and a code that has not been used yet."""
    page.fill("#unlock-passphrase", new.passphrase)
    page.fill("#unlock-code", code_of(new, steps=steps))
    page.click("#unlock button")


def refused(page: Page) -> None:
    """Wrong words open nothing; said only once the page has done all that it was asked before."""
    page.fill("#unlock-passphrase", "wrong words")
    page.fill("#unlock-code", "000000")
    page.click("#unlock button")
    expect(page.locator("#lock-problem")).to_contain_text("That did not work")
    assert page.locator("h1").count() == 0


def slip_in(page: Page, new: NewMember) -> None:
    """Somebody signs in in the same browser, and no page of it hears so."""
    beside = page.context.request
    form = beside.get("/staff/sign-in").text()
    fields = {"name": new.name, "passphrase": new.passphrase, "code": code_of(new)}
    beside.post("/staff/sign-in", form={"csrf_token": token_in(form), **fields})
