"""What the two coalition leads do: propose, wait, check, publish; and what caseworkers repeat."""

import time
from collections.abc import Iterable

from tests.data.narratives import Narrative
from tests.live import Live
from tests.page import Page
from tests.staff import Staff


def publish(live: Live, scope: str, year: int, steps: int = 0) -> str:
    """One lead proposes, the other checks and publishes. Returns the release's id."""
    first, second = live.sign_ins("lead")
    proposer, checker = Staff(live.base), Staff(live.base)
    proposer.sign_in(first, steps)
    desk = proposer.open("/staff/releases")
    page = proposer.act(desk, "/releases", {"scope": scope, "year": str(year)})
    checker.sign_in(second, steps)
    built = checker.open(page.url)
    end = time.monotonic() + 300
    while not any(f.action.endswith("/publish") for f in built.forms):
        assert time.monotonic() < end, built.text
        time.sleep(0.3)
        built = checker.open(page.url)
    own = proposer.open(page.url)
    assert not any(f.action.endswith("/publish") for f in own.forms), "a lead published alone"
    checker.act(built, "/publish", {"confirm": "yes"})
    return page.url.rstrip("/").rsplit("/", 1)[1].split("?")[0]


def folded(text: str) -> str:
    """White space as a page folds it."""
    return " ".join(text.split())


def work_through(staff: Staff, narratives: Iterable[Narrative]) -> dict[str, Page]:
    """Open every new report, find its narrative by its words, code it from its category, close it.

    Returns the closed incident's page by narrative.
    """
    wanted = {folded(one.text): one for one in narratives}
    closed: dict[str, Page] = {}
    for report_id in list(staff.waiting_reports()):
        page = staff.open(f"/staff/reports/{report_id}")
        words = next((words for words in wanted if words in page.text), None)
        if words is None:
            continue  # one of the demo's own reports
        one = wanted.pop(words)
        incident = staff.make_incident(page)
        closed[one.id] = staff.code_and_close(
            incident,
            {
                "acts": one.acts,
                "grounds": one.grounds,
                "setting": one.setting,
                "country": one.country,
                "year": one.month[:4],
                "month": one.month[5:] or "unknown",
                "certainty": "V2",
            },
        )
    assert not wanted, f"{len(wanted)} narratives were not in the queue"
    return closed
