"""A member of staff without a browser: signs in, works the queue, decides, codes, releases.

Only over HTTP and only through the forms that the pages offer.
"""

from tests.live import SignIn
from tests.page import Page, Values, Visitor


class Staff(Visitor):
    """One signed-in member. A time-out or a refusal shows the page's own words."""

    def sign_in(self, person: SignIn, steps: int = 0) -> Page:
        """Passphrase and second factor; raises when the page refuses."""
        page = self.fetch("/staff/sign-in")
        answer = self.submit(
            page,
            page.form("passphrase"),
            {"name": person.name, "passphrase": person.passphrase, "code": person.code(steps)},
        )
        assert answer.status == 200 and "/sign-in" not in answer.url, answer.text[:400]
        return answer

    def act(self, page: Page, has: str, values: Values) -> Page:
        """Send one form of a page; anything but a page that was served well is an error."""
        answer = self.submit(page, page.form(has), values)
        assert answer.status == 200, (answer.status, answer.url, answer.text[:400])
        return answer
