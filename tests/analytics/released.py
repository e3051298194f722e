"""A release as its row and its files say it, and why one was refused."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from analytics import deployment
from analytics.models import Release
from analytics.release import ReleaseRefused
from reporting.database import db
from reporting.sealing import b64


def get(release_id: bytes) -> Release:
    session: Any = db.session
    session.expire_all()
    found: Release = session.get(Release, release_id)
    return found


def refusal(call: Callable[..., object], *args: object) -> str:
    with pytest.raises(ReleaseRefused) as refused:
        call(*args)
    db.session.rollback()
    return refused.value.reason


def read_csv(release_id: bytes, name: str = "statistics.csv") -> list[dict[str, str]]:
    data = (deployment.releases_dir() / b64(release_id) / name).read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(data)))


def get_only() -> Release:
    return db.session.scalars(select(Release)).one()
