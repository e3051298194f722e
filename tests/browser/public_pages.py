"""Every public page in every state, as a reporter comes through them."""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import BrowserContext, FilePayload, Page, expect

from tests.chromium import press
from tests.reporter import digits_in

Look = Callable[[Page, str], None]
WORDS = {
    "en": "They shouted at us on the night bus; nobody said a word.\nWe got off two stops early.",
    "ar": "صرخوا علينا في حافلة الليل ولم يقل أحد شيئًا.\nنزلنا قبل محطتنا بمحطتين.",
}
AREA = {"en": "Northgate", "ar": "الحي الشمالي"}
MORE = {"en": "It was the last bus, line 7.", "ar": "كانت آخر حافلة، الخط 7."}
SCRIPTED = (
    "landing landing-languages safety privacy verify help no-such-page closed"
    " form form-empty form-when form-when-other form-when-wrong form-where form-grounds form-acts"
    " form-role form-files form-files-many form-consent form-check form-unsent"
    " receipt receipt-proof done return return-wrong inbox-empty"
).split()
PLAIN = (
    "plain-form plain-form-wrong plain-check plain-too-old plain-refused plain-receipt"
    " plain-return plain-return-wrong plain-inbox-empty"
).split()
INBOX = "inbox inbox-added inbox-sure inbox-erased".split()
PLAIN_INBOX = (
    "plain-inbox plain-inbox-wrong plain-inbox-before plain-return-old plain-inbox-kept"
    " plain-erase plain-erased"
).split()
NUMBERS = "statistics statistics-one statistics-empty".split()
STATES = tuple(SCRIPTED + PLAIN + INBOX + PLAIN_INBOX + NUMBERS)


def photos(count: int) -> list[FilePayload]:
    """Small files as a person chooses them."""
    names = ("bus.jpg", *(f"{number}.png" for number in range(2, count + 1)))
    return [{"name": name, "mimeType": "image/png", "buffer": bytes(2000)} for name in names]


