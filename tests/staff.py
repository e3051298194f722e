"""A member of staff without a browser: signs in, works the queue, decides, codes, releases.

Only over HTTP and only through the links and forms that the pages offer.
"""

import re
from collections.abc import Iterator

from tests.live import SignIn
from tests.page import Page, Values, Visitor

REPORT = re.compile(r"^/staff/reports/([A-Za-z0-9_-]{22})$")


class Staff(Visitor):
    """One signed-in member. A refusal shows the page's own words."""

    def sign_in(self, person: SignIn, steps: int = 0) -> Page:
        """Passphrase and second factor; fails when the page refuses."""
        page = self.fetch("/staff/sign-in")
        answer = self.submit(
            page,
            page.form("passphrase"),
            {"name": person.name, "passphrase": person.passphrase, "code": person.code(steps)},
        )
        assert answer.status == 200, answer.text[:400]
        assert "/sign-in" not in answer.url, answer.text[:400]
        return answer

    def act(self, page: Page, has: str, values: Values | None = None) -> Page:
        """Send one form of a page; anything but a page that was served well is an error."""
        answer = self.submit(page, page.form(has), values or {})
        assert answer.status == 200, (answer.status, answer.url, answer.text[:600])
        return answer

    def open(self, path: str) -> Page:
        """A page that must be there."""
        page = self.fetch(path)
        assert page.status == 200, (page.status, path, page.text[:400])
        assert "/sign-in" not in page.url, path
        return page

    def waiting_reports(self, view: str = "new") -> Iterator[str]:
        """Ids of the reports a view of the queue lists, page after page."""
        path, seen = f"/staff/queue?view={view}", set()
        while path:
            page = self.open(path)
            for link in page.links:
                found = REPORT.match(link)
                if found and found[1] not in seen:
                    seen.add(found[1])
                    yield found[1]
            following = [x for x in page.links if "after=" in x]
            path = following[0] if following else ""

    def make_incident(self, report: Page) -> Page:
        """Decide: a new incident. Gives its page."""
        return self.act(report, "/incident")

    def code_and_close(self, incident: Page, values: Values) -> Page:
        """Save the coding and close. Gives the closed incident's page."""
        coded = self.act(incident, "/coding", values)
        asked = self.open(incident.url.split("?")[0].split("#")[0] + "/close")
        assert coded.url
        return self.act(asked, "/close")

    def hand_over(self) -> Page:
        """A supervisor's word: what waits to be counted is handed over, if anything still does."""
        page = self.open("/staff/waiting")
        if any(form.action == "/staff/waiting" for form in page.forms):
            return self.act(page, "/waiting")
        assert "Nothing waits" in page.text, page.text[:300]
        return page
