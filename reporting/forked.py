"""A child made by forking: everything is loaded already, so it works at once.

Has the four methods of `subprocess.Popen` that a family needs. The child keeps none of the parent's
open files but those it is given: the parent's lock and the keeper's pipe must end with the parent.
"""

import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Forked:
    """One process in a session of its own, so that Ctrl-C reaches only the parent."""

    def __init__(
        self, work: Callable[[], None], environment: Mapping[str, str], keep_open: Iterable[int]
    ) -> None:
        self.returncode: int | None = None
        sys.stdout.flush()
        sys.stderr.flush()
        # A signal between fork and `_become` would be answered as the parent answers it.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
        try:
            self.pid = os.fork()
            if self.pid == 0:
                _become(work, environment, frozenset(keep_open))
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)

    def poll(self) -> int | None:
        """The exit code, once it has ended."""
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                # Who started the parent has it ignore the end of children: how it ended is lost.
                pid, status = self.pid, 0
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises `subprocess.TimeoutExpired` after `timeout` seconds."""
        end = time.monotonic() + (timeout or float("inf"))
        while (code := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired("a child", timeout or 0)
            time.sleep(0.02)
        return code

    def terminate(self) -> None:
        """Ask it to end."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)


def _become(
    work: Callable[[], None], environment: Mapping[str, str], keep_open: frozenset[int]
) -> NoReturn:
    """Turn the copy of the parent into the child; never returns into what the parent was doing."""
    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
        _close_all_but(keep_open)
        os.environ.update(environment)  # noqa: TID251  # written, never read
        time.tzset()
        work()
        code = 0
    except SystemExit as ended:
        code = _said(ended)
    except BaseException:  # noqa: BLE001  # nothing of the child may go on in the parent's code
        with suppress(Exception):
            traceback.print_exc()
    finally:
        _leave(code)


def _leave(code: int) -> NoReturn:
    """End without a way back, also when what is left to say can be said to nobody."""
    try:
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
    finally:
        os._exit(code)


def _close_all_but(keep_open: frozenset[int]) -> None:
    """Nothing on standard input, output and errors as they are, and what is kept."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    # Those that are open, not all there could be: where the limit is a billion that takes minutes.
    for number in [int(one.name) for one in Path("/dev/fd").iterdir()]:
        if number > 2 and number not in keep_open:
            with suppress(OSError):
                os.close(number)


def _said(ended: SystemExit) -> int:
    """The exit code Python would give; a line of words goes to the errors."""
    if ended.code is None:
        return 0
    if isinstance(ended.code, int):
        return ended.code & 0xFF
    with suppress(Exception):
        print(ended.code, file=sys.stderr)  # noqa: T201  # as the interpreter does
    return 1
