"""Statistical records, releases and published statements.

No foreign key to anything outside, no text, no day, nothing that leads back to an incident.
"""

from datetime import date

from sqlalchemy import BigInteger, Date, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from reporting.database import UNORDERED, Base, Id


class Record(Base):
    """The coded facts of one incident: codes, month not day (sealing.md 7, disclosure.md 4.1)."""

    __tablename__ = "record"
    __table_args__ = (Index("ix_record_scope", "ref_year", "organisation_id"), UNORDERED)

    id: Mapped[bytes] = mapped_column(Id, primary_key=True, info={"holds": "opaque"})
    organisation_id: Mapped[bytes] = mapped_column(Id, info={"holds": "opaque"})
    ref_year: Mapped[int] = mapped_column(Integer, info={"holds": "code"})
    # "2025-03" or "2025-unknown".
    month: Mapped[str] = mapped_column(String(12), info={"holds": "month"})
    country: Mapped[str] = mapped_column(String(8), info={"holds": "code"})
    type: Mapped[str] = mapped_column(String(40), info={"holds": "code"})
    setting: Mapped[str] = mapped_column(String(40), info={"holds": "code"})
    vocabulary: Mapped[int] = mapped_column(Integer, info={"holds": "code"})
    # First 36 bits of HMAC(K_rec, id): disclosure.md 4.3.
    rkey: Mapped[int] = mapped_column(BigInteger, info={"holds": "opaque"})


class RecordCode(Base):
    """A code of a multi-valued field of a record: its bias grounds, and all its acts."""

    __tablename__ = "record_code"
    __table_args__ = (UNORDERED,)

    record_id: Mapped[bytes] = mapped_column(Id, primary_key=True, info={"holds": "opaque"})
    # "motive", "motive_group" or "act".
    field: Mapped[str] = mapped_column(String(16), primary_key=True, info={"holds": "code"})
    code: Mapped[str] = mapped_column(String(40), primary_key=True, info={"holds": "code"})


class Release(Base):
    """One proposed, refused or published set of tables. Published ones never change."""

    __tablename__ = "release"
    __table_args__ = (UniqueConstraint("scope", "ref_year", "published_once"),)

    id: Mapped[bytes] = mapped_column(Id, primary_key=True, info={"holds": "opaque"})
    scope: Mapped[str] = mapped_column(String(40), info={"holds": "code"})
    ref_year: Mapped[int] = mapped_column(Integer, info={"holds": "code"})
    vintage: Mapped[int] = mapped_column(Integer, info={"holds": "code"})
    state: Mapped[str] = mapped_column(String(12), info={"holds": "code"})
    # True when published, NULL before: the unique constraint lets one period be published once.
    published_once: Mapped[bool | None] = mapped_column(info={"holds": "code"})
    reason: Mapped[str | None] = mapped_column(String(40), info={"holds": "code"})
    menu_version: Mapped[int] = mapped_column(Integer, info={"holds": "code"})
    vocabulary: Mapped[int] = mapped_column(Integer, info={"holds": "code"})
    # JSON: T, D, V and what else 4.11 publishes; and SHA-256 by file name.
    parameters: Mapped[str] = mapped_column(Text, default="{}", info={"holds": "public"})
    files: Mapped[str] = mapped_column(Text, default="{}", info={"holds": "public"})
    created: Mapped[date] = mapped_column(Date, info={"holds": "day"})
    proposed_by: Mapped[bytes] = mapped_column(Id, info={"holds": "opaque"})
    checked_by: Mapped[bytes | None] = mapped_column(Id, info={"holds": "opaque"})
    previous_id: Mapped[bytes | None] = mapped_column(Id, info={"holds": "opaque"})
    # SHA-256 over the ids of all releases published when this one was audited (4.9 looks at them).
    audited_with: Mapped[bytes | None] = mapped_column(info={"holds": "opaque"})


class Statement(Base):
    """One cell of a release: the number that is stated, and the boxed count it was made from."""

    __tablename__ = "statement"
    __table_args__ = (UNORDERED,)

    release_id: Mapped[bytes] = mapped_column(Id, primary_key=True, info={"holds": "opaque"})
    # BLAKE2b of the definition string, 16 bytes (disclosure.md 4.6).
    coord: Mapped[bytes] = mapped_column(primary_key=True, info={"holds": "opaque"})
    scope: Mapped[str] = mapped_column(String(40), info={"holds": "code"})
    ref_year: Mapped[int] = mapped_column(Integer, info={"holds": "code"})
    definition: Mapped[str] = mapped_column(Text, info={"holds": "public"})
    vintage: Mapped[int] = mapped_column(Integer, info={"holds": "code"})
    n_ref: Mapped[bytes] = mapped_column(info={"holds": "ciphertext"})
    status: Mapped[str] = mapped_column(String(8), info={"holds": "public"})
    value: Mapped[int | None] = mapped_column(Integer, info={"holds": "public"})
    low: Mapped[int | None] = mapped_column(Integer, info={"holds": "public"})
    high: Mapped[int | None] = mapped_column(Integer, info={"holds": "public"})
