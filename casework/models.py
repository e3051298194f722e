"""Members, keys, workflow states, incidents and the audit chain.

In the clear: who works here, who holds what, which state. Everything said in or about a report is
boxed under keys that only a signed-in member's session opens.
"""

from datetime import date, datetime

from sqlalchemy import (
    Boolean,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from reporting.database import UNORDERED, Base, Id


class Member(Base):
    """A person who signs in. Leads and administrators belong to no organisation, hold no keys."""

    __tablename__ = "member"

    id: Mapped[bytes] = mapped_column(Id, primary_key=True, info={"holds": "opaque"})
    organisation_id: Mapped[bytes | None] = mapped_column(
        Id, ForeignKey("organisation.id"), index=True, info={"holds": "opaque"}
    )
    name: Mapped[str] = mapped_column(Text, info={"holds": "name"})
    # NFKC case-folded name: what is typed at sign-in; one of a kind in the instance.
    sign_in_name: Mapped[str] = mapped_column(Text, unique=True, info={"holds": "name"})
    role: Mapped[str] = mapped_column(String(16), info={"holds": "code"})
    state: Mapped[str] = mapped_column(String(10), info={"holds": "code"})
    locale: Mapped[str] = mapped_column(String(12), default="en", info={"holds": "code"})
    email: Mapped[str | None] = mapped_column(Text, info={"holds": "name"})
    # X-Wing public key, and BOX(pepper key, "sign-in", id, …) of salt, verifier hash, boxed seed,
    # boxed TOTP secret and last time step (sealing.md 4).
    public_key: Mapped[bytes | None] = mapped_column(info={"holds": "public"})
    sign_in: Mapped[bytes | None] = mapped_column(info={"holds": "ciphertext"})
    # BOX(DERIVE(seed, "member-state"), …): identity key, roster number, audit head seen last.
    member_state: Mapped[bytes | None] = mapped_column(info={"holds": "ciphertext"})
    failures: Mapped[int] = mapped_column(Integer, default=0, info={"holds": "code"})
    locked_until: Mapped[datetime | None] = mapped_column(info={"holds": "staff time"})


class Invitation(Base):
    """A one-time link, valid 72 hours; only the SHA-256 of its token is kept."""

    __tablename__ = "invitation"

    token_sha256: Mapped[bytes] = mapped_column(primary_key=True, info={"holds": "opaque"})
    member_id: Mapped[bytes] = mapped_column(Id, ForeignKey("member.id"), info={"holds": "opaque"})
    expires: Mapped[datetime] = mapped_column(info={"holds": "staff time"})


class Grant(Base):
    """A key sealed to a member or to the recovery key (sealing.md 4)."""

    __tablename__ = "key_grant"

    holder_id: Mapped[bytes] = mapped_column(Id, primary_key=True, info={"holds": "opaque"})
    key_id: Mapped[bytes] = mapped_column(Id, primary_key=True, info={"holds": "opaque"})
    organisation_id: Mapped[bytes] = mapped_column(
        Id, ForeignKey("organisation.id"), index=True, info={"holds": "opaque"}
    )
    # "intake", "casework" or "identity".
    kind: Mapped[str] = mapped_column(String(8), info={"holds": "code"})
    # Of a casework key.
    epoch: Mapped[int | None] = mapped_column(Integer, info={"holds": "code"})
    sealed: Mapped[bytes] = mapped_column(info={"holds": "ciphertext"})


class RosterRow(Base):
    """Who belongs to an organisation and which keys are its own, signed (sealing.md 4)."""

    __tablename__ = "roster"

    organisation_id: Mapped[bytes] = mapped_column(
        Id, ForeignKey("organisation.id"), primary_key=True, info={"holds": "opaque"}
    )
    number: Mapped[int] = mapped_column(Integer, primary_key=True, info={"holds": "code"})
    # JSON of ids, roles and public keys, as the bytes that were signed.
    content: Mapped[bytes] = mapped_column(info={"holds": "public"})
    # SIGN(identity, "roster", content).
    signature: Mapped[bytes] = mapped_column(info={"holds": "public"})


class AuditEntry(Base):
    """One link of the audit chain of an organisation, or of the instance (16 zero bytes)."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_subject", "chain", "subject", "seq"),)

    chain: Mapped[bytes] = mapped_column(Id, primary_key=True, info={"holds": "opaque"})
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, info={"holds": "code"})
    # Copy of the entry's subject, to find what was done to one thing; `verify` compares it.
    subject: Mapped[bytes | None] = mapped_column(Id, info={"holds": "opaque"})
    # The JSON array as the bytes that were hashed.
    entry: Mapped[bytes] = mapped_column(info={"holds": "staff time"})
    hash: Mapped[bytes] = mapped_column(info={"holds": "opaque"})


class SignedHead(Base):
    """A head of an organisation's chain that a supervisor's session signed (sealing.md 8).

    The head is part of the key: of two signed for one place, neither is overwritten.
    """

    __tablename__ = "signed_head"

    organisation_id: Mapped[bytes] = mapped_column(
        Id, ForeignKey("organisation.id"), primary_key=True, info={"holds": "opaque"}
    )
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, info={"holds": "code"})
    head: Mapped[bytes] = mapped_column(primary_key=True, info={"holds": "opaque"})
    # SIGN(identity, "audit-head", organisation id || head).
    signature: Mapped[bytes] = mapped_column(info={"holds": "public"})


class Incident(Base):
    """The event. Its words and codes are boxed items; here are its state and its key."""

    __tablename__ = "incident"
    __table_args__ = (
        Index("ix_incident_list", "organisation_id", "state", "day", "id"),
        Index(
            "ix_incident_waits",
            "organisation_id",
            sqlite_where=text("waits"),
            postgresql_where=text("waits"),
        ),
    )

    id: Mapped[bytes] = mapped_column(Id, primary_key=True, info={"holds": "opaque"})
    organisation_id: Mapped[bytes] = mapped_column(
        Id, ForeignKey("organisation.id"), info={"holds": "opaque"}
    )
    state: Mapped[str] = mapped_column(String(8), info={"holds": "code"})
    holder_id: Mapped[bytes | None] = mapped_column(Id, info={"holds": "opaque"})
    version: Mapped[int] = mapped_column(Integer, default=1, info={"holds": "code"})
    day: Mapped[date] = mapped_column(Date, info={"holds": "day"})
    object_key: Mapped[bytes] = mapped_column(info={"holds": "ciphertext"})
    epoch: Mapped[int] = mapped_column(Integer, info={"holds": "code"})
    digest: Mapped[bytes | None] = mapped_column(info={"holds": "ciphertext"})
    digest_epoch: Mapped[int | None] = mapped_column(Integer, info={"holds": "code"})
    # Its record waits to be put or withdrawn (sealing.md 7).
    waits: Mapped[bool] = mapped_column(Boolean, default=False, info={"holds": "code"})


class Work(Base):
    """Where an admitted report stands in the work: state, holder, digest, incident."""

    __tablename__ = "work"
    __table_args__ = (
        Index("ix_work_queue", "organisation_id", "state", "day", "report_id"),
        Index("ix_work_holder", "organisation_id", "state", "holder_id", "day", "report_id"),
        Index(
            "ix_work_all",
            "organisation_id",
            "day",
            "report_id",
            sqlite_where=text("parent_id IS NULL"),
            postgresql_where=text("parent_id IS NULL"),
        ),
        Index(
            "ix_work_fresh",
            "organisation_id",
            "day",
            "report_id",
            sqlite_where=text("fresh"),
            postgresql_where=text("fresh"),
        ),
        Index(
            "ix_work_unsettled",
            "organisation_id",
            sqlite_where=text("state = 'erased' AND incident_id IS NOT NULL"),
            postgresql_where=text("state = 'erased' AND incident_id IS NOT NULL"),
        ),
        Index("ix_work_incident", "incident_id"),
        Index("ix_work_parent", "parent_id"),
        UNORDERED,
    )

    report_id: Mapped[bytes] = mapped_column(Id, primary_key=True, info={"holds": "opaque"})
    organisation_id: Mapped[bytes] = mapped_column(
        Id, ForeignKey("organisation.id"), info={"holds": "opaque"}
    )
    state: Mapped[str] = mapped_column(String(10), info={"holds": "code"})
    kind: Mapped[str] = mapped_column(String(8), info={"holds": "code"})
    day: Mapped[date] = mapped_column(Date, info={"holds": "day"})
    holder_id: Mapped[bytes | None] = mapped_column(Id, info={"holds": "opaque"})
    claimed: Mapped[datetime | None] = mapped_column(info={"holds": "staff time"})
    version: Mapped[int] = mapped_column(Integer, default=1, info={"holds": "code"})
    incident_id: Mapped[bytes | None] = mapped_column(
        Id, ForeignKey("incident.id"), info={"holds": "opaque"}
    )
    # Of an addition: the report it adds to; it goes where that report goes.
    parent_id: Mapped[bytes | None] = mapped_column(Id, info={"holds": "opaque"})
    # "New from the reporter": an addition came in and nobody has read it yet.
    fresh: Mapped[bool] = mapped_column(Boolean, default=False, info={"holds": "code"})
    digest: Mapped[bytes | None] = mapped_column(info={"holds": "ciphertext"})
    digest_epoch: Mapped[int | None] = mapped_column(Integer, info={"holds": "code"})


class Item(Base):
    """One boxed thing staff added to an incident: coding, note, answer, record id."""

    __tablename__ = "item"

    object_id: Mapped[bytes] = mapped_column(
        Id,
        ForeignKey("incident.id", ondelete="CASCADE"),
        primary_key=True,
        info={"holds": "opaque"},
    )
    item_id: Mapped[bytes] = mapped_column(Id, primary_key=True, info={"holds": "opaque"})
    revision: Mapped[int] = mapped_column(Integer, primary_key=True, info={"holds": "code"})
    # "coding", "note", "answer", "record" or "reason".
    kind: Mapped[str] = mapped_column(String(8), info={"holds": "code"})
    # With who wrote it and when.
    boxed: Mapped[bytes] = mapped_column(info={"holds": "ciphertext"})


class HandOver(Base):
    """The month in which an organisation's waiting records were last handed over."""

    __tablename__ = "hand_over"

    organisation_id: Mapped[bytes] = mapped_column(
        Id, ForeignKey("organisation.id"), primary_key=True, info={"holds": "opaque"}
    )
    month: Mapped[str] = mapped_column(Text, info={"holds": "month"})
