"""The instance's own secrets, each a file (sealing.md 4, 5; disclosure.md 4.2).

Never in the database, its backups, a log or a release. Holds nothing that opens a report: only day
secrets (drafts, staff sessions), the pepper, the acknowledgement key and the root of the noise.
"""

import os
import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

_NAMES = {"instance-id": 16, "pepper": 32, "acknowledgement": 32, "noise-root": 32, "csrf": 32}
# A day's secret goes 12 hours after its day: no draft and no session lives longer.
DAY_SECRET_GRACE = timedelta(hours=12)


@dataclass(frozen=True, repr=False)
class Instance:
    """Secrets of this instance, read once. `repr` shows none of them."""

    folder: Path
    instance_id: bytes
    pepper: bytes
    acknowledgement: bytes
    noise_root: bytes
    csrf: bytes

    @classmethod
    def load(cls, folder: Path) -> "Instance":
        """Read the secrets, making those that are missing; safe for many processes at once."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        values = {name: _read_or_make(folder / name, size) for name, size in _NAMES.items()}
        return cls(
            folder=folder,
            instance_id=values["instance-id"],
            pepper=values["pepper"],
            acknowledgement=values["acknowledgement"],
            noise_root=values["noise-root"],
            csrf=values["csrf"],
        )

    def day_secret(self, day: date) -> bytes:
        """The 32 random bytes of a UTC day, made on first use.

        File and folders bear midnight: the first use may be a reporter's, at a telling time. The
        time of reading lies ahead, or the system would note the next reader's.
        """
        known = self.known_day_secret(day)
        if known is not None:
            return known
        path = self.folder / "days" / day.isoformat()
        secret = _read_or_make(path, 32)
        midnight = datetime.combine(day, datetime.min.time(), UTC)
        read, written = (midnight + timedelta(days=1)).timestamp(), midnight.timestamp()
        for bearing in (path, path.parent, self.folder):
            os.utime(bearing, (read, written))
        return secret

    def known_day_secret(self, day: date) -> bytes | None:
        """The same without making one: a day whose secret is gone stays gone."""
        try:
            return (self.folder / "days" / day.isoformat()).read_bytes()
        except FileNotFoundError:
            return None

    def delete_old_day_secrets(self, now: datetime) -> int:
        """Delete the secrets of days that ended more than 12 hours ago; returns how many."""
        gone = 0
        days = self.folder / "days"
        for path in sorted(days.iterdir()) if days.is_dir() else []:
            if len(path.name) != 10:
                continue
            ended = datetime.combine(date.fromisoformat(path.name), datetime.min.time(), UTC)
            if now >= ended + timedelta(days=1) + DAY_SECRET_GRACE:
                path.unlink(missing_ok=True)
                gone += 1
        return gone


def _read_or_make(path: Path, size: int) -> bytes:
    """Read a secret; make it whole-or-not-at-all when it is missing.

    The link is the atomic step: of two processes that make it at once, one wins and both read that.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        pass
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(size))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass  # another process made it first; its secret is the one
    finally:
        fresh.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return path.read_bytes()
