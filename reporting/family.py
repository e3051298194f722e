"""A parent and its children: started, watched, started again, and ended together.

Knows nothing of what they do. A child that dies is started again with growing pauses; when the
parent itself is killed, a keeper ends whatever is left. Which process is which child stands in a
file: those that are forked all bear the parent's name.
"""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from reporting.forked import Forked

log = structlog.get_logger()
STOP_SECONDS = 10
FIRST_PAUSE = 0.2
# Short: while the web server waits for its turn, so does whoever found the courage to report.
LONGEST_PAUSE = 3.0
# A child that lived this long is well again.
WELL_AFTER = 30.0
# Reads which groups live; when the parent is gone, its end of the pipe closes, and they end too.
KEEPER = 'while read l; do L=$l; done; for g in $L; do kill -s KILL -- "-$g"; done 2>/dev/null; :'


class StartRefused(Exception):
    """Why nothing was started: one line for the person at the terminal."""


@dataclass
class Child:
    """One process group below the parent: a command, or a function that a fork runs."""

    name: str
    work: list[str] | Callable[[], None]
    keep_open: tuple[int, ...] = ()
    process: "subprocess.Popen[bytes] | Forked | None" = None
    started: float = 0.0
    pause: float = FIRST_PAUSE
    due: float = 0.0

    def alive(self) -> bool:
        """Whether it runs now."""
        return self.process is not None and self.process.poll() is None


@dataclass
class Family:
    """The children, in the order they start; they stop in the other."""

    # What every child finds in its environment besides the parent's.
    environment: Mapping[str, str]
    # The file that says who is who: a line for each child, its name and number.
    register: Path
    children: list[Child] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    keeper: "subprocess.Popen[bytes] | None" = None

    def start(self, child: Child) -> None:
        """Start one in a session of its own, so that Ctrl-C reaches only the parent."""
        if callable(child.work):
            child.process = Forked(child.work, self.environment, child.keep_open)
        else:
            given = [f"{name}={value}" for name, value in self.environment.items()]
            child.process = subprocess.Popen(
                ["env", *given, *child.work],
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                pass_fds=child.keep_open,
            )
        child.started = time.monotonic()
        if child not in self.children:
            self.children.append(child)
        self._tell()

    def run_once(self, child: Child) -> None:
        """Run one to its end; refuses to go on when it fails."""
        self.start(child)
        assert child.process is not None
        while child.process.poll() is None and not self.stopping.wait(0.05):
            continue
        self._end(child)
        self.children.remove(child)
        if child.process.returncode and not self.stopping.is_set():
            raise StartRefused(f"{child.name} did not finish; its own lines above say why")

    def watch(self) -> None:
        """Until told to stop: start again what died, with growing pauses."""
        while not self.stopping.wait(0.2):
            now = time.monotonic()
            for child in self.children:
                if child.alive():
                    if now - child.started > WELL_AFTER:
                        child.pause = FIRST_PAUSE
                elif not child.due:
                    code = child.process.returncode if child.process else 0
                    log.warning("child ended and is started again", child=child.name, code=code)
                    child.due = now + child.pause
                    child.pause = min(child.pause * 2, LONGEST_PAUSE)
                elif now >= child.due:
                    child.due = 0.0
                    # What it left in its group must not work beside its successor.
                    self._end(child)
                    self.start(child)
            if self.keeper is not None and self.keeper.poll() is not None:
                self.keeper = None
                self._tell()

    def stop(self) -> None:
        """End all, the web server first and Valkey last, so that nothing is asked of the dead."""
        for child in reversed(self.children):
            self._end(child)
        if self.keeper is not None and self.keeper.stdin is not None:
            self.keeper.kill()
            self.keeper.wait()
            self.keeper.stdin.close()
        with contextlib.suppress(OSError):
            self.register.unlink(missing_ok=True)

    def stop_one(self, child: Child) -> None:
        """End one for good."""
        self._end(child)
        self.children.remove(child)
        self._tell()

    def _end(self, child: Child) -> None:
        """Ask, wait, then end the whole group: gunicorn's workers are in it."""
        if child.process is None:
            return
        if child.alive():
            child.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()

    def _tell(self) -> None:
        """Say who lives now: to the keeper, and in the register."""
        if self.keeper is None:
            self.keeper = subprocess.Popen(
                ["/bin/sh", "-c", KEEPER], stdin=subprocess.PIPE, start_new_session=True
            )
        alive = [(c.name, c.process.pid) for c in self.children if c.process is not None]
        groups = " ".join(str(pid) for _name, pid in alive)
        stdin = self.keeper.stdin
        assert stdin is not None
        with contextlib.suppress(BrokenPipeError):
            stdin.write(groups.encode() + b"\n")
            stdin.flush()
        # A full disk must not end what runs on it.
        with contextlib.suppress(OSError):
            fresh = self.register.with_suffix(".new")
            fresh.write_text("".join(f"{name} {pid}\n" for name, pid in alive))
            fresh.replace(self.register)
