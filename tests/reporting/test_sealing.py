"""Sealing in Python: the known answers, what must be refused, and properties of the conventions."""

import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reporting import sealing
from reporting.sealing import SealingRefused, unb64
from tests.refused import cases

KNOWN = cases.known_answers()
SEED = unb64(KNOWN["intake"]["seed"])
PUBLIC = unb64(KNOWN["intake"]["public_key"])
KEY = bytes(range(32))

PATIENT = settings(deadline=None)
PLAIN = {"epoch", "revision", "item_plaintext"}


def known(section: str) -> dict[str, Any]:
    """A section of the vectors, as it is written."""
    return dict(KNOWN[section])


def flip(data: bytes, bit: int) -> bytes:
    """The same bytes with one bit changed."""
    at = bit // 8 % len(data)
    return data[:at] + bytes([data[at] ^ (1 << bit % 8)]) + data[at + 1 :]


@pytest.mark.parametrize("case", cases.accepted(), ids=str)
def test_the_unchanged_twin_of_every_refusal_opens(case: cases.Case) -> None:
    assert cases.call(case) == case.result


@pytest.mark.parametrize("case", cases.refused(), ids=str)
def test_refused(case: cases.Case) -> None:
    with pytest.raises(SealingRefused) as refused:
        cases.call(case)
    assert refused.value.reason == case.reason


def test_a_refusal_tells_nothing_but_its_code() -> None:
    with pytest.raises(SealingRefused) as refused:
        sealing.unbox(KEY, "body", b"", b"a secret text" * 10)
    assert refused.value.args == ("boxed",)


def test_public_key_and_key_id_of_a_seed() -> None:
    assert sealing.public_of(SEED) == PUBLIC
    assert sealing.key_id("intake-key", PUBLIC) == unb64(KNOWN["intake"]["key_id"])


def test_signatures() -> None:
    identity = known("identity")
    secret, public = unb64(identity["secret"]), unb64(identity["public_key"])
    assert sealing.public_of_signing(secret) == public
    signature = sealing.sign(secret, "roster", b"message")
    sealing.verify(public, "roster", b"message", signature)
    for name, message, by in (
        ("audit-head", b"message", public),
        ("roster", b"other", public),
        ("roster", b"message", unb64(known("acknowledgement")["public_key"])),
        ("roster", b"message", b"short"),
    ):
        with pytest.raises(SealingRefused, match="signature"):
            sealing.verify(by, name, message, signature)


def test_a_member_s_seed_is_boxed_under_the_passphrase() -> None:
    member = known("member")
    kek, verifier = sealing.stretch(member["passphrase"], unb64(member["salt"]), 64 * 1024, 3)
    assert kek == unb64(member["kek"])
    assert hashlib.sha256(verifier).digest() == unb64(member["verifier_sha256"])
    boxed, member_id = unb64(member["boxed_seed"]), unb64(member["member_id"])
    assert sealing.unbox(kek, "member-key", member_id, boxed) == unb64(member["seed"])


def test_a_passphrase_is_the_same_however_it_is_typed() -> None:
    salt = bytes(16)
    composed, decomposed = "caf\u00e9 \ufb01n", "cafe\u0301 fin"
    assert sealing.stretch(composed, salt, 64, 1) == sealing.stretch(decomposed, salt, 64, 1)


def test_what_staff_keep_is_boxed_as_the_format_says() -> None:
    known_object = known("object")
    read = {name: unb64(known_object[name]) for name in known_object if name not in PLAIN}
    casework_key, object_id = read["casework_key"], read["object_id"]
    epoch = sealing.u32(known_object["epoch"])
    object_key = sealing.unbox(
        casework_key, "object-key", object_id + epoch, read["boxed_object_key"]
    )
    assert object_key == read["object_key"]
    report_id = unb64(KNOWN["report"]["report_id"])
    content_key = sealing.unbox(
        object_key, "report-key", object_id + report_id, read["boxed_report_key"]
    )
    assert content_key == unb64(KNOWN["report"]["content_key"])
    context = object_id + read["item_id"] + sealing.u32(known_object["revision"])
    item_key = sealing.derive(object_key, "object", object_id)
    item = sealing.unpad(sealing.unbox(item_key, "object", context, read["item"]))
    assert item.decode() == known_object["item_plaintext"]


@pytest.mark.parametrize(("length", "padded"), KNOWN["padme"])
def test_padme(length: int, padded: int) -> None:
    assert sealing.padme(length) == padded


