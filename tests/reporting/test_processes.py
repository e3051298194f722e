"""The parent process, for real: start, stop, second start, what is in the way, kill -9."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest
import redis

from reporting.processes import REGISTER
from reporting.settings import Settings
from tests.conftest import free_port

UPSTANDER = Path(sys.executable).with_name("upstander")
PARTS = ("valkey", "web", "worker", "cron")


class Running:
    """`upstander run` in a data folder."""

    def __init__(self, data_dir: Path, program: Sequence[str] = (str(UPSTANDER), "run")) -> None:
        self.port = free_port()
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("UPSTANDER_")}
        self.env |= {"UPSTANDER_DATA_DIR": str(data_dir), "UPSTANDER_PORT": str(self.port)}
        self.settings = Settings.from_env(self.env)
        self.log = data_dir.parent / f"{data_dir.name[:20]}.log"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(program, env=self.env, stdout=out, stderr=out)
        eventually(lambda: "Ctrl-C stops" in self.said(), 60, self.said)

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def family(self) -> list[psutil.Process]:
        return list(psutil.Process(self.process.pid).children(recursive=True))

    def part(self, name: str) -> psutil.Process:
        """The child of that name: of the web server the arbiter."""
        lines = (self.settings.data_dir / REGISTER).read_text().splitlines()
        return psutil.Process(int(dict(line.split() for line in lines)[name]))

    def get(self, path: str) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.settings.redis_url)

    def stop(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(40)


def eventually(holds: Callable[[], object], seconds: float, told: Callable[[], object]) -> None:
    """Until it holds; fails with what there is to tell."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, told()
        time.sleep(0.05)


def quietly(holds: Callable[[], object]) -> Callable[[], bool]:
    def asked() -> bool:
        try:
            return bool(holds())
        except (LookupError, OSError, redis.RedisError, psutil.Error):
            return False

    return asked


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One instance for all tests that leave it as it was, in a folder with an odd name."""
    found = Running(tmp_path_factory.mktemp("running") / "a b=c %")
    # What the greeting says is so: nothing is waited for here.
    ready = found.get("/readyz")
    try:
        assert ready == 200, found.said()
        assert "MISSING" not in found.said()
        yield found
    finally:
        found.stop()
        # Short, for the folder's own name will not do: not below pytest's.
        shutil.rmtree(found.settings.valkey_socket.parent)


def gone(processes: list[psutil.Process]) -> bool:
    return not [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def test_kill_9_leaves_no_child_and_a_second_start_goes_on_until_ctrl_c(tmp_path: Path) -> None:
    """In a folder too deep for a socket, with a name that has to be quoted everywhere."""
    folder = tmp_path / ("a deep and odd folder, 90% " + "d" * 90)
    first = Running(folder)
    assert all(first.part(name).is_running() for name in PARTS)
    eventually(lambda: len(first.family()) >= 7, 10, first.said)
    family = first.family()
    pepper = (first.settings.secrets_dir / "pepper").read_bytes()
    first.redis().set("kept", "yes")
    # Valkey writes to the disk every second.
    aof = folder / "valkey" / "appendonlydir"
    eventually(lambda: b"kept" in b"".join(p.read_bytes() for p in aof.iterdir()), 5, first.said)
    first.process.kill()
    first.process.wait()
    eventually(lambda: gone(family), 10, lambda: [p.cmdline() for p in family if p.is_running()])
    second = Running(folder)
    assert second.redis().get("kept") == b"yes"
    assert (second.settings.secrets_dir / "pepper").read_bytes() == pepper
    family = second.family()
    assert second.stop() == 0
    assert gone(family)


@pytest.mark.parametrize("name", PARTS)
def test_a_dead_child_is_started_again(running: Running, name: str) -> None:
    dead = running.part(name)
    dead.kill()
    fresh = quietly(lambda: running.part(name).pid != dead.pid and running.get("/healthz") == 200)
    eventually(fresh, 20, running.said)
    eventually(quietly(lambda: running.get("/readyz") == 200), 30, running.said)


def test_everything_is_ready_and_private(running: Running) -> None:
    eventually(lambda: running.get("/readyz") == 200, 20, running.said)
    valkey = running.part("valkey")
    assert not valkey.net_connections("inet"), "Valkey has no TCP port"
    made = running.settings
    below = [made.data_dir / name for name in ("secrets", "valkey", "tmp")]
    for folder in (made.data_dir, *below, made.valkey_socket.parent, made.metrics_socket.parent):
        assert folder.stat().st_mode & 0o777 == 0o700, folder


def test_an_answer_does_not_say_what_answers(running: Running) -> None:
    with closing(HTTPConnection("127.0.0.1", running.port, timeout=5)) as asked:
        asked.request("GET", "/healthz")
        answer = asked.getresponse()
        answer.read()
    assert answer.status == 200
    assert answer.getheader("Server") is None


def test_metrics_are_on_a_socket_of_their_own(running: Running) -> None:
    assert running.get("/metrics") == 404
    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect(str(running.settings.metrics_socket))
        asked.sendall(b"GET /metrics HTTP/1.0\r\nHost: x\r\n\r\n")
        answer = b""
        while more := asked.recv(65536):
            answer += more
    assert b" 200 " in answer.split(b"\r\n")[0]
    # One that another test killed counts until RQ forgets it.
    assert re.search(rb"^upstander_workers [1-9]", answer, re.MULTILINE), answer
    assert b"report" not in answer.split(b"\r\n\r\n", 1)[1]


def test_a_garbled_request_leaves_no_address_in_the_log(running: Running) -> None:
    with socket.create_connection(("127.0.0.1", running.port)) as asked:
        asked.sendall(b"\x00\x01garbled request\r\nUser-Agent: Unique-Agent-9\r\n\r\n")
        asked.recv(1000)
    time.sleep(0.2)
    log = running.said().split("Ctrl-C stops", 1)[1]
    assert "127.0.0.1" not in log
    assert "Unique-Agent-9" not in log


# `upstander run` whose worker ends at once.
BROKEN = """
import os, sys
import wsgi
from reporting import processes
from reporting.settings import Settings

