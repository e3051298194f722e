"""Every page of an organisation's staff in every state, as they come through them at work."""

from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.public_pages import WORDS, Look
from tests.browser.reporter_pages import context_of
from tests.chromium import press
from tests.live import SignIn

CASEWORK = (
    "sign-in sign-in-wrong profile profile-wrong queue queue-none queue-mine-empty"
    " queue-aside-empty queue-fresh-empty report report-mine report-held held held-free"
    " queue-mine queue-undo queue-aside report-aside incident incident-wrong incident-coded"
    " conflict incident-noted note-conflict incident-answered report-linked close incidents"
    " incidents-coded incident-closed refused unknown queue-fresh report-added report-erased"
    " idle-warning locked signed-out sign-in-left"
).split()
SUPERVISION = (
    "waiting waiting-done people people-wrong people-invited invitation invitation-secrets"
    " invitation-wrong invitation-done people-waiting person-remove"
).split()
STATES = tuple(CASEWORK + SUPERVISION)
NOTE = {"en": "Call the bus company about the camera.", "ar": "نتصل بشركة الحافلات بشأن الكاميرا."}
ANSWER = {
    "en": "Thank you for writing.\nWas there a camera in the bus?",
    "ar": "شكرًا على رسالتك.\nهل كانت في الحافلة كاميرا؟",
}
Watch = Callable[[BrowserContext, str], None]


@dataclass
class Room:
    """Where staff of one language work: browser, address, and who looks over their shoulder."""

    browser: Browser
    base: str
    locale: str
    look: Look
    watch: Watch
    contexts: list[BrowserContext] = field(default_factory=list)

    def door(self) -> Page:
        """A tab of somebody who is not signed in."""
        context = context_of(self.browser, locale=self.locale, reduced_motion="reduce")
        self.watch(context, self.base)
        self.contexts.append(context)
        return context.new_page()

    def sign_in(self, person: SignIn, page: Page | None = None) -> "Member":
        """Sign in and choose the language. The sign-in page may be open already."""
        page = page or self.door()
        page.goto(f"{self.base}/staff/sign-in")
        page.fill("#name", person.name)
        page.fill("#passphrase", person.passphrase)
        page.fill("#code", person.code())
        press(page, "main form button")
        member = Member(self, page)
        member.speak(self.locale)
        return member

    def leave(self) -> None:
        """Close every tab."""
        for context in self.contexts:
            context.close()


@dataclass
class Member:
    """One signed-in member at one tab."""

    room: Room
    page: Page

    def open(self, path: str) -> Page:
        """A page by its address below /staff, or by a whole one."""
        self.page.goto(path if "://" in path else f"{self.room.base}/staff/{path}")
        return self.page

    def see(self, state: str, path: str = "") -> Page:
        """Open a page, if one is named, and look at it."""
        if path:
            self.open(path)
        self.room.look(self.page, state)
        return self.page

    def speak(self, locale: str) -> None:
        """Choose the language of the staff pages."""
        self.open("profile").select_option("#locale", locale)
        self.press("/profile")

    def press(self, action: str) -> Page:
        """Press the button of the form that goes to this address."""
        press(self.page, f"form[action$='{action}'] button >> nth=-1")
        return self.page

    def reports(self) -> list[str]:
        """Addresses of the reports of this walk that wait in the queue."""
        words = WORDS[self.room.locale].split("\n")[0][:20]
        links = self.open("queue?sort=newest").locator(f"a.open:has-text('{words}')")
        return [f"{self.room.base}{link.get_attribute('href')}" for link in links.all()]

    def tick(self, name: str, value: str) -> None:
        """A box of the coding form, which may be folded away."""
        box = self.page.locator(f"[name={name}][value='{value}']")
        if not box.is_visible():
            self.page.locator("details", has=box).locator("summary").click()
        box.check()


def knock(room: Room) -> Page:
    """The sign-in page, and what it says to somebody it does not know."""
    page = room.door()
    page.goto(f"{room.base}/staff/sign-in")
    room.look(page, "sign-in")
    page.fill("#name", "Nobody")
    page.fill("#passphrase", "not these six words at all")
    page.fill("#code", "000000")
    press(page, "main form button")
    room.look(page, "sign-in-wrong")
    return page


def triage(first: Member, second: Member) -> tuple[str, str]:
    """Queue and reports; two of this walk's become one incident. Its address, and a report's."""
    # An address to a browser, and none that a notice reaches.
    first.see("profile").fill("#email", "sana@help")
    first.press("/profile/address")
    first.see("profile-wrong")
    first.see("queue", "queue")
    first.see("queue-none", "queue?country=XK&kind=addition")
    first.see("queue-mine-empty", "queue?view=mine")
    first.see("queue-aside-empty", "queue?view=aside")
    first.see("queue-fresh-empty", "queue?view=fresh")
    one, two = first.reports()[:2]
    first.see("report", one)
    second.open(one)
    first.press("/claim")
    first.see("report-mine")
    second.press("/claim")
    second.see("held")
    first.press("/release")
    second.press("/claim")
    second.see("held-free")
    first.open(one)
    first.press("/claim")
    second.see("report-held", one)
    first.see("queue-mine", "queue?view=mine")
    first.open("queue")
    # In the queue, those of one day stand in no order of arrival: any other than these two.
    links = [link.get_attribute("href") or "" for link in first.page.locator("a.open").all()]
    aside = next(link for link in links if not (one + two).count(link))
    first.open(room_address(first, aside)).locator("[name=reason]").first.check()
    first.press("/set-aside")
    first.see("queue-undo")
    first.see("queue-aside", "queue?view=aside")
    first.see("report-aside", room_address(first, aside))
    first.open(one)
    incident = first.press("/incident").url
    first.see("incident")
    name = incident.rsplit("/", 1)[1]
    first.open(two).fill("#other", name)
    first.press("/link")
    first.see("report-linked", two)
    return incident, one


