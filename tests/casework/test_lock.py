"""The idle lock in a real browser: warns, hides, drops the keys, and keeps what was typed."""

import json
import time
from collections.abc import Iterator

import pytest
from flask import Flask
from itsdangerous import TimestampSigner
from playwright.sync_api import APIResponse, Browser, Page, Route, expect

from reporting.sealing import b64
from tests.browser.reporter_pages import served
from tests.casework.locking import lock, refused, sign_in, slip_in, unlock
from tests.casework.people import add_member, add_organisation
from tests.chromium import press

pytestmark = pytest.mark.browser
# What a browser may say: that the server refused what was meant to be refused, a sign-in or what a
# page of the member before asked for, or did not answer where a test says so.
EXPECTED = ("401", "status of 400", "status of 503", "ERR_FAILED", "Permissions-Policy")


@pytest.fixture
def page(app: Flask, browser: Browser) -> Iterator[Page]:
    """A page of Chromium whose clock the test holds; it may not complain about anything."""
    said: list[str] = []
    with served(app) as site, browser.new_context(base_url=site.base) as context:
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.clock.install()
        yield page
    assert [line for line in said if not any(word in line for word in EXPECTED)] == []


def test_thirteen_minutes_warn_and_a_hand_takes_the_warning_away(app: Flask, page: Page) -> None:
    sign_in(page, add_organisation().supervisor, "/staff/people")
    page.clock.run_for(12 * 60_000)
    expect(page.locator("#idle-warning")).to_be_hidden()
    page.clock.run_for(61_000)
    expect(page.locator("#idle-stay")).to_be_focused()
    page.click("#idle-stay")
    expect(page.locator("#idle-warning")).to_be_hidden()
    page.clock.run_for(14 * 60_000)
    expect(page.locator("#idle-warning")).to_be_visible()
    expect(page.locator("#lock")).to_be_hidden()


def test_fifteen_minutes_lock_and_signing_in_brings_the_text_back(app: Flask, page: Page) -> None:
    supervisor = add_organisation().supervisor
    sign_in(page, supervisor, "/staff/people")
    page.fill("#name", "Half a name")
    with page.expect_response("**/staff/lock") as locked:
        page.clock.run_for(15 * 60_000 + 5_000)
    assert locked.value.status == 303
    expect(page.locator("#lock-title")).to_be_focused()
    assert page.locator("h1").count() == 0, "the page is out of the document"
    assert page.title() == "Upstander"
    assert page.context.request.get("/staff/people", max_redirects=0).status == 303
    refused(page)
    unlock(page, supervisor)
    expect(page.locator("#name")).to_have_value("Half a name")
    expect(page.locator("#lock")).to_be_hidden()
    assert page.input_value("#unlock-passphrase") == ""
    page.click("text=Make an invitation")
    expect(page.locator("code.link")).to_be_visible()


@pytest.mark.parametrize("stale", ["old", "other", "none"])
def test_a_page_whose_token_is_worth_nothing_opens_with_what_was_typed(
    app: Flask, page: Page, monkeypatch: pytest.MonkeyPatch, *, stale: str
) -> None:
    """After a night, and after another member was here without a script of ours to tell."""
    organisation = add_organisation()
    sign_in(page, organisation.supervisor, "/staff/people")
    page.fill("#name", "Half a name")
    lock(page)
    if stale == "old":
        late = int(time.time()) + 13 * 3600
        monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _signer: late)
    elif stale == "other":
        slip_in(page, add_member(organisation, "caseworker", "Karim"))
        page.context.clear_cookies(name="upstander")
    else:
        page.context.clear_cookies(name="upstander-forms")
    unlock(page, organisation.supervisor)
    expect(page.locator("#name")).to_have_value("Half a name")
    page.click("text=Make an invitation")
    expect(page.locator("code.link")).to_be_visible()


def test_a_lock_beside_the_session_of_another_member_is_left(app: Flask, page: Page) -> None:
    organisation = add_organisation()
    sign_in(page, organisation.supervisor, "/staff/people")
    page.fill("#name", "Half a name")
    lock(page)
    slip_in(page, add_member(organisation, "caseworker", "Karim"))
    unlock(page, organisation.supervisor)
    page.wait_for_url("**/staff/sign-in?left=other")
    assert organisation.supervisor.name not in page.content()


def test_a_lock_that_no_fresh_token_opens_says_so(app: Flask, page: Page) -> None:
    supervisor = add_organisation().supervisor
    sign_in(page, supervisor, "/staff/people")
    lock(page)
    app.config["WTF_CSRF_TIME_LIMIT"] = -1
    unlock(page, supervisor)
    expect(page.locator("#lock-problem")).to_contain_text("too old")


def test_typing_keeps_the_session_alive(app: Flask, page: Page) -> None:
    sign_in(page, add_organisation().supervisor, "/staff/people")
    for _ in range(2):
        page.clock.run_for(10 * 60_000)
        with page.expect_response("**/staff/stay") as stayed:
            page.locator("#name").press_sequentially("x")
        assert stayed.value.status == 204
    expect(page.locator("#lock")).to_be_hidden()


def test_lock_button_locks_every_tab_and_one_unlock_opens_them(app: Flask, page: Page) -> None:
    supervisor = add_organisation().supervisor
    sign_in(page, supervisor, "/staff/people")
    other = page.context.new_page()
    other.goto("/staff/profile")
    lock(page)
    expect(other.locator("#lock")).to_be_visible()
    unlock(page, supervisor)
    expect(other.locator("#lock")).to_be_hidden()
    expect(other.locator("h1")).to_have_text("My profile")


