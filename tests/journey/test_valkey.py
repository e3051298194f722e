"""Valkey away, wiped or killed: every report is taken, every job runs after it is back."""

import json
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from reporting.sealing import b64
from tests import reporter
from tests.journey import places
from tests.journey.conftest import Start
from tests.journey.outside import Outside, halted, writing
from tests.journey.test_durability import rows, stored
from tests.live import Live, SignIn
from tests.page import Page, Visitor
from tests.staff import Staff

pytestmark = [pytest.mark.journey, pytest.mark.database]
REPORTS = 40
# The job that empties erased work runs every two minutes; a slow machine may miss one turn.
EMPTIED_WITHIN = 300
# Everything that time starts. The first two run within minutes, and their work is looked at; the
# others have hours of their own.
CLOCK = {
    *("sweep", "finish_erasures", "notify_staff", "remind_rotation", "delete_retired_keys"),
    *("delete_old_day_secrets", "expire_sessions_and_invitations", "nightly_rewrite"),
}


PROPOSED = re.compile(r"/staff/releases/[A-Za-z0-9_-]{22}$")


@pytest.fixture
def outside() -> Iterator[Outside]:
    """An empty Valkey."""
    folder = Path("/tmp") / f"upo-{secrets.token_hex(4)}"  # a short socket path
    folder.mkdir(mode=0o700)
    valkey = Outside(folder)
    valkey.start()
    yield valkey
    valkey.stop()
    shutil.rmtree(folder)


def orders(live: Live) -> set[str]:
    """Jobs that were ordered and have not run, as RQ knows them."""
    return {f"rq:job:{b64(bytes(row[0]))}" for row in rows(live, "SELECT id FROM outbox")}


def handed_over(client: redis.Redis) -> set[str]:
    """Jobs that Valkey knows, those of the clock left out: these come by the minute."""
    known = {name.decode() for name in client.scan_iter("rq:job:*")}
    return {name for name in known if not name.startswith("rq:job:cron-")}


def answers(client: redis.Redis) -> bool:
    """Whether it is there and has read its file."""
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


def year_of(live: Live) -> str:
    """The year the running instance names at its start."""
    line = next(x for x in live.log.read_text().splitlines() if "released first:" in x)
    return line.rsplit(" ", 1)[1]


def scopes(desk: Page) -> list[str]:
    """What a release may be of: the coalition, then its organisations."""
    return re.findall(r'<option[^>]* value="(world|org:[^"]+)"', desk.body.decode())


def scheduled(client: redis.Redis) -> dict[str, str]:
    """What the clock will order, and when next, as it told this Valkey."""
    found: dict[str, str] = {}
    for key in client.scan_iter("rq:cron_scheduler:*"):
        kept: Any = client.hget(key, "cron_jobs")
        for job in json.loads(kept or "[]"):
            found[json.loads(job["args"])[0]] = job["next_enqueue_time"]
    return found


def run_all_of_the_clock(client: redis.Redis) -> None:
    """Order each as the clock does at its hour: the worker runs it, and none fails."""
    queue = Queue("upstander", connection=client, serializer=JSONSerializer)
    ordered = [
        queue.enqueue("wsgi.run_cron", name, job_id=f"now-{name}", result_ttl=0, failure_ttl=3600)
        for name in sorted(CLOCK)
    ]
    end = time.monotonic() + 60
    while waiting := [job.id for job in ordered if client.exists(job.key)]:
        failed = set(queue.failed_job_registry.get_job_ids()) & set(waiting)
        assert not failed, failed
        assert time.monotonic() < end, waiting
        time.sleep(0.2)


def admitted(live: Live) -> reporter.Sealed:
    """A report that a caseworker has taken in by opening the queue."""
    visitor = Visitor(live.base)
    sealed = reporter.seal(visitor, "demo", {"what_happened": "before valkey went"})
    assert reporter.send(visitor, "demo", sealed).status == 201
    caseworker = Staff(live.base)
    caseworker.sign_in(live.sign_ins("caseworker", "demo")[0])
    assert b64(sealed.report_id) in set(caseworker.waiting_reports())
    return sealed


def erase(visitor: Visitor, receipt: str) -> None:
    """As the reporter does with the receipt."""
    token = reporter.token_request(visitor, receipt)
    answer = visitor.fetch("/mailbox/erase", token, {"Content-Type": "application/json"})
    assert answer.status == 202


def work_of(live: Live, report_id: bytes) -> tuple[str, bool]:
    """State of a report in the work, and whether its digest is still there."""
    found = rows(live, "SELECT report_id, state, digest FROM work")
    return next((str(s), d is not None) for i, s, d in found if bytes(i) == report_id)


def wait_until_emptied(live: Live, report_id: bytes) -> None:
    """Until the keyless job of the clock has done its part; nobody's request does it."""
    end = time.monotonic() + EMPTIED_WITHIN
    while (found := work_of(live, report_id)) != ("erased", False):
        assert time.monotonic() < end, found
        time.sleep(1)


def wait_until_built(live: Live, person: SignIn, count: int = 1) -> None:
    """Until the jobs of the releases have run, and the other lead may publish them."""
    checker = Staff(live.base)
    checker.sign_in(person)
    proposed = [x for x in checker.open("/staff/releases").links if PROPOSED.search(x)]
    assert len(proposed) == count
    end = time.monotonic() + 300
    for link in proposed:
        page = checker.open(link)
        while not any(form.action.endswith("/publish") for form in page.forms):
            assert time.monotonic() < end, page.text
            time.sleep(1)
            page = checker.open(link)