@dataclass
class Reporter:
    """One reporter's way through the pages of one language, to one organisation."""

    scripted: BrowserContext
    plain: BrowserContext
    base: str
    locale: str
    slug: str
    look: Look

    def at(self, context: BrowserContext, path: str, ready: bool = False) -> Page:
        """A fresh tab at a page of this language."""
        page = context.new_page()
        page.goto(f"{self.base}/{self.locale}/{path}")
        if ready:
            page.wait_for_selector("html.ready", state="attached")
        return page

    def read_around(self, closed: str) -> None:
        """The pages that only say something; `closed` takes no reports."""
        page = self.at(self.scripted, "")
        self.look(page, "landing")
        page.click("details.tongue summary")
        self.look(page, "landing-languages")
        for name in ("safety", "privacy", "verify", "help"):
            page.goto(f"{self.base}/{self.locale}/{name}")
            self.look(page, name)
        page.goto(f"{self.base}/{self.locale}/no-such-page")
        self.look(page, "no-such-page")
        page.goto(f"{self.base}/{self.locale}/report/{closed}")
        self.look(page, "closed")
        page.close()

    def report(self) -> str:
        """Question by question to the receipt; returns its digits."""
        page = self.at(self.scripted, f"report/{self.slug}", ready=True)
        on = "#report .buttons button[type=submit]:visible"
        self.look(page, "form")
        page.fill("#f-what_happened", " ")
        page.click(on)
        self.look(page, "form-empty")
        page.fill("#f-what_happened", WORDS[self.locale])
        page.click(on)
        self.look(page, "form-when")
        page.check("[value=other]")
        self.look(page, "form-when-other")
        page.fill("[name='when.year']", "25")
        page.click(on)
        self.look(page, "form-when-wrong")
        page.fill("[name='when.year']", "2025")
        page.select_option("[name='when.month']", "3")
        page.click(on)
        page.select_option("[name=country]", "DE")
        page.fill("[name=area]", AREA[self.locale])
        page.select_option("[name=setting]", "loc.transport")
        self.look(page, "form-where")
        page.click(on)
        self._choose(page, on)
        self.look(page, "form-check")
        page.route("**/sealed/*", lambda route: route.fulfill(status=418, body="{}"))
        page.click(on)
        page.wait_for_selector(".problem:visible")
        self.look(page, "form-unsent")
        page.unroute("**/sealed/*")
        page.click(on)
        page.wait_for_selector("#finish:not([hidden])")
        self.look(page, "receipt")
        digits = digits_in(page.inner_text("main"))
        page.click("#proof summary")
        self.look(page, "receipt-proof")
        page.click("#go-on")
        page.wait_for_url("**/done")
        self.look(page, "done")
        page.close()
        return digits

    def _choose(self, page: Page, on: str) -> None:
        """Grounds, acts, own role, files, consents."""
        page.check("[value='rb.ethnic']")
        page.check("[value='rb.language']")
        self.look(page, "form-grounds")
        page.click(on)
        page.check("[value='rg.words']")
        self.look(page, "form-acts")
        page.click(on)
        page.check("[value='rr.witness']")
        self.look(page, "form-role")
        page.click(on)
        page.set_input_files("#f-files", photos(1))
        page.wait_for_selector("#chosen li")
        self.look(page, "form-files")
        page.set_input_files("#f-files", photos(6))
        page.wait_for_selector("#e-files:visible")
        self.look(page, "form-files-many")
        page.click(on)
        page.check("[name='consent.statistics'][value=yes]")
        page.check("[name='consent.reply'][value=yes]")
        self.look(page, "form-consent")
        page.click(on)

    def report_plainly(self) -> str:
        """Without script: the long page, the check page, the receipt."""
        page = self.at(self.plain, f"report/{self.slug}")
        self.look(page, "plain-form")
        page.check("[value=other]")
        page.fill("[name='when.year']", "25")
        press(page, "button[value=check]")
        self.look(page, "plain-form-wrong")
        page.fill("[name=what_happened]", WORDS[self.locale])
        page.fill("[name='when.year']", "2025")
        page.check("[name='consent.reply'][value=yes]")
        press(page, "button[value=check]")
        self.look(page, "plain-check")
        self._with_draft_changed(page)
        press(page, "button[value=send]")
        self.look(page, "plain-receipt")
        digits = digits_in(page.inner_text("main"))
        page.close()
        return digits

    def _with_draft_changed(self, page: Page) -> None:
        """What a page three hours old, and a button of nobody's, are answered."""
        send = "[...document.forms].find((f) => f.querySelector('[value=send]'))"
        for state, broken in (
            ("plain-too-old", f"{send}.elements.draft.value = 'AAAA'"),
            ("plain-refused", f"{send}.querySelector('[value=send]').value = 'other'"),
        ):
            page.evaluate(broken)
            press(page, "form:has([type=file]) button")
            self.look(page, state)
            # What a browser shows after Back is its own page: go through the form once more.
            page.goto(f"{self.base}/{self.locale}/report/{self.slug}")
            page.fill("[name=what_happened]", WORDS[self.locale])
            page.check("[name='consent.reply'][value=yes]")
            press(page, "button[value=check]")

    def come_back(self, digits: str) -> None:
        """Before anybody has answered, both ways."""
        page = self.at(self.scripted, "return", ready=True)
        self.look(page, "return")
        page.fill("#receipt", digits[:-1])
        page.click("#return button")
        page.wait_for_selector("#problem:visible")
        self.look(page, "return-wrong")
        page.fill("#receipt", digits)
        page.click("#return button")
        page.wait_for_selector("#nothing:visible")
        self.look(page, "inbox-empty")
        page.goto("about:blank")
        page.close()
        page = self.at(self.plain, "return")
        self.look(page, "plain-return")
        page.fill("#receipt", digits[:-1])
        press(page, "button[value=open]")
        self.look(page, "plain-return-wrong")
        page.fill("#receipt", digits)
        press(page, "button[value=open]")
        self.look(page, "plain-inbox-empty")
        page.close()

    def read_answer(self, digits: str, meanwhile: Callable[[], None]) -> None:
        """Messages, something added (`meanwhile` staff see it), the report deleted: with script."""
        page = self.at(self.scripted, "return", ready=True)
        page.fill("#receipt", digits)
        page.click("#return button")
        page.wait_for_selector("#messages .message")
        self.look(page, "inbox")
        if page.locator("#add-organisation").count():
            page.select_option("#add-organisation", self.slug)
        page.fill("#more", MORE[self.locale])
        page.click("#add button")
        # It says first that it is being sent.
        notice = page.locator("#notice")
        expect(notice).to_have_text(notice.get_attribute("data-sent") or "")
        self.look(page, "inbox-added")
        meanwhile()
        page.click("#erase button")
        page.wait_for_selector("#sure:visible")
        self.look(page, "inbox-sure")
        page.click("#gone")
        page.wait_for_selector("#erased:visible")
        self.look(page, "inbox-erased")
        page.close()

    def read_answer_plainly(self, digits: str) -> None:
        """The same without script."""
        page = self.at(self.plain, "return")
        page.fill("#receipt", digits)
        press(page, "button[value=open]")
        self.look(page, "plain-inbox")
        press(page, "button[value=add]")
        self.look(page, "plain-inbox-wrong")
        self._from_old_pages(page, digits)
        press(page, "button[value=erase]")
        self.look(page, "plain-erase")
        press(page, "button[value='erase-now']")
        self.look(page, "plain-erased")
        page.close()

    def _from_old_pages(self, page: Page, digits: str) -> None:
        """A wish that was overtaken meanwhile, and words from a page that is too old."""
        draft = "#consent [name=draft]"
        first = page.locator(draft).input_value()
        for wish in ("no", "yes"):
            page.check(f"[name='consent.statistics'][value={wish}]")
            press(page, "button[value=consent]")
        page.locator(draft).evaluate("(field, value) => { field.value = value; }", first)
        page.check("[name='consent.statistics'][value=no]")
        press(page, "button[value=consent]")
        self.look(page, "plain-inbox-before")
        page.fill("#more", MORE[self.locale])
        page.locator("#add [name=draft]").evaluate("(field) => { field.value = 'AAAA'; }")
        press(page, "button[value=add]")
        self.look(page, "plain-return-old")
        page.fill("#receipt", digits)
        press(page, "button[value=open]")
        self.look(page, "plain-inbox-kept")

    def see_numbers(self, state: str, release: str = "") -> None:
        """The statistics page: the newest, or one release."""
        page = self.at(self.scripted, f"statistics{'/' + release if release else ''}")
        self.look(page, state)
        page.close()
