"""Sealed files on disk: written under a temporary name, kept under the report's, found again.

Ciphertext only. Every file and folder bears midnight of its day, so that no file time tells when a
reporter wrote. A crash leaves a temporary file or one without a row; `sweep` removes both.
"""

import hashlib
import os
import secrets
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import current_app
from sqlalchemy import select

from reporting import clock
from reporting.database import db
from reporting.envelope import MAX_ATTACHMENT_SIZE, MAX_ATTACHMENTS, sealed_length
from reporting.models import Attachment
from reporting.sealing import b64

MAX_SEALED = sealed_length(MAX_ATTACHMENT_SIZE)
# An upload over a slow line is still going on; what is older was cut off.
ABANDONED = timedelta(days=2)
_INCOMING = "incoming"
_DAY = 24 * 3600


class AttachmentTooLarge(Exception):
    """A file longer than the limit, or one more than the limit allows."""


class Incoming:
    """One sealed file while it comes in. Use `keep` or `discard`, the first before the commit."""

    def __init__(self) -> None:
        folder = _folder() / _INCOMING
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / secrets.token_hex(16)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        self._hash = hashlib.sha256()
        self.length = 0

    def write(self, sealed: bytes) -> None:
        """Add sealed bytes. Raises `AttachmentTooLarge`."""
        if self.length + len(sealed) > MAX_SEALED:
            raise AttachmentTooLarge
        if sealed:
            self._file.write(sealed)
            self._hash.update(sealed)
            self.length += len(sealed)

    def finish(self) -> None:
        """All bytes are here: on the disk before any row says so."""
        os.fsync(self._file.fileno())
        self._file.close()
        midnight(self._path)

    @property
    def sha256(self) -> bytes:
        """Hash of the sealed bytes, for the acknowledgement."""
        return self._hash.digest()

    def keep(self, report_id: bytes, index: int) -> None:
        """Give the file its lasting name. The caller owns `report_id` and commits next."""
        target = path(report_id, index)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path.rename(target)
        for folder in (target.parent, _folder() / _INCOMING, _folder()):
            _sync(folder)
            midnight(folder)

    def discard(self) -> None:
        """Forget a file that was not kept; harmless after `keep`."""
        self._file.close()
        self._path.unlink(missing_ok=True)
        midnight(self._path.parent)


def path(report_id: bytes, index: int) -> Path:
    """Where an attachment lies. The name holds ids only, never what a reporter called it."""
    return _folder() / b64(report_id)[:2] / f"{report_id.hex()}-{index}"


def midnight(path: Path) -> None:
    """Give a file or folder the first moment of this UTC day as its times."""
    day = datetime.combine(clock.today(), datetime.min.time(), UTC).timestamp()
    os.utime(path, (day, day))


def forget_times() -> None:
    """Give what is coming in midnight of its own day: a killed worker could not do it.

    Its own and not today's, or an upload that was cut would never be old enough for `sweep`.
    """
    folder = _folder() / _INCOMING
    if not folder.is_dir():
        return
    for found in (*folder.iterdir(), folder):
        # A file that is kept or discarded at this moment has its times from there.
        with suppress(FileNotFoundError):
            written = found.stat().st_mtime
            os.utime(found, (written - written % _DAY,) * 2)


def delete(report_id: bytes) -> None:
    """Delete all files of a report, those too that no row knows."""
    for index in range(MAX_ATTACHMENTS):
        target = path(report_id, index)
        if target.exists():
            target.unlink(missing_ok=True)
            _sync(target.parent)
            midnight(target.parent)


def sweep() -> int:
    """Delete what a crash left: cut uploads, and files whose row was never committed or is gone."""
    if not _folder().is_dir():
        return 0
    before = (clock.now() - ABANDONED).timestamp()
    session: Any = db.session
    gone = 0
    for folder in sorted(p for p in _folder().iterdir() if p.is_dir()):
        old = [p for p in folder.iterdir() if p.stat().st_mtime < before]
        if folder.name != _INCOMING and old:
            ids = {bytes.fromhex(p.name.partition("-")[0]) for p in old}
            rows = select(Attachment.report_id).where(Attachment.report_id.in_(ids))
            known = set(session.scalars(rows))
            old = [p for p in old if bytes.fromhex(p.name.partition("-")[0]) not in known]
        for lost in old:
            lost.unlink(missing_ok=True)
            gone += 1
        if old:
            midnight(folder)
    return gone


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _folder() -> Path:
    folder: Path = current_app.extensions["settings"].attachments_dir
    return folder