def sent_meanwhile(live: Live, visitor: Visitor) -> tuple[list[bytes], str]:
    """Reports with script and one without, all stored; the ids of the former, the last receipt."""
    before = stored(live)
    sent = []
    receipt = ""
    for number in range(REPORTS):
        answers = {"what_happened": f"without valkey {number}"}
        sealed = reporter.seal(visitor, "demo", answers, {"statistics": True})
        assert reporter.send(visitor, "demo", sealed).status == 201
        sent.append(sealed.report_id)
        receipt = sealed.receipt
    _page, _digits = reporter.report_without_script(visitor, "demo", {"what_happened": "plain"})
    assert set(sent) <= stored(live) - before
    assert len(stored(live) - before) == REPORTS + 1
    return sent, receipt


def order_as_it_goes(live: Live, outside: Outside, lead: Staff, desk: Page, year: str) -> None:
    """A release is ordered in the moment in which Valkey goes: its request has read the session."""
    with ThreadPoolExecutor(1) as pool, writing(live):
        form = desk.form("/releases")
        late = pool.submit(lead.submit, desk, form, {"scope": scopes(desk)[1], "year": year})
        time.sleep(2)
        assert not late.done(), late.result().text
        outside.stop()
    # It was answered with the way to what it made; that page asks for the session again.
    assert PROPOSED.search(late.result().url), late.result().text
    assert late.result().status == 503


def test_reports_are_taken_without_valkey_and_wiped_jobs_still_run(
    start: Start, outside: Outside
) -> None:
    """Stopped for the whole submission phase; then wiped while jobs wait in it."""
    live = start(UPSTANDER_REDIS_URL=outside.url)
    taken_in = admitted(live)
    outside.stop()
    visitor = Visitor(live.base)
    sent, receipt = sent_meanwhile(live, visitor)
    assert Staff(live.base).fetch("/staff/sign-in").status in {200, 503}
    for gone in (receipt, taken_in.receipt):
        erase(visitor, gone)
    assert not {sent[-1], taken_in.report_id} & stored(live)
    # Its words are gone at once; its place in the work is the job's, which cannot run now.
    assert work_of(live, taken_in.report_id) == ("admitted", True)

    outside.start()
    first, second = live.sign_ins("lead")
    lead = Staff(live.base)
    lead.sign_in(first)
    workers = halted(live)
    desk, year = lead.open("/staff/releases"), year_of(live)
    lead.act(desk, "/releases", {"scope": "world", "year": year})
    client = redis.Redis.from_url(outside.url)
    assert handed_over(client) == orders(live)
    assert len(orders(live)) == 1
    order_as_it_goes(live, outside, lead, desk, year)
    outside.start()
    assert handed_over(client) == set()
    assert len(orders(live)) == 2, "a job ran before it was lost"
    for worker in workers:
        worker.resume()
    wait_until_built(live, second, 2)
    assert orders(live) == set()
    # The job of the clock: what was erased loses its place in the work too.
    wait_until_emptied(live, taken_in.report_id)
    times = scheduled(client)
    assert times.keys() == CLOCK
    assert all(datetime.fromisoformat(x) > datetime.now(UTC) for x in times.values()), times
    run_all_of_the_clock(client)
    supervisor = Staff(live.base)
    supervisor.sign_in(live.sign_ins("supervisor", "demo")[0])
    listed = set(supervisor.waiting_reports())
    assert b64(sent[0]) in listed
    assert not {b64(sent[-1]), b64(taken_in.report_id)} & listed


def test_the_own_valkey_is_killed_and_started_again(live: Live) -> None:
    """Its file brings back what it knew: who is signed in, and the jobs that waited."""
    client = redis.Redis.from_url(places.valkey_url(live))
    first, second = live.sign_ins("lead")
    lead = Staff(live.base)
    lead.sign_in(first)
    [worker, *_] = halted(live)
    desk = lead.open("/staff/releases")
    lead.act(desk, "/releases", {"scope": scopes(desk)[1], "year": year_of(live)})
    known = handed_over(client)
    assert known == orders(live)
    assert len(known) == 1
    # Its parent would start it again within a second: long enough for reports is longer.
    assert live.process
    parent, killed = psutil.Process(live.process.pid), live.part("valkey")[0]
    parent.suspend()
    killed.kill()
    before, visitor = stored(live), Visitor(live.base)
    sealed = reporter.seal(visitor, "demo", {"what_happened": "while it is away"})
    assert reporter.send(visitor, "demo", sealed).status == 201
    reporter.report_without_script(visitor, "demo", {"what_happened": "plain"})
    assert len(stored(live) - before) == 2
    with pytest.raises(redis.ConnectionError):
        client.ping()
    parent.resume()
    end = time.monotonic() + 30
    while live.part("valkey") in ([], [killed]):
        assert time.monotonic() < end, "nobody started it again"
        time.sleep(0.1)
    while not answers(client):
        assert time.monotonic() < end, "it does not answer"
        time.sleep(0.1)
    # Nobody handed it over again: the worker that could is halted.
    assert handed_over(client) == known
    lead.open("/staff/releases")
    worker.resume()
    wait_until_built(live, second)
    assert orders(live) == set()
