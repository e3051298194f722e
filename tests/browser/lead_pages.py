"""The pages of coalition leads and administrators. Each is seen in every language in its turn."""

from collections.abc import Mapping
from dataclasses import dataclass

from playwright.sync_api import Route

from tests.browser.public_pages import Look
from tests.browser.staff_pages import Member, Room
from tests.live import Live, SignIn

STATES = tuple(
    "people-administrator releases-empty releases-wrong release-proposed release-own release-built"
    " release-unconfirmed release-withdrawn release-rejected release-published releases".split()
)


def stay(route: Route) -> None:
    """A page that looks again by itself stays while it is looked at."""
    answer = route.fetch()
    headers = {name: value for name, value in answer.headers.items() if name != "refresh"}
    route.fulfill(response=answer, headers=headers)


@dataclass
class Desk:
    """Two leads who share a release desk, one language after the other."""

    proposer: Member
    checker: Member
    looks: Mapping[str, Look]

    @classmethod
    def of(cls, room: Room, people: list[SignIn], looks: Mapping[str, Look]) -> "Desk":
        """Both sign in."""
        return cls(room.sign_in(people[0]), room.sign_in(people[1]), looks)

    def each(self, member: Member, state: str, path: str) -> None:
        """One page in every language."""
        for locale, look in self.looks.items():
            member.speak(locale)
            page = member.page
            page.route(path if "://" in path else "**/" + path, stay)
            look(member.open(path), state)
            page.unroute_all()
        member.speak("en")

    def propose(self, scope: str) -> str:
        """Propose; the address of the release."""
        page = self.proposer.open("releases")
        page.select_option("#scope", scope)
        return self.proposer.press("/staff/releases").url

    def built(self, address: str) -> None:
        """Wait until the figures are there: the page looks again by itself."""
        self.proposer.open(address).wait_for_selector("table.figures", timeout=180_000)

    def publish(self, address: str) -> None:
        """The second lead's word."""
        page = self.checker.open(address)
        page.check("[name=confirm]")
        self.checker.press("/publish")


def release(desk: Desk, live: Live, agreeing: str) -> str:
    """From an empty desk to published figures; returns the release's address.

    `agreeing` is an organisation that agrees to be recognisable and changes its mind meanwhile.
    """
    live.command("organisation", "agree", agreeing, "--yes")
    desk.each(desk.proposer, "releases-empty", "releases")
    options = desk.proposer.open("releases").locator("#scope option").all()
    scopes = [option.get_attribute("value") or "" for option in options]
    workers = live.part("worker")
    for worker in workers:
        worker.suspend()
    world = desk.propose(scopes[0])
    desk.each(desk.proposer, "release-proposed", world)
    for worker in workers:
        worker.resume()
    desk.built(world)
    desk.each(desk.proposer, "release-own", world)
    desk.each(desk.checker, "release-built", world)
    for locale, look in desk.looks.items():
        desk.proposer.speak(locale)
        desk.propose(scopes[0])
        look(desk.proposer.page, "releases-wrong")
        desk.checker.speak(locale)
        page = desk.checker.open(world)
        page.evaluate("document.querySelector('[name=confirm]').required = false")
        desk.checker.press("/publish")
        look(page, "release-unconfirmed")
    live.command("organisation", "disagree", agreeing)
    desk.each(desk.checker, "release-withdrawn", world)
    live.command("organisation", "agree", agreeing, "--yes")
    desk.publish(world)
    desk.each(desk.proposer, "release-published", world)
    reject(desk, scopes[1])
    desk.each(desk.proposer, "releases", "releases")
    return world


def reject(desk: Desk, scope: str) -> None:
    """A proposal that is taken back."""
    other = desk.propose(scope)
    desk.built(other)
    page = desk.checker.open(other)
    page.locator("main details summary").last.click()
    page.locator("[name=reason]").first.check()
    desk.checker.press("/reject")
    desk.each(desk.checker, "release-rejected", other)


def administrate(room: Room, person: SignIn, looks: Mapping[str, Look]) -> None:
    """People, as an administrator sees them."""
    member = room.sign_in(person)
    for locale, look in looks.items():
        member.speak(locale)
        look(member.open("people"), "people-administrator")