def test_somebody_else_does_not_open_the_page_behind(app: Flask, page: Page) -> None:
    organisation = add_organisation()
    karim = add_member(organisation, "caseworker", "Karim")
    sign_in(page, organisation.supervisor, "/staff/people")
    lock(page)
    unlock(page, karim, steps=0)
    expect(page.locator("#lock-problem")).to_be_visible()
    assert page.locator("h1").count() == 0


@pytest.mark.parametrize("locked", [True, False])
def test_the_page_goes_when_somebody_else_signs_in_beside_it(
    app: Flask, page: Page, *, locked: bool
) -> None:
    """One browser has one cookie: Pau's own words must not open what Ruth had on the screen."""
    ruth, pau = add_organisation("demo", "Ruth"), add_organisation("demo-two", "Pau")
    sign_in(page, ruth.supervisor, "/staff/people")
    page.fill("#name", "Half a name")
    if locked:
        lock(page)
    beside = page.context.new_page()
    sign_in(beside, pau.supervisor, "/staff/people")
    lock(beside)
    unlock(beside, pau.supervisor)
    expect(beside.locator("h1")).to_have_text("People")
    page.wait_for_url("**/staff/sign-in?left=other")
    expect(page.locator("[role=status]")).to_contain_text("Somebody else has signed in")
    assert "Ruth" not in page.content()


def test_of_two_members_pages_the_server_says_which_goes(app: Flask, page: Page) -> None:
    """Ruth's answer was under way while Pau signed in, and arrives after his page."""
    ruth, pau = add_organisation("demo", "Ruth"), add_organisation("demo-two", "Pau")
    sign_in(page, ruth.supervisor, "/staff/people")
    late = page.context.new_page()
    held: list[tuple[Route, APIResponse]] = []
    late.route("**/staff/profile", lambda route: held.append((route, route.fetch())))
    late.evaluate("(to) => { location.href = to; }", page.url.replace("people", "profile"))
    # Answered while the session is still hers.
    for _moment in range(2000):
        if held:
            break
        late.wait_for_timeout(10)
    sign_in(page, pau.supervisor, "/staff/people")
    page.fill("#name", "Half a name")
    ((route, answer),) = held
    assert "Ruth" in answer.text()
    with page.expect_response("**/staff/stay") as asked:
        route.fulfill(response=answer)
    assert asked.value.status == 204
    late.wait_for_url("**/staff/sign-in?left=other")
    expect(page.locator("#name")).to_have_value("Half a name")
    expect(page.locator("#lock")).to_be_hidden()


@pytest.mark.parametrize("away", ["503", "network", "token"])
def test_a_page_that_meets_another_member_waits_for_the_servers_word(
    app: Flask, page: Page, *, away: str
) -> None:
    """The session is its own all the time: what was typed may not go for a server that is busy."""
    sign_in(page, add_organisation().supervisor, "/staff/people")
    page.fill("#name", "Half a name")
    beside = page.context.new_page()
    beside.goto("/staff/sign-in")

    def fail(route: Route) -> None:
        route.fulfill(status=503) if away == "503" else route.abort()

    if away == "token":
        page.context.clear_cookies(name="upstander-forms")
    else:
        page.route("**/staff/stay", fail, times=2)
    here = json.dumps({"what": "here", "member": b64(bytes(16))})
    said = f"new BroadcastChannel('upstander-staff').postMessage({here})"
    with page.expect_request("**/staff/stay"):
        beside.evaluate(said)
    if away != "token":
        expect(page.locator("#lock")).to_be_visible()
        assert page.locator("h1").count() == 0
        for _ in range(2):
            with page.expect_request("**/staff/stay"):
                page.clock.run_for(5_000)
    expect(page.locator("#name")).to_have_value("Half a name")
    expect(page.locator("#lock")).to_be_hidden()


def test_the_word_of_another_page_keeps_nothing_open_and_opens_nothing(
    app: Flask, page: Page
) -> None:
    supervisor = add_organisation().supervisor
    sign_in(page, supervisor, "/staff/people")
    beside = page.context.new_page()
    beside.goto("/staff/sign-in")

    # Hears what the page hears, after it: a word that comes too late would prove nothing.
    page.evaluate("""() => {
        window.heard = "";
        window.also = new BroadcastChannel("upstander-staff");
        also.addEventListener("message", ({ data }) => { if (data.word) heard = data.word; });
    }""")

    def say(what: str, member: bytes) -> None:
        word = f"{what} of {b64(member)}"
        said = json.dumps({"what": what, "member": b64(member), "word": word})
        beside.evaluate(f"new BroadcastChannel('upstander-staff').postMessage({said})")
        page.wait_for_function("(word) => window.heard === word", arg=word)

    page.clock.run_for(14 * 60_000)
    expect(page.locator("#idle-warning")).to_be_visible()
    say("hand", supervisor.member_id)
    expect(page.locator("#idle-warning")).to_be_hidden()
    page.clock.run_for(14 * 60_000)
    say("hand", bytes(16))
    with page.expect_response("**/staff/lock"):
        page.clock.run_for(65_000)
    expect(page.locator("#lock")).to_be_visible()
    say("unlock", bytes(16))
    with page.expect_response("**/staff/stay") as asked:
        say("unlock", supervisor.member_id)
    assert asked.value.status == 401
    refused(page)


def test_without_script_the_lock_button_still_locks(
    app: Flask, browser: Browser, page: Page
) -> None:
    supervisor = add_organisation().supervisor
    sign_in(page, supervisor, "/staff/people")
    with browser.new_context(
        java_script_enabled=False,
        base_url=page.url.split("/staff")[0],
        storage_state=page.context.storage_state(),
    ) as context:
        plain = context.new_page()
        plain.goto("/staff/people")
        press(plain, "text=Lock screen")
        expect(plain.locator("[role=status]")).to_contain_text("locked")
        expect(plain.locator("[name=next]")).to_have_value("/staff/people")
