"""Nothing acknowledged is lost and nothing is stored twice: kill -9, many at once, slow, huge."""

import json
import random
import secrets
import subprocess
import tempfile
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import sqlalchemy

from tests import reporter
from tests.conftest import POSTGRESQL
from tests.journey import places, uploads
from tests.journey.conftest import Prepared, starting
from tests.live import Live
from tests.page import Page, Visitor, encode

pytestmark = [pytest.mark.journey, pytest.mark.database]
CUT = (urllib.error.URLError, HTTPException, OSError)
SUBMISSIONS = 500 if POSTGRESQL else 2000
KILLED_REQUESTS = 500
CUTS = 100 if POSTGRESQL else 50


@pytest.fixture(scope="module")
def live(
    prepared: Prepared, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    """One instance for all of these: what each does to it, the next must find it has survived."""
    with starting(prepared, request, tmp_path_factory.mktemp("durable")) as begin:
        yield begin()


def rows(live: Live, query: str) -> list[tuple[Any, ...]]:
    """What a query gives, asked of the database beside the running instance."""
    url = live.env.get("UPSTANDER_DATABASE_URL")
    if url:
        with psycopg.connect(url) as connection:
            return connection.execute(query.encode()).fetchall()
    engine = sqlalchemy.create_engine(f"sqlite:///{live.data_dir / 'upstander.db'}")
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(sqlalchemy.text(query))]
    engine.dispose()
    return found


def stored(live: Live) -> set[bytes]:
    """Ids of all reports in the database."""
    return {bytes(row[0]) for row in rows(live, "SELECT report_id FROM report")}


