"""The receipt: known answers, the check digit, and digits of every script.

What must be refused is in `tests/vectors/sealing-refused-1.json`, run by `test_sealing`.
"""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporting import receipt, sealing
from reporting.sealing import SealingRefused, unb64
from tests.refused import cases

KNOWN = cases.known_answers()["receipt"]
DIGITS = KNOWN["digits"]
INSTANCE_ID = unb64(KNOWN["instance_id"])


def test_the_known_receipt() -> None:
    made = receipt.derive_receipt(DIGITS, INSTANCE_ID)
    assert made.mailbox_token == unb64(KNOWN["mailbox_token"])
    assert made.follow_up == unb64(KNOWN["follow_up"])
    assert made.reply_seed == unb64(KNOWN["reply_seed"])
    assert made.reply_public_key == unb64(KNOWN["reply_public_key"])
    assert sealing.public_of(made.reply_seed) == made.reply_public_key
    mailbox = receipt.mailbox_of(unb64(KNOWN["pepper"]), made.mailbox_token)
    assert mailbox == unb64(KNOWN["mailbox"])


def test_another_instance_gives_another_mailbox() -> None:
    here = receipt.derive_receipt(DIGITS, INSTANCE_ID)
    there = receipt.derive_receipt(DIGITS, bytes(16))
    assert here.mailbox_token != there.mailbox_token


def test_repr_shows_nothing() -> None:
    made = receipt.derive_receipt(DIGITS, INSTANCE_ID)
    assert repr(made.mailbox_token)[2:12] not in repr(made)
    assert repr(made).startswith("<")


@pytest.mark.parametrize("typed", [DIGITS[:-1], f" {DIGITS}", receipt.grouped(DIGITS)])
def test_only_read_digits_are_derived_from(typed: str) -> None:
    with pytest.raises(SealingRefused, match="receipt-length"):
        receipt.derive_receipt(typed, INSTANCE_ID)


def test_made_digits_are_a_receipt_and_differ() -> None:
    made = [receipt.make_digits() for _ in range(200)]
    assert len(set(made)) == 200
    assert all(receipt.read_digits(digits) == digits for digits in made)
    assert {digits[0] for digits in made} == set("0123456789")


def test_grouped() -> None:
    assert receipt.grouped(DIGITS) == "4062 4002 0314 2404 8910 5999"


@given(st.integers(0, 10**23 - 1), st.integers(0, 23), st.integers(1, 9))
def test_one_wrong_digit_is_noticed(number: int, place: int, shift: int) -> None:
    digits = _with_check(f"{number:023d}")
    wrong = str((int(digits[place]) + shift) % 10)
    with pytest.raises(SealingRefused, match="receipt-check"):
        receipt.read_digits(digits[:place] + wrong + digits[place + 1 :])


def test_digits_of_every_script_are_read() -> None:
    zeros = [
        code
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) == "Nd" and unicodedata.decimal(chr(code)) == 0
    ]
    assert len(zeros) > 60
    for zero in zeros:
        typed = "".join(chr(zero + int(digit)) for digit in DIGITS)
        assert receipt.read_digits(typed) == DIGITS


@given(st.text(alphabet=st.characters(exclude_categories=["Nd"]), max_size=3))
def test_anything_between_the_digits_is_ignored(between: str) -> None:
    assert receipt.read_digits(between.join(DIGITS)) == DIGITS


def _with_check(body: str) -> str:
    for last in "0123456789":
        try:
            return receipt.read_digits(body + last)
        except SealingRefused:
            continue
    raise AssertionError("no digit fits")
