"""Slow uploads, and what one leaves while it runs: files anywhere, open ones without a name."""

import os
import select
import socket
import stat
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.journey import places
from tests.live import Live
from tests.page import Visitor, encode

# The server reads in pieces of 64 kB: with this a file has begun, and the rest comes slowly.
_FIRST = 200_000
_PIECE = 500


class Slow:
    """Uploads of files at 1 kB/s, all at once, each to a draft of its own."""

    def __init__(self, live: Live, wires: list[socket.socket]) -> None:
        self._incoming = live.data_dir / "attachments" / "incoming"
        self._before = self._files()
        self._wires = wires
        self.sent = [0 for _ in wires]
        for wire in wires:
            wire.sendall(_beginning(live))

    def trickle(self, stop: threading.Event) -> None:
        """Send on until told to stop; a line that was cut is an error."""
        while not stop.wait(0.5):
            for number, wire in enumerate(self._wires):
                wire.sendall(b"x" * _PIECE)
                self.sent[number] += _PIECE

    def going(self) -> int:
        """How many are being stored and have been neither answered nor cut."""
        answered, _, _ = select.select(self._wires, [], [], 0)
        return min(len(self._files() - self._before), len(self._wires) - len(answered))

    def wait(self) -> None:
        """Until all are being stored."""
        end = time.monotonic() + 30
        while self.going() < len(self._wires):
            assert time.monotonic() < end, f"{self.going()} of {len(self._wires)} uploads go on"
            time.sleep(0.1)

    def _files(self) -> set[Path]:
        return set(self._incoming.iterdir()) if self._incoming.is_dir() else set()


@contextmanager
def slow(live: Live, count: int) -> Iterator[Slow]:
    """So many going on until the end of the block; none may have been cut before."""
    host, port = live.base.removeprefix("http://").split(":")
    stop = threading.Event()
    with ExitStack() as stack, ThreadPoolExecutor(1) as pool:
        address = (host, int(port))
        wires = [
            stack.enter_context(socket.create_connection(address, timeout=30)) for _ in range(count)
        ]
        found = Slow(live, wires)
        sending = pool.submit(found.trickle, stop)
        try:
            yield found
        finally:
            stop.set()
        sending.result()


def draft(visitor: Visitor) -> list[tuple[str, str]]:
    """What the check page sends beside files, after the form was filled in without script."""
    page = visitor.fetch("/en/report/demo")
    answers = {"what_happened": "with files"}
    checked = visitor.submit(page, page.form("what_happened"), answers, multipart=True)
    return [("draft", checked.form("step=send").get("draft")), ("step", "send")]


def _beginning(live: Live) -> bytes:
    """Head and first bytes of an upload that is never sent to its end."""
    fields = draft(Visitor(live.base))
    data, headers = encode(fields, [("file", "a.bin", b"x" * _FIRST)])
    body = data[: data.rindex(b"\r\n--")]
    lines = ["POST /en/report/demo HTTP/1.1", "Host: 127.0.0.1", "Content-Length: 5000000"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _nameless(pids: Iterable[int]) -> dict[Path, int]:
    """Files that processes hold open and nobody can name any more, by their link in /proc.

    The link opens the file itself; the name it shows is of no use. What lives in memory only
    (memfd) is left out.
    """
    found = {}
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                target = str(link.readlink())
                state = link.stat()
            except OSError:
                continue
            deleted = target.endswith(" (deleted)") and not target.startswith("/memfd:")
            if deleted and stat.S_ISREG(state.st_mode):
                found[link] = state.st_size
    return found


def lying_about(folders: Iterable[Path], pids: Iterable[int]) -> dict[Path, int]:
    """Sizes of files in any temporary folder or in the instance's, and of nameless ones."""
    found = {}
    for path in places.files_below(*places.TEMPORARY, *folders):
        try:
            if path.is_file():
                found[path] = path.stat().st_size
        except OSError:
            continue
    return found | _nameless(pids)


def _quietly(path: str, flags: int) -> int:
    """Open without a trace: a journey beside this one looks at when its files were read."""
    return os.open(path, flags | getattr(os, "O_NOATIME", 0))


def holds(path: Path, word: bytes) -> bool:
    """Whether a file holds a word; one that went while we look holds nothing."""
    try:
        with open(path, "rb", opener=_quietly) as file:
            return word in file.read()
    except OSError:
        return False