def room_address(member: Member, path: str) -> str:
    """A path as a whole address."""
    return f"{member.room.base}{path}"


def work_on(first: Member, second: Member, incident: str) -> None:
    """Coding, notes and answers, two people at once, to the closed incident."""
    locale = first.room.locale
    first.open(incident).fill("#c-year", "25")
    first.press("/coding")
    first.see("incident-wrong")
    for member in (first, second):
        member.open(incident)
        member.tick("acts", "act.verbal")
        member.tick("grounds", "b.language")
        member.page.fill("#c-year", "2025")
        member.page.select_option("#c-certainty", "V2")
    second.page.fill("#c-year", "2024")
    first.press("/coding")
    first.see("incident-coded")
    second.press("/coding")
    second.see("conflict")
    first.open(incident).fill("#note-new", NOTE[locale])
    first.press("/notes")
    first.see("incident-noted")
    for member in (first, second):
        member.open(incident).locator("#notes details summary").click()
    for member, more in ((first, " ✓"), (second, "\n2026")):
        member.page.fill("#note-1", NOTE[locale] + more)
        press(member.page, "#notes details button")
    second.see("note-conflict")
    for number in (1, 2):
        first.open(incident).fill(f"#answer-{number}", ANSWER[locale])
        first.page.locator("form[action$='/answers'] [name=question]").nth(number - 1).check()
        press(first.page, f"form[action$='/answers'] button >> nth={number - 1}")
    first.see("incident-answered")
    first.see("close", f"{incident.split('?', maxsplit=1)[0]}/close")
    first.press("/close")
    first.see("incidents")
    first.see("incident-closed", incident)
    first.see("incidents-coded", "incidents?state=coded")
    first.see("refused", "people")
    first.see("unknown", f"incidents/{'A' * 22}")


def see_addition(member: Member) -> None:
    """What a reporter added, in the queue and in place."""
    member.see("queue-fresh", "queue?view=fresh")
    link = member.page.locator("a.open").first.get_attribute("href") or ""
    member.see("report-added", room_address(member, link))


def supervise(member: Member) -> None:
    """What waits to be counted, and the people."""
    room = member.room
    member.see("waiting", "waiting")
    early = member.page.locator("main details summary")
    if early.count():
        early.click()
    member.press("/waiting")
    member.see("waiting-done")
    member.see("people", "people")
    taken = member.page.locator("tbody th bdi").first.inner_text()
    member.page.fill("#name", taken)
    member.press("/invite")
    member.see("people-wrong")
    member.page.fill("#name", {"en": "Noor Haddad", "ar": "نور حداد"}[room.locale])
    member.press("/invite")
    member.see("people-invited")
    link = member.page.locator("code.link").inner_text()
    guest = room.door()
    guest.goto(room.base + "/staff/" + link.split("/staff/", 1)[1])
    room.look(guest, "invitation")
    press(guest, "button[value=begin]")
    room.look(guest, "invitation-secrets")
    words = guest.locator(".words").inner_text()
    secret = guest.locator("main code").inner_text().replace(" ", "")
    guest.fill("#passphrase", words)
    guest.fill("#code", "000000")
    press(guest, "button[value=accept]")
    room.look(guest, "invitation-wrong")
    guest.fill("#passphrase", words)
    guest.fill("#code", SignIn("", "", "", "", secret).code())
    press(guest, "button[value=accept]")
    room.look(guest, "invitation-done")
    member.see("people-waiting", "people")
    path = member.page.locator(".cards a[href$='/remove']").get_attribute("href") or ""
    member.see("person-remove", room_address(member, path))


def go_idle(member: Member) -> None:
    """Fifteen minutes without a hand."""
    page = member.page
    page.clock.install()
    member.open("queue")
    page.clock.fast_forward("13:10")
    page.wait_for_selector("#idle-warning:visible")
    member.see("idle-warning")
    page.clock.fast_forward("02:10")
    page.wait_for_selector("#lock:visible")
    member.see("locked")


def lose_session(member: Member) -> None:
    """A note is sent after the session has ended: its words come back."""
    rows = member.open("incidents").locator("th a").first
    member.open(room_address(member, rows.get_attribute("href") or ""))
    member.page.fill("#note-new", NOTE[member.room.locale])
    member.page.context.clear_cookies(name="upstander")
    member.press("/notes")
    member.see("signed-out")
    member.see("sign-in-left", "sign-in?left=signed-out")
