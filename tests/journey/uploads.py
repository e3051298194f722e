"""What an upload leaves while it runs: files in temporary folders, open files without a name."""

import stat
from collections.abc import Iterable
from pathlib import Path

from tests.journey import places


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


def lying_about(data_dir: Path, pids: Iterable[int]) -> dict[Path, int]:
    """Sizes of files in any temporary folder or in the data folder, and of nameless ones."""
    found = {}
    for path in places.files_below(*places.TEMPORARY, data_dir):
        try:
            if path.is_file():
                found[path] = path.stat().st_size
        except OSError:
            continue
    return found | _nameless(pids)


def holds(path: Path, word: bytes) -> bool:
    """Whether a file holds a word; one that went while we look holds nothing."""
    try:
        return word in path.read_bytes()
    except OSError:
        return False
