"""What a member signs in with: six words, a code from a second device, and the record of both.

The passphrase is generated, shown once and kept nowhere. The record holds salt, verifier hash,
boxed seed, boxed TOTP secret and the last time step used, all boxed again under the pepper, so
that a copy of the database alone cannot test a single passphrase (sealing.md 4).
"""

import hashlib
import json
import secrets
import unicodedata
from dataclasses import dataclass, replace
from functools import cache
from hmac import compare_digest
from importlib.resources import files
from threading import BoundedSemaphore

import pyotp

from reporting import clock
from reporting.sealing import (
    SealingRefused,
    b64,
    box,
    derive,
    key_id,
    public_of,
    random_key,
    stretch,
    unb64,
    unbox,
)

WORDS = 6
STEP = 30
ISSUER = "Upstander"
# Each stretch takes 64 MiB: more at once would let guessers fill the memory.
_AT_ONCE = BoundedSemaphore(4)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Argon2id's cost, as `Settings` carries it."""

    memory_kib: int
    passes: int


@dataclass(frozen=True, repr=False, kw_only=True)
class Record:
    """The sign-in record of one member."""

    salt: bytes
    verifier_sha256: bytes
    boxed_seed: bytes
    boxed_totp: bytes
    last_step: int


@dataclass(frozen=True, repr=False, kw_only=True)
class NewMember:
    """What a new member is shown once, and what is kept of it."""

    member_id: bytes
    name: str
    passphrase: str
    totp_secret: str
    public_key: bytes
    seed: bytes
    record: Record

    @property
    def totp_uri(self) -> str:
        """For the QR code of an authenticator."""
        return pyotp.TOTP(self.totp_secret).provisioning_uri(name=self.name, issuer_name=ISSUER)

    def check_code(self, code: str) -> "NewMember | None":
        """The same with the code used up, or nothing when the code is wrong."""
        step = matching_step(self.totp_secret, code, self.record.last_step)
        return replace(self, record=replace(self.record, last_step=step)) if step else None


def make_passphrase() -> str:
    """Six words of the EFF large list, 77 bits. A weaker one cannot be chosen."""
    return " ".join(secrets.choice(_words()) for _ in range(WORDS))


def read_passphrase(typed: str) -> str:
    """What was typed, in the form that was generated: lower case, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", typed).lower().split())


def make(member_id: bytes, name: str, cost: Cost) -> NewMember:
    """Generate passphrase, second factor and key pair of a member."""
    passphrase, totp_secret, seed = make_passphrase(), pyotp.random_base32(), random_key()
    salt = secrets.token_bytes(16)
    kek, verifier = _stretch(passphrase, salt, cost)
    record = Record(
        salt=salt,
        verifier_sha256=hashlib.sha256(verifier).digest(),
        boxed_seed=box(kek, "member-key", member_id, seed),
        boxed_totp=box(kek, "second-factor", member_id, totp_secret.encode()),
        last_step=0,
    )
    return NewMember(
        member_id=member_id,
        name=name,
        passphrase=passphrase,
        totp_secret=totp_secret,
        public_key=public_of(seed),
        seed=seed,
        record=record,
    )


def check(
    record: Record | None, member_id: bytes, passphrase: str, code: str, cost: Cost
) -> tuple[bytes, Record] | None:
    """Seed and used-up record when passphrase and code are right; nothing for any other reason.

    Without a record the same work is done for nothing, so that the time tells no name.
    """
    salt = record.salt if record is not None else bytes(16)
    kek, verifier = _stretch(read_passphrase(passphrase), salt, cost)
    digest = hashlib.sha256(verifier).digest()
    if record is None or not compare_digest(digest, record.verifier_sha256):
        return None
    secret = unbox(kek, "second-factor", member_id, record.boxed_totp).decode()
    step = matching_step(secret, code, record.last_step)
    if not step:
        return None
    seed = unbox(kek, "member-key", member_id, record.boxed_seed)
    return seed, replace(record, last_step=step)


def matching_step(secret: str, code: str, after: int) -> int:
    """The time step whose code this is, later than the last one used; 0 when there is none.

    One step of either side is taken for slow fingers and wrong clocks.
    """
    digits = read_code(code)
    now = int(clock.now().timestamp()) // STEP
    found = 0
    for step in (now - 1, now, now + 1):
        right = compare_digest(pyotp.TOTP(secret).at(step * STEP), digits)
        if right and step > after and not found:
            found = step
    return found


def read_code(typed: str) -> str:
    """Digits of any script as ASCII, spaces dropped."""
    digits = "".join(typed.split())
    if len(digits) != 6 or not digits.isdecimal():
        return "------"
    return "".join(str(unicodedata.decimal(digit)) for digit in digits)


def seal_record(record: Record, member_id: bytes, pepper: bytes) -> bytes:
    """The record as the database keeps it."""
    kept = {
        "salt": b64(record.salt),
        "verifier": b64(record.verifier_sha256),
        "seed": b64(record.boxed_seed),
        "totp": b64(record.boxed_totp),
        "step": record.last_step,
    }
    return box(derive(pepper, "sign-in"), "sign-in", member_id, json.dumps(kept).encode())


def open_record(boxed: bytes, member_id: bytes, pepper: bytes) -> Record | None:
    """Read it; nothing when it was made for another member or changed."""
    try:
        kept = json.loads(unbox(derive(pepper, "sign-in"), "sign-in", member_id, boxed))
    except SealingRefused:
        return None
    return Record(
        salt=unb64(kept["salt"]),
        verifier_sha256=unb64(kept["verifier"]),
        boxed_seed=unb64(kept["seed"]),
        boxed_totp=unb64(kept["totp"]),
        last_step=int(kept["step"]),
    )


def fingerprint(public_key: bytes) -> str:
    """A member's key as people compare it by another channel: 32 hex digits in groups of four."""
    digits = key_id("member-fingerprint", public_key).hex()
    return " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))


def _stretch(passphrase: str, salt: bytes, cost: Cost) -> tuple[bytes, bytes]:
    with _AT_ONCE:
        return stretch(passphrase, salt, cost.memory_kib, cost.passes)


@cache
def _words() -> tuple[str, ...]:
    text = files("diceware").joinpath("wordlists/wordlist_en_eff.txt").read_text("ascii")
    words = tuple(line.split("\t")[1] for line in text.splitlines())
    if len(set(words)) != 7776:
        raise RuntimeError("the EFF large list has 7776 words")
    return words