class Cutting:
    """Sends until it is acknowledged, as the script does; counts the requests that were cut."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.cuts = 0
        self.answers = 0
        self.lock = threading.Lock()

    def insist(self, request: Callable[[], Page], *good: int) -> Page:
        """Repeat the same bytes until there is an answer; a dead server is waited for."""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            try:
                page = request()
            except CUT as error:
                refused = isinstance(getattr(error, "reason", error), ConnectionRefusedError)
                with self.lock:
                    self.cuts += not refused
                time.sleep(0.05)
                continue
            assert page.status in good, (page.status, page.body[:300])
            with self.lock:
                self.answers += 1
            return page
        raise TimeoutError("no answer for two minutes")

    def send_sealed(self, number: int) -> bytes:
        """One sealed report, the same bytes until acknowledged."""
        visitor = Visitor(self.base)
        sealed = None
        while sealed is None:
            try:
                said = {"what_happened": f"cut {number}"}
                sealed = reporter.seal(visitor, "demo", said, comes_back=False)
            except CUT:
                time.sleep(0.05)
        answer = self.insist(lambda: reporter.send(visitor, "demo", sealed), 200, 201)
        assert "signature" in json.loads(answer.body)["acknowledgement"]
        return sealed.report_id

    def send_plain(self, number: int) -> str:
        """One report without script: the draft travels in the page; returns the receipt."""
        visitor = Visitor(self.base)
        fields = [("what_happened", f"cut {number}"), ("step", "check")]
        path = "/en/report/demo"
        checked = self.insist(lambda: visitor.fetch(path, *encode(fields, [])), 200)
        draft = checked.form("step=send").get("draft")
        data = encode([("draft", draft), ("step", "send")], [])
        first = self.insist(lambda: visitor.fetch(path, *data), 200, 201)
        again = self.insist(lambda: visitor.fetch(path, *data), 200, 201)
        assert reporter.digits_on(first) == reporter.digits_on(again)
        return reporter.digits_on(first)


def test_kill_9_inside_requests_loses_and_doubles_nothing(live: Live) -> None:
    """At random moments, until enough requests were cut in the middle."""
    before = stored(live)
    client = Cutting(live.base)
    done = threading.Event()

    def killer() -> None:
        moments = random.Random(9)
        while not done.is_set() and client.cuts < CUTS * 1.2:
            # Each life answers something, or a slow machine would never come to an end.
            least = client.answers + moments.randint(1, 8)
            time.sleep(moments.uniform(0.15, 0.6))
            while client.answers < least and not done.is_set():
                time.sleep(0.01)
            for process in live.part("web"):
                try:
                    process.kill()
                except psutil.NoSuchProcess:
                    continue
            live.wait()

    with ThreadPoolExecutor(17) as pool:
        pool.submit(killer)
        plain = [pool.submit(client.send_plain, n) for n in range(0, KILLED_REQUESTS, 4)]
        sealed = [pool.submit(client.send_sealed, n) for n in range(KILLED_REQUESTS) if n % 4]
        acknowledged = {f.result() for f in sealed}
        receipts = {f.result() for f in plain}
        done.set()
    print(f"cut requests: {client.cuts} of {KILLED_REQUESTS} reports")
    assert client.cuts >= CUTS
    new = stored(live) - before
    assert acknowledged <= new
    assert len(new) == len(acknowledged) + len(receipts) == KILLED_REQUESTS


def test_eight_clients_at_once(live: Live) -> None:
    """No error, and acknowledged equals stored."""
    before = stored(live)

    def send(numbers: range) -> list[bytes]:
        visitor = Visitor(live.base)
        ids = []
        for number in numbers:
            said = {"what_happened": f"many {number}"}
            sealed = reporter.seal(visitor, "demo", said, comes_back=False)
            answer = reporter.send(visitor, "demo", sealed)
            assert answer.status == 201, answer.body
            ids.append(sealed.report_id)
        return ids

    with ThreadPoolExecutor(8) as pool:
        found = pool.map(send, [range(k, SUBMISSIONS, 8) for k in range(8)])
        acknowledged = [one for ids in found for one in ids]
    assert len(set(acknowledged)) == SUBMISSIONS
    assert stored(live) - before == set(acknowledged)


def test_slow_uploads_hold_nobody_up(live: Live) -> None:
    """Ten at 1 kB/s at once, and the form still answers within a second."""
    with uploads.slow(live, 10) as slow:
        slow.wait()
        # Three series: what is held up by the uploads is held up in each of them.
        for _ in range(3):
            times = []
            for _ in range(20):
                begun = time.monotonic()
                assert Visitor(live.base).fetch("/en/report/demo").status == 200
                times.append(time.monotonic() - begun)
                # Of uploads that were refused, the form would not feel anything.
                assert slow.going() == 10
            if max(times) < 1:
                break
        sent = list(slow.sent)
        time.sleep(2)
        assert all(now > then for now, then in zip(slow.sent, sent, strict=True))
        assert slow.going() == 10
    assert max(times) < 1, times


# Its own in each run: journeys on another database look at the same temporary folders.
WORD = f"Samphire-{secrets.token_hex(8)} ".encode()


@contextmanager
def _holding(data: bytes) -> Iterator[int]:
    """A process that holds a file without a name open as its input, as a spool file is held."""
    with tempfile.TemporaryFile() as spool:
        spool.write(data)
        spool.flush()
        process = subprocess.Popen(["sleep", "600"], stdin=spool)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(
    not Path("/proc/self/fd").is_dir(), reason="files without a name are seen on Linux only"
)
def test_a_huge_upload_leaves_no_plaintext_anywhere(live: Live) -> None:
    """100 MiB without script: while it runs no file anywhere holds a byte of it in clear."""
    visitor = Visitor(live.base)
    one = (WORD * (20 * 2**20 // len(WORD) + 1))[: 20 * 2**20]
    fields = uploads.draft(visitor)
    data, headers = encode(fields, [("file", f"f{n}.bin", one) for n in range(5)])
    planted, folders = live.data_dir / "planted", [live.data_dir, *places.cluster(live)]
    with _holding(one[:100_000]) as twin:

        def lying_about() -> dict[Path, int]:
            pids = [twin, *(process.pid for process in live.part("web"))]
            return uploads.lying_about(folders, pids)

        nameless = Path(f"/proc/{twin}/fd/0")
        before = lying_about()
        # It was there first, but it must count as new: it is the twin of a spool file.
        assert before.pop(nameless) == 100_000
        planted.write_bytes(one[:100_000])
        seen: set[Path] = set()
        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(visitor.fetch, "/en/report/demo", data, headers)
            while not sending.done():
                new = {path for path, size in lying_about().items() if before.get(path) != size}
                seen |= {path for path in new if uploads.holds(path, WORD)}
                time.sleep(0.05)
            assert sending.result().status in {200, 201}, sending.result().text[:300]
    assert seen == {planted, nameless}, seen
