"""Sealed files: whole or not at all, swept when a crash left them."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from reporting import attachments
from reporting.attachments import MAX_SEALED, AttachmentTooLarge, Incoming
from reporting.sealing import random_id
from tests.factories_reporting import make_organisation, seal


def files(settings: Any) -> list[str]:
    return sorted(p.name for p in settings.attachments_dir.rglob("*") if p.is_file())


def test_file_is_kept_under_its_reports_id(app: Flask, settings: Any) -> None:
    report_id = random_id()
    incoming = Incoming()
    incoming.write(b"sealed")
    incoming.finish()
    incoming.keep(report_id, 3)
    incoming.discard()
    assert attachments.path(report_id, 3).read_bytes() == b"sealed"
    assert files(settings) == [f"{report_id.hex()}-3"]
    attachments.delete(report_id)
    assert files(settings) == []


def test_more_than_the_limit_is_refused(app: Flask, settings: Any) -> None:
    incoming = Incoming()
    incoming.length = MAX_SEALED
    with pytest.raises(AttachmentTooLarge):
        incoming.write(b"x")
    incoming.discard()
    assert files(settings) == []


def test_sweep_deletes_what_a_crash_left_and_nothing_else(
    app: Flask, client: FlaskClient, settings: Any, clock_at: Callable[[datetime], None]
) -> None:
    sealed = seal(make_organisation(), files=[b"one"])
    sealed.post(client)
    cut, lost, fresh = Incoming(), Incoming(), Incoming()
    for incoming in (cut, lost, fresh):
        incoming.write(b"x")
        incoming.finish()
    lost.keep(random_id(), 0)
    now = datetime.now(UTC)
    clock_at(now)
    assert attachments.sweep() == 0
    clock_at(now + timedelta(days=4))
    os.utime(fresh._path)
    later = (now + timedelta(days=4)).timestamp()
    os.utime(fresh._path, (later, later))
    assert attachments.sweep() == 2
    kept = [attachments.path(sealed.envelope.report_id, 0).name, fresh._path.name]
    assert files(settings) == sorted(kept)
    fresh.discard()


def test_cut_upload_keeps_no_clock_time_and_is_still_swept(
    app: Flask, settings: Any, clock_at: Callable[[datetime], None]
) -> None:
    """A killed worker runs no `discard`: the file would tell when a reporter wrote, for days."""
    attachments.forget_times()
    incoming = Incoming()
    incoming.write(b"cut")
    now = datetime.now(UTC)
    written = (now - timedelta(days=1)).timestamp()
    os.utime(incoming._path, (written, written))
    attachments.forget_times()
    for path in (incoming._path, incoming._path.parent):
        found = path.stat()
        assert found.st_mtime % 86400 == 0
        assert found.st_atime % 86400 == 0
    assert incoming._path.stat().st_mtime == written - written % 86400, "its own day, not today"
    clock_at(now + timedelta(days=2))
    attachments.forget_times()
    assert attachments.sweep() == 1
    assert files(settings) == []
    incoming.discard()