def command(arguments):
    if arguments[0] == "worker":
        sys.exit(3)
    wsgi.main(arguments)

processes.supervise(Settings.from_env(os.environ), command, demo=False, say=print)
"""


def test_the_greeting_says_that_the_worker_is_missing(tmp_path: Path) -> None:
    """Reports still come in, so nothing is refused; whoever reads it knows what does not go."""
    program = [sys.executable, "-u", "-c", BROKEN]
    broken = Running(tmp_path / "data", program)
    try:
        said = broken.said()
        assert "worker" in said.partition("MISSING")[2]
        assert broken.get("/healthz") == 200
        assert broken.get("/readyz") == 503
    finally:
        stopped = broken.stop()
    assert stopped == 0


def refused(data_dir: Path, port: int) -> str:
    env = {k: v for k, v in os.environ.items() if not k.startswith("UPSTANDER_")}
    env |= {"UPSTANDER_DATA_DIR": str(data_dir), "UPSTANDER_PORT": str(port)}
    done = subprocess.run([str(UPSTANDER), "run"], env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port}" in refused(tmp_path / "data", port)


def test_an_unwritable_folder_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot write" in refused(tmp_path / "file" / "data", free_port())


def test_a_setting_that_cannot_be_used_is_one_clear_line(tmp_path: Path) -> None:
    assert "UPSTANDER_PORT" in refused(tmp_path, 99_999)


def test_a_second_parent_on_the_same_data_is_refused(running: Running) -> None:
    assert "another Upstander" in refused(running.settings.data_dir, free_port())
    assert running.get("/healthz") == 200


def test_a_folder_in_tmp_made_by_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reporting import processes
    from reporting.family import StartRefused

    made = Settings.from_env({"UPSTANDER_DATA_DIR": str(tmp_path / "data")})
    processes.prepare(made)
    monkeypatch.setattr(os, "getuid", lambda: 4242)
    with pytest.raises(StartRefused, match="somebody else"):
        processes.prepare(made)
