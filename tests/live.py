"""A running instance, exactly as `make run` starts it: `upstander run` with its children.

Reaches the processes only from outside: HTTP, signals, the files they leave.
"""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pyotp

from reporting.processes import REGISTER

ROOT = Path(__file__).parent.parent
UPSTANDER = Path(sys.executable).with_name("upstander")


def made_demo(folder: Path) -> Path:
    """The data folder that a first start on an empty folder leaves; to be copied, never started.

    The parts of `make test` share one: making the demo costs as much as many tests.
    """
    shared = os.environ.get("UPSTANDER_TEST_DEMO")
    folder = Path(shared) if shared else folder
    folder.mkdir(parents=True, exist_ok=True)
    data_dir, made = folder / "data", folder / "made"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(data_dir, ignore_errors=True)
            first = Live(data_dir)
            first.start()
            first.stop()
            made.touch()
    return data_dir


def copy_demo(made: Path, data_dir: Path) -> Path:
    """A data folder of one's own, as after that first start."""
    shutil.copytree(made, data_dir, ignore=shutil.ignore_patterns("*.sock"))
    return data_dir


@dataclass(frozen=True)
class SignIn:
    """One printed demo sign-in."""

    name: str
    role: str
    organisation: str
    passphrase: str
    totp_secret: str

    def code(self, steps: int = 0) -> str:
        """The six digits now, or that many time steps from now (a code works once)."""
        return pyotp.TOTP(self.totp_secret).at(int(time.time()), counter_offset=steps)


@dataclass
class Live:
    """Start, stop and look at one instance in a data folder of its own."""

    data_dir: Path
    env: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def base(self) -> str:
        """Address of the instance."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """Everything the processes printed."""
        return self.data_dir.with_name(self.data_dir.name + ".log")

    def start(self, timeout: float = 240) -> None:
        """Start and wait until it answers."""
        if not self.port:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = int(probe.getsockname()[1])
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [str(UPSTANDER), "run", "--demo"],
                cwd=ROOT,
                env=self._environment(),
                stdout=out,
                stderr=out,
            )
        self.wait(timeout)

    def command(self, *arguments: str) -> str:
        """What one `upstander` command prints, run beside the instance as its operator does."""
        done = subprocess.run(
            [str(UPSTANDER), *arguments],
            cwd=ROOT,
            env=self._environment(),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _environment(self) -> dict[str, str]:
        env = {k: v for k, v in os.environ.items() if not k.startswith("UPSTANDER_")}
        env |= {"UPSTANDER_DATA_DIR": str(self.data_dir), "UPSTANDER_PORT": str(self.port)}
        return env | dict(self.env)

    def wait(self, timeout: float = 60) -> None:
        """Until `/healthz` answers; raises with the log's end when the process has gone."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            assert self.process is not None
            if self.process.poll() is not None:
                raise RuntimeError(self.log.read_text(errors="replace")[-3000:])
            try:
                with urllib.request.urlopen(self.base + "/healthz", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise TimeoutError(self.log.read_text(errors="replace")[-3000:])

    def stop(self) -> None:
        """Ctrl-C, and wait for the end."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)

    def part(self, name: str) -> list[psutil.Process]:
        """The child of that name, as the parent's register has it, and the processes below it."""
        register = self.data_dir / REGISTER
        numbers = dict(line.split() for line in register.read_text().splitlines())
        try:
            first = psutil.Process(int(numbers[name]))
            return [first, *first.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def sign_ins(self, role: str, organisation: str = "") -> list[SignIn]:
        """Demo sign-ins of a role (and organisation), as printed."""
        rows = json.loads((self.data_dir / "demo-sign-ins.json").read_text())
        people = [SignIn(**{k: r.get(k) or "" for k in SignIn.__annotations__}) for r in rows]
        return [
            p
            for p in people
            if p.role == role and (not organisation or p.organisation == organisation)
        ]