@given(st.integers(0, 2**40))
def test_padme_rounds_up_little_and_once(length: int) -> None:
    padded = sealing.padme(length)
    assert length <= padded <= length * 1.12 + 1
    assert sealing.padme(padded) == padded


@given(st.binary(max_size=9000))
def test_padding_comes_off_again(data: bytes) -> None:
    padded = sealing.pad(data)
    assert len(padded) == sealing.padded_length(len(data)) == sealing.padme(len(padded))
    assert sealing.unpad(padded) == data


@given(st.binary(max_size=6000), st.binary(min_size=1, max_size=3))
def test_no_other_bytes_unpad_to_the_same(data: bytes, more: bytes) -> None:
    for other in (sealing.pad(data) + more, sealing.pad(data)[: -len(more)]):
        with pytest.raises(SealingRefused):
            sealing.unpad(other)


@given(st.binary(max_size=6000))
def test_whatever_unpads_is_what_pad_makes(data: bytes) -> None:
    try:
        content = sealing.unpad(data.ljust(4096, b"\0"))
    except SealingRefused:
        return
    assert sealing.pad(content) == data.ljust(4096, b"\0")


@given(st.binary(max_size=100))
def test_b64_there_and_back(data: bytes) -> None:
    assert unb64(sealing.b64(data)) == data


@given(st.text(max_size=12))
def test_b64_has_one_text_for_each_bytes(text: str) -> None:
    try:
        data = unb64(text)
    except SealingRefused:
        return
    assert sealing.b64(data) == text


@PATIENT
@given(st.binary(max_size=300), st.binary(max_size=40), st.integers(min_value=0))
def test_sealed_opens_and_a_flipped_bit_does_not(data: bytes, context: bytes, bit: int) -> None:
    sealed = sealing.seal(PUBLIC, "grant", context, data)
    assert len(sealed) == len(data) + sealing.SEAL_OVERHEAD
    assert sealing.open_sealed(SEED, "grant", context, sealed) == data
    for arguments in (
        (SEED, "grant", context, flip(sealed, bit)),
        (SEED, "grant", context + b"\0", sealed),
        (SEED, "grants", context, sealed),
        (flip(SEED, bit), "grant", context, sealed),
    ):
        with pytest.raises(SealingRefused):
            sealing.open_sealed(*arguments)


@PATIENT
@given(st.binary(max_size=300), st.binary(max_size=40), st.integers(min_value=0))
def test_boxed_opens_and_a_flipped_bit_does_not(data: bytes, context: bytes, bit: int) -> None:
    boxed = sealing.box(KEY, "digest", context, data)
    assert len(boxed) == len(data) + sealing.BOX_OVERHEAD
    assert sealing.unbox(KEY, "digest", context, boxed) == data
    for arguments in (
        (KEY, "digest", context, flip(boxed, bit)),
        (KEY, "digest", context + b"\0", boxed),
        (KEY, "digests", context, boxed),
        (flip(KEY, bit), "digest", context, boxed),
    ):
        with pytest.raises(SealingRefused):
            sealing.unbox(*arguments)


def test_sealing_the_same_twice_gives_other_bytes() -> None:
    assert sealing.seal(PUBLIC, "grant", b"", b"x") != sealing.seal(PUBLIC, "grant", b"", b"x")
    assert sealing.box(KEY, "digest", b"", b"x") != sealing.box(KEY, "digest", b"", b"x")
    assert sealing.random_id() != sealing.random_id()
    assert sealing.random_key() != sealing.random_key()


@pytest.mark.parametrize("size", [0, 16, 24, 31, 33])
def test_keys_have_32_bytes(size: int) -> None:
    wrong = bytes(size)
    with pytest.raises(SealingRefused, match="key"):
        sealing.box(wrong, "body", b"", b"")
    with pytest.raises(SealingRefused, match="key"):
        sealing.unbox(wrong, "body", b"", bytes(28))
    with pytest.raises(SealingRefused, match="key"):
        sealing.public_of(wrong)
    with pytest.raises(SealingRefused, match="key"):
        sealing.sign(wrong, "roster", b"")


@pytest.mark.parametrize("number", [-1, 2**32])
def test_u32_has_four_bytes(number: int) -> None:
    with pytest.raises(SealingRefused, match="u32"):
        sealing.u32(number)
