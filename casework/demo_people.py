"""The demo's invented organisations and people, and the one file with their secrets in clear.

`DATA_DIR/demo-sign-ins.json`, mode 0600, is written before each member is: an interruption may
leave a sign-in without its member, never a member nobody can sign in as. Made only for the demo.
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyotp
from sqlalchemy import select

from casework import credentials, invitations, members, organisations, sessions, signing_in
from casework.credentials import NewMember
from casework.models import Member
from casework.policy import Role
from casework.sessions import Session
from reporting import clock
from reporting.database import db, transaction
from reporting.models import Organisation
from reporting.sealing import random_id

FILE = "demo-sign-ins.json"


@dataclass(frozen=True)
class Invented:
    """An invented organisation: what it says of itself, its supervisor and its caseworkers."""

    slug: str
    name: str
    about: dict[str, str]
    contact: dict[str, str]
    supervisor: str
    caseworkers: tuple[str, ...]


ORGANISATIONS = (
    Invented(
        slug="demo",
        name="Harbour Advice",
        about={
            "en": "For everyone in the harbour district. We listen, explain your rights and go "
            "with you to offices. We read reports from Monday to Friday.",
            "ar": "لكل من يسكن حي الميناء. نستمع ونشرح الحقوق ونرافقكم إلى الدوائر. "
            "نقرأ البلاغات من الاثنين إلى الجمعة.",
        },
        contact={
            "en": "Come by on Tuesdays: community hall, ground floor.",
            "ar": "تفضلوا بزيارتنا كل ثلاثاء: القاعة الأهلية، الطابق الأرضي.",
        },
        supervisor="Mona Lind",
        caseworkers=("Sami Noor", "Ruth Ekman"),
    ),
    Invented(
        slug="demo-two",
        name="Open House",
        about={
            "en": "Advice in three languages for people who work here and came from elsewhere.",
            "ar": "مشورة بثلاث لغات لمن يعملون هنا وجاؤوا من بلدان أخرى.",
        },
        contact={
            "en": "Our door is open every afternoon.",
            "ar": "بابنا مفتوح كل يوم بعد الظهر.",
        },
        supervisor="Ines Vidal",
        caseworkers=("Pau Serra", "Lena Roux"),
    ),
    Invented(
        slug="demo-three",
        name="Bridge Street",
        about={
            "en": "Neighbours who help neighbours after an attack, and talk to the authorities.",
            "ar": "جيران يساعدون جيرانهم بعد الاعتداء ويتحدثون مع السلطات.",
        },
        contact={
            "en": "Ask for us at the library.",
            "ar": "اسألوا عنا في المكتبة العامة.",
        },
        supervisor="Jonas Weber",
        caseworkers=("Dina Saleh", "Mark Ellis"),
    ),
)
# They belong to no organisation and hold no keys.
OTHERS = (
    (Role.LEAD, "Grace Obi"),
    (Role.LEAD, "Tarek Idris"),
    (Role.ADMINISTRATOR, "Nora Blum"),
)


@dataclass
class Book:
    """The sign-ins, as the file has them, and the seeds of members made in this very run."""

    path: Path
    rows: list[dict[str, str]] = field(default_factory=list)
    seeds: dict[bytes, bytes] = field(default_factory=dict, repr=False)

    @classmethod
    def load(cls, data_dir: Path) -> "Book":
        """Read the file; an empty book where there is none."""
        path = data_dir / FILE
        return cls(path, json.loads(path.read_text()) if path.exists() else [])

    def note(self, new: NewMember, role: str, organisation: str) -> NewMember:
        """Write a sign-in down, replacing one of the same name; returns the member."""
        row = {
            "name": new.name,
            "role": str(role),
            "organisation": organisation,
            "passphrase": new.passphrase,
            "totp_secret": new.totp_secret,
        }
        self.rows = [one for one in self.rows if one["name"] != new.name] + [row]
        fresh = self.path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(self.rows, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
        self.seeds[new.member_id] = new.seed
        return new

    def session_of(self, name: str) -> Session:
        """Work as a member: with the seed of this run, or by signing in as they would."""
        member = _member(name)
        if member is None:
            raise LookupError(name)
        seed = self.seeds.get(member.id)
        if seed is None:
            row = next(one for one in self.rows if one["name"] == name)
            code = pyotp.TOTP(row["totp_secret"]).at(clock.now())
            member, seed = members.sign_in(name, row["passphrase"], code)
            self.seeds[member.id] = seed
        return sessions.make(member, seed)


def make_people(book: Book) -> None:
    """Make whoever is missing; done again, it changes nothing."""
    session: Any = db.session
    for invented in ORGANISATIONS:
        _make_organisation(book, invented)
        organisation = session.scalar(
            select(Organisation).where(Organisation.slug == invented.slug)
        )
        for name in invented.caseworkers:
            if _member(name) is None:
                _enrol(book, organisation.id, Role.CASEWORKER, name, invented.slug)
            _admit(book, invented.supervisor, name)
    for role, name in OTHERS:
        if _member(name) is None:
            _enrol(book, None, role, name, "")


def _make_organisation(book: Book, invented: Invented) -> None:
    session: Any = db.session
    known = session.scalar(select(Organisation.id).where(Organisation.slug == invented.slug))
    if known is None:
        organisations.add(
            invented.slug,
            invented.name,
            invented.supervisor,
            about=invented.about,
            contact=invented.contact,
            confirm=lambda new: book.note(new, Role.SUPERVISOR, invented.slug),
        )


def _enrol(
    book: Book, organisation_id: bytes | None, role: str, name: str, organisation: str
) -> None:
    made = credentials.make(random_id(), name, members.stretch_cost())
    book.note(made, role, organisation)
    with transaction() as session:
        invitations.enrol_prepared(session, organisation_id, role, made)


def _admit(book: Book, supervisor: str, name: str) -> None:
    member = _member(name)
    if member is None or member.state != members.WAITING or member.public_key is None:
        return
    shown = credentials.fingerprint(member.public_key)
    members.admit(book.session_of(supervisor), member.id, member.role, shown)


def _member(name: str) -> Member | None:
    session: Any = db.session
    found: Member | None = session.scalar(
        select(Member).where(Member.sign_in_name == signing_in.plain_name(name))
    )
    return found
