"""Jobs that time starts. None holds a key, each may run twice, each in transactions of its own.

Their payload is a name: they find their work by looking at state. Notices say that something is
there and nothing about it, at fixed hours, so that no message tells when a reporter wrote.
"""

import smtplib
from collections.abc import Callable, Iterable
from email.message import EmailMessage
from typing import Any

import structlog
from flask import current_app
from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import or_, select
from sqlalchemy.exc import OperationalError

from analytics import leftovers
from casework import erasure, invitations, rotation
from casework.models import Member, Work
from casework.policy import KEY_HOLDERS, ReportState, Role
from reporting import attachments, clock
from reporting.database import Base, db
from reporting.models import IntakeKey, Report
from reporting.settings import Settings

log = structlog.get_logger()
# The nightly rewrite waits this long for a table, and all who ask for the table wait with it.
LOCK_WAIT = "3s"
_LOCK_NOT_AVAILABLE = "55P03"
_SMTP_SECONDS = 20


def notify_staff() -> None:
    """Tell members with an address that something is in the queue. Off without a mail server."""
    settings = _settings()
    if not settings.smtp_host:
        return
    for member in _members(_organisations_with_work(), KEY_HOLDERS):
        with force_locale(member.locale):
            _send(
                settings,
                member,
                _("Something new is in your queue"),
                _("Something new is in your queue. Sign in to see it:"),
            )


def remind_rotation() -> None:
    """Ask supervisors to sign in when a key of their organisation is due to be renewed."""
    settings = _settings()
    if not settings.smtp_host:
        return
    before = clock.today() - rotation.RENEWED_AFTER
    due = db.session().scalars(
        select(IntakeKey.organisation_id)
        .where(IntakeKey.retired.is_(None), IntakeKey.created <= before)
        .distinct()
    )
    for member in _members(due, {Role.SUPERVISOR}):
        with force_locale(member.locale):
            _send(
                settings,
                member,
                _("Please sign in once"),
                _("A key of your organisation is due. It is renewed when you sign in:"),
            )


def finish_erasures() -> None:
    """Empty the queue's rows of erased reports (see `casework.erasure`)."""
    erasure.finish_erasures()


def delete_retired_keys() -> None:
    """Delete retired intake keys for which nothing waits any more."""
    rotation.delete_retired()


def delete_old_day_secrets() -> None:
    """Delete the secrets of past days, and the clock times of uploads that were cut."""
    attachments.forget_times()
    current_app.extensions["instance"].delete_old_day_secrets(clock.now())


def expire_sessions_and_invitations() -> None:
    """Delete links that are too old. Sessions end by themselves: Redis drops them."""
    invitations.delete_expired()


def nightly_rewrite() -> None:
    """Put tables without order into key order, empty what still holds old rows, delete leftovers.

    On PostgreSQL a table keeps the order of arrival until it is rewritten (sealing.md 10); SQLite's
    tables of this kind have no other order than their key. A table that somebody reads for long is
    left for the next night.
    """
    # Not to wait for oneself.
    db.session().rollback()
    if db.engine.dialect.name == "sqlite":
        erasure.forget_log()
    else:
        _put_in_order()
    # Last: a folder that cannot be read or deleted keeps no table in its order of arrival.
    attachments.sweep()
    db.session().rollback()
    leftovers.sweep()


JOBS: dict[str, Callable[..., Any]] = {
    "notify_staff": notify_staff,
    "remind_rotation": remind_rotation,
    "finish_erasures": finish_erasures,
    "delete_retired_keys": delete_retired_keys,
    "delete_old_day_secrets": delete_old_day_secrets,
    "expire_sessions_and_invitations": expire_sessions_and_invitations,
    "nightly_rewrite": nightly_rewrite,
}

# UTC. Notices at fixed hours; erasures within minutes; the rest at night.
CRON: list[tuple[str, str]] = [
    ("notify_staff", "0 7,12,16 * * *"),
    ("remind_rotation", "30 7 * * 1"),
    ("finish_erasures", "*/2 * * * *"),
    ("delete_retired_keys", "20 2 * * *"),
    ("delete_old_day_secrets", "10 * * * *"),
    ("expire_sessions_and_invitations", "40 * * * *"),
    ("nightly_rewrite", "50 2 * * *"),
]


def _settings() -> Settings:
    found: Settings = current_app.extensions["settings"]
    return found


def _organisations_with_work() -> set[bytes]:
    """Organisations with something that nobody has taken in, taken up or read."""
    database = db.session()
    arrived = database.scalars(
        select(Report.organisation_id).where(Report.sealed_key.is_not(None)).distinct()
    )
    open_work = database.scalars(
        select(Work.organisation_id)
        .where(
            or_(
                Work.fresh.is_(True),
                (Work.state == ReportState.ADMITTED) & Work.holder_id.is_(None),
            )
        )
        .distinct()
    )
    return {*arrived, *open_work}


def _members(organisations: Iterable[bytes], roles: Iterable[str]) -> list[Member]:
    return list(
        db.session().scalars(
            select(Member)
            .where(
                Member.organisation_id.in_(sorted(set(organisations))),
                Member.role.in_(sorted(roles)),
                Member.state == "active",
                Member.email.is_not(None),
                Member.email != "",
            )
            .order_by(Member.id)
        )
    )


def _send(settings: Settings, member: Member, subject: str, sentence: str) -> None:
    """One plain message. What hinders it is told about in the log, by its kind."""
    try:
        message = EmailMessage()
        message["From"] = settings.smtp_from
        message["To"] = str(member.email)
        message["Subject"] = subject
        message.set_content(f"{sentence}\n{settings.address}/staff/queue\n")
        with smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=_SMTP_SECONDS) as server:
            server.send_message(message)
    except Exception as failed:  # noqa: BLE001  # one bad address must not silence all others
        log.warning("notice not sent", error=type(failed).__name__)


def _put_in_order() -> None:
    for name, key in _unordered():
        try:
            _rewrite(name, key)
        except OperationalError as held:
            if getattr(held.orig, "sqlstate", "") != _LOCK_NOT_AVAILABLE:
                raise
            log.warning("table not rewritten", where=name)
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")


def _rewrite(name: str, key: str) -> None:
    """Put one table into key order. Raises `OperationalError` when it is held for long."""
    with db.engine.connect().execution_options(isolation_level="READ COMMITTED") as connection:
        # Behind a rewrite that waits, every request of this table waits: one long reader, a backup
        # say, and nobody could report until it ended.
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")
        connection.exec_driver_sql(f'CLUSTER "{name}" USING "{key}"')
        connection.commit()


def _unordered() -> list[tuple[str, str]]:
    """Tables that may keep no order of arrival, with the name of their key."""
    return sorted(
        (table.name, str(table.primary_key.name))
        for table in Base.metadata.tables.values()
        if table.dialect_options["sqlite"]["with_rowid"] is False
    )
