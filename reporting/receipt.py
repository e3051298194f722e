"""The receipt: 24 digits with which a reporter comes back (docs/sealing.md 5).

Without script the server makes and reads it in memory, for that one request. It is never stored,
logged or put into an address; only `mailbox_of` the derived token is.
"""

import hmac
import secrets
import unicodedata
from dataclasses import dataclass
from functools import cached_property

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from reporting.sealing import KEY_SIZE, SealingRefused, derive, label, public_of

DIGITS = 24
ROUNDS = 20_000
# Far more than anyone types between 24 digits; what is longer is not a receipt.
_LONGEST_TYPED = 400


@dataclass(frozen=True, repr=False)
class Receipt:
    """What the digits open. `repr` shows nothing of it."""

    mailbox_token: bytes
    reply_seed: bytes
    follow_up: bytes

    @cached_property
    def reply_public_key(self) -> bytes:
        """The X-Wing public key that answers are sealed to."""
        return public_of(self.reply_seed)


def make_digits() -> str:
    """23 random digits and their Luhn check digit."""
    body = f"{secrets.randbelow(10 ** (DIGITS - 1)):0{DIGITS - 1}d}"
    return body + _check_digit(body)


def read_digits(typed: str) -> str:
    """Read what a person typed: digits of any script, anything between them ignored."""
    if len(typed) > _LONGEST_TYPED:
        raise SealingRefused("receipt-length")
    values = [unicodedata.decimal(char, None) for char in typed]
    digits = "".join(str(value) for value in values if value is not None)
    if len(digits) != DIGITS:
        raise SealingRefused("receipt-length")
    if _check_digit(digits[:-1]) != digits[-1]:
        raise SealingRefused("receipt-check")
    return digits


def grouped(digits: str) -> str:
    """Six groups of four, to be copied by hand."""
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def derive_receipt(digits: str, instance_id: bytes) -> Receipt:
    """Derive mailbox token, reply seed and follow-up from 24 checked digits."""
    if read_digits(digits) != digits:
        raise SealingRefused("receipt-length")
    salt = label("receipt") + instance_id
    # Not hashlib's: the OpenSSL that Python was built with may need twice the time.
    root = PBKDF2HMAC(SHA256(), KEY_SIZE, salt, ROUNDS).derive(digits.encode("ascii"))
    return Receipt(
        mailbox_token=derive(root, "mailbox"),
        reply_seed=derive(root, "reply-key"),
        follow_up=derive(root, "follow-up"),
    )


def mailbox_of(pepper: bytes, mailbox_token: bytes) -> bytes:
    """What the database keeps of a mailbox token: without the pepper it cannot be tested."""
    return hmac.digest(pepper, mailbox_token, "sha256")


def _check_digit(body: str) -> str:
    total = 0
    for place, char in enumerate(reversed(body)):
        doubled = int(char) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)
