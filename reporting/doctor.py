"""`upstander doctor`: what is wrong or unwise about an installation, a line each.

Reads states and modes, never what a secret holds.
"""

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from reporting import health
from reporting.database import db
from reporting.family import StartRefused
from reporting.processes import prepare
from reporting.settings import Settings

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
# Linux says it here; other systems have no such file.
SWAPS = Path("/proc/swaps")
MARKS = {"ok": "ok  ", "note": "note", "bad": "BAD "}


@dataclass(frozen=True)
class Finding:
    """One line of the doctor."""

    mark: str
    words: str

    @property
    def bad(self) -> bool:
        """Whether it must be mended."""
        return self.mark == "bad"

    def __str__(self) -> str:
        return f"{MARKS[self.mark]}  {self.words}"


def outside(settings: Settings) -> list[Finding]:
    """What can be seen without the application: folders, addresses, the machine."""
    try:
        prepare(settings)
    except StartRefused as refused:
        return [Finding("bad", str(refused))]
    found = [Finding("ok", f"data folder {settings.data_dir}")]
    if settings.secrets_dir.is_relative_to(settings.data_dir):
        found.append(
            Finding(
                "note",
                "the secrets lie in the data folder, and in its backups: "
                "UPSTANDER_SECRETS_DIR puts them elsewhere",
            )
        )
    found += [
        Finding("bad", f"{path} can be read by others: chmod go-rwx")
        for path in (settings.data_dir, settings.secrets_dir, *_files(settings.secrets_dir))
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    if settings.host not in LOOPBACK and not settings.address.startswith("https://"):
        found.append(
            Finding("bad", "reachable from outside without TLS: UPSTANDER_PUBLIC_URL is not https")
        )
    if settings.smtp_host and settings.smtp_host not in LOOPBACK:
        found.append(
            Finding(
                "note",
                "UPSTANDER_SMTP_HOST is another machine: staff addresses go there in the clear; "
                "a relay on this one can send them on by TLS",
            )
        )
    if not settings.emergency_number:
        found.append(Finding("note", "no emergency number is set: pages say it in general words"))
    if not settings.help_lines:
        found.append(Finding("note", "no help lines are set: UPSTANDER_HELP_LINES"))
    if (settings.data_dir / "demo-sign-ins.json").exists():
        found.append(Finding("note", "the demo's sign-ins lie in the data folder: no real reports"))
    if swaps := _swaps():
        found.append(Finding("note", swaps))
    return found


def inside() -> list[Finding]:
    """What the application sees: database and its schema, Redis and its memory, disk, worker."""
    found = [
        Finding("ok" if fine else "bad", f"{name} {'answers' if fine else 'is not there'}")
        for name, fine in health.checks().items()
    ]
    try:
        found.append(_schema())
    except SQLAlchemyError as error:
        found.append(Finding("bad", f"the schema cannot be read: {type(error).__name__}"))
    found += _redis_keeps(current_app.extensions["redis"])
    return found


def _schema() -> Finding:
    session: Any = db.session
    session.execute(text("SELECT 1"))
    now = MigrationContext.configure(session.connection()).get_current_heads()
    folder = current_app.extensions["migrate"].directory
    newest = ScriptDirectory(folder).get_heads()
    if set(now) == set(newest):
        return Finding("ok", "database schema is the newest")
    return Finding("bad", "database schema is old: upstander migrate")


def _redis_keeps(connection: redis.Redis) -> list[Finding]:
    """Sessions and jobs in flight are lost at a restart of a Redis that keeps nothing."""
    try:
        state: Any = connection.info("persistence")
    except redis.RedisError:
        return []
    if state.get("aof_enabled"):
        return [Finding("ok", "Redis keeps an append-only file")]
    return [Finding("note", "Redis keeps no append-only file: a restart signs everybody out")]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*")) if folder.is_dir() else []


def _swaps() -> str:
    """What is known of swap; empty where there is none. Silence elsewhere would pass for none."""
    if not SWAPS.exists():
        return "cannot see whether this machine swaps: then memory, and what is in it, goes to disk"
    if len(SWAPS.read_text().splitlines()) > 1:
        return "this machine swaps: memory, and what is in it, goes to disk"
    return ""
