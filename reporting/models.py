"""What the reporter's side keeps: sealed reports, their files, messages, and public keys.

Never holds plaintext, a clock time, or a key that opens anything. The two wrapped keys of a report
are columns here, so that an erasure by the mailbox's authority deletes them at once (sealing.md 6).
"""

from datetime import date

from sqlalchemy import Boolean, Date, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from reporting.database import UNORDERED, Base, Id


class Organisation(Base):
    """One member organisation: what reporters may know of it."""

    __tablename__ = "organisation"

    id: Mapped[bytes] = mapped_column(Id, primary_key=True, info={"holds": "opaque"})
    slug: Mapped[str] = mapped_column(String(40), unique=True, info={"holds": "public"})
    name: Mapped[str] = mapped_column(Text, info={"holds": "public"})
    # JSON, keyed by locale: what the organisation can do, and how else to reach it.
    about: Mapped[str] = mapped_column(Text, default="{}", info={"holds": "public"})
    contact: Mapped[str] = mapped_column(Text, default="{}", info={"holds": "public"})
    identity_key: Mapped[bytes] = mapped_column(info={"holds": "public"})
    closed: Mapped[bool] = mapped_column(Boolean, default=False, info={"holds": "public"})
    # "Agrees to be recognisable in coalition tables" (disclosure.md 4.7, 4).
    recognisable: Mapped[bool] = mapped_column(Boolean, default=False, info={"holds": "public"})


class IntakeKey(Base):
    """The public half of an intake key; retired ones answer 410 until they are deleted."""

    __tablename__ = "intake_key"

    key_id: Mapped[bytes] = mapped_column(Id, primary_key=True, info={"holds": "public"})
    organisation_id: Mapped[bytes] = mapped_column(
        Id, ForeignKey("organisation.id"), index=True, info={"holds": "opaque"}
    )
    public_key: Mapped[bytes] = mapped_column(info={"holds": "public"})
    created: Mapped[date] = mapped_column(Date, info={"holds": "day"})
    signature: Mapped[bytes] = mapped_column(info={"holds": "public"})
    retired: Mapped[date | None] = mapped_column(Date, info={"holds": "day"})


class Report(Base):
    """One sealed report or addition. Exactly one of the two wrapped keys is there."""

    __tablename__ = "report"
    __table_args__ = (
        # Only those not yet admitted: opening the queue must not walk past all others.
        Index(
            "ix_report_waiting",
            "organisation_id",
            "key_id",
            sqlite_where=text("sealed_key IS NOT NULL"),
            postgresql_where=text("sealed_key IS NOT NULL"),
        ),
        UNORDERED,
    )

    report_id: Mapped[bytes] = mapped_column(Id, primary_key=True, info={"holds": "opaque"})
    organisation_id: Mapped[bytes] = mapped_column(
        Id, ForeignKey("organisation.id"), info={"holds": "opaque"}
    )
    kind: Mapped[str] = mapped_column(String(8), info={"holds": "code"})
    # The intake key it was sealed to.
    key_id: Mapped[bytes] = mapped_column(Id, info={"holds": "opaque"})
    # SEAL to the intake key; deleted when the report is admitted.
    sealed_key: Mapped[bytes | None] = mapped_column(info={"holds": "ciphertext"})
    # BOX under casework key (then `boxed_epoch` says which) or under an incident's object key.
    boxed_key: Mapped[bytes | None] = mapped_column(info={"holds": "ciphertext"})
    boxed_epoch: Mapped[int | None] = mapped_column(Integer, info={"holds": "code"})
    body: Mapped[bytes] = mapped_column(info={"holds": "ciphertext"})
    # HMAC of the mailbox token under the pepper.
    mailbox: Mapped[bytes] = mapped_column(index=True, info={"holds": "opaque"})
    day: Mapped[date] = mapped_column(Date, info={"holds": "day"})


class Attachment(Base):
    """One sealed file; its bytes lie in the attachment folder under report id and index."""

    __tablename__ = "attachment"
    __table_args__ = (UNORDERED,)

    report_id: Mapped[bytes] = mapped_column(
        Id,
        ForeignKey("report.report_id", ondelete="CASCADE"),
        primary_key=True,
        info={"holds": "opaque"},
    )
    index: Mapped[int] = mapped_column(Integer, primary_key=True, info={"holds": "code"})
    length: Mapped[int] = mapped_column(Integer, info={"holds": "code"})
    sha256: Mapped[bytes] = mapped_column(info={"holds": "opaque"})


class Submission(Base):
    """Memory that a report was received, so that a repeat stores nothing twice.

    Outlives an erasure until its intake key goes: an erased report is not replayed.
    """

    __tablename__ = "submission"
    __table_args__ = (UNORDERED,)

    # HMAC of the report id, or of what a repeat without script is known by, and of all bytes
    # received, or of the place where an addition without script lies; under
    # DERIVE(pepper, "submission").
    by_id: Mapped[bytes] = mapped_column(primary_key=True, info={"holds": "opaque"})
    by_bytes: Mapped[bytes] = mapped_column(info={"holds": "opaque"})
    key_id: Mapped[bytes] = mapped_column(Id, index=True, info={"holds": "opaque"})
    day: Mapped[date] = mapped_column(Date, info={"holds": "day"})


class Message(Base):
    """One message from staff, sealed to the reporter's reply key."""

    __tablename__ = "message"
    __table_args__ = (UNORDERED,)

    message_id: Mapped[bytes] = mapped_column(Id, primary_key=True, info={"holds": "opaque"})
    mailbox: Mapped[bytes] = mapped_column(index=True, info={"holds": "opaque"})
    report_id: Mapped[bytes] = mapped_column(Id, info={"holds": "opaque"})
    day: Mapped[date] = mapped_column(Date, info={"holds": "day"})
    sealed: Mapped[bytes] = mapped_column(info={"holds": "ciphertext"})


class ErasureOrder(Base):
    """The reporter erased this report. Kept: replayed after a restore from backup."""

    __tablename__ = "erasure_order"
    __table_args__ = (UNORDERED,)

    report_id: Mapped[bytes] = mapped_column(Id, primary_key=True, info={"holds": "opaque"})
    organisation_id: Mapped[bytes] = mapped_column(Id, index=True, info={"holds": "opaque"})
    day: Mapped[date] = mapped_column(Date, info={"holds": "day"})
