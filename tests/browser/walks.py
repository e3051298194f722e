"""The whole walk over every page of a running instance, one language beside the other."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from playwright.sync_api import Browser, BrowserContext

from tests.browser import lead_pages, public_pages, staff_pages
from tests.browser.public_pages import Look, Reporter
from tests.browser.reporter_pages import context_of
from tests.browser.staff_pages import Room, Watch
from tests.chromium import chromium
from tests.live import Live

# Each language at an organisation of its own, so that they do not meet.
SLUGS = {"en": "demo", "ar": "demo-two"}
CLOSED = "demo-three"
# A script lives as long as its page and runs a few times: V8 spends more on making it faster than
# that saves. What it does stays the same.
SPARING = "--js-flags=--single-threaded,--no-turbofan,--no-maglev"
STATES = (*public_pages.STATES, *staff_pages.STATES, *lead_pages.STATES)


def without_script(browser: Browser) -> BrowserContext:
    """The pages as they are where no script arrives; the rules of axe still run in them."""
    context = context_of(browser, reduced_motion="reduce")
    context.route("**/*.js", lambda route: route.abort())
    return context


def in_language(live: Live, locale: str, look: Look, watch: Watch) -> None:
    """Reporter, caseworkers and supervisor of one language, in the order of a real case."""
    slug = SLUGS[locale]
    with chromium(SPARING) as browser:
        scripted, plain = context_of(browser, reduced_motion="reduce"), without_script(browser)
        for context in (scripted, plain):
            watch(context, live.base)
        reporter = Reporter(scripted, plain, live.base, locale, slug, look)
        reporter.see_numbers("statistics-empty")
        reporter.read_around(CLOSED)
        first, second = reporter.report(), reporter.report_plainly()
        reporter.come_back(first)
        room = Room(browser, live.base, locale, look, watch)
        page = staff_pages.knock(room)
        supervisor = room.sign_in(live.sign_ins("supervisor", slug)[0])
        one, two = (live.sign_ins("caseworker", slug) + live.sign_ins("supervisor", slug))[:2]
        member = room.sign_in(one, page)
        other = supervisor if two.role == "supervisor" else room.sign_in(two)
        incident, report = staff_pages.triage(member, other)
        staff_pages.work_on(member, other, incident)
        staff_pages.supervise(supervisor)
        staff_pages.go_idle(other)
        reporter.read_answer(first, lambda: staff_pages.see_addition(member))
        reporter.read_answer_plainly(second)
        member.see("report-erased", report)
        staff_pages.lose_session(member)
        room.leave()


def of_leads(live: Live, looks: Mapping[str, Look], watch: Watch) -> None:
    """Leads and administrator, then the public page of what they published."""
    with chromium(SPARING) as browser:
        room = Room(browser, live.base, "en", looks["en"], watch)
        lead_pages.administrate(room, live.sign_ins("administrator")[0], looks)
        desk = lead_pages.Desk.of(room, live.sign_ins("lead"), looks)
        address = lead_pages.release(desk, live, CLOSED)
        for locale, look in looks.items():
            context = context_of(browser, reduced_motion="reduce")
            watch(context, live.base)
            public = Reporter(context, context, live.base, locale, SLUGS[locale], look)
            public.see_numbers("statistics")
            public.see_numbers("statistics-one", address.rsplit("/", 1)[1])
            context.close()
        room.leave()


def everything(live: Live, looks: Mapping[str, Look], watches: Mapping[str, Watch]) -> None:
    """All pages; the languages at the same time, for time is short."""
    live.command("organisation", "close", CLOSED)
    with ThreadPoolExecutor(len(looks)) as pool:
        walks = [
            pool.submit(in_language, live, locale, look, watches[locale])
            for locale, look in looks.items()
        ]
        for walk in walks:
            walk.result()
        pool.submit(of_leads, live, looks, watches["en"]).result()
