"""Envelopes, bodies, files, acknowledgements: known answers and properties.

What must be refused is in `tests/vectors/sealing-refused-1.json`, run by `test_sealing`.
"""

import hashlib
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reporting import envelope, sealing, stream
from reporting.sealing import SealingRefused, b64, unb64
from tests.refused import cases

KNOWN = cases.known_answers()
REPORT = KNOWN["report"]
REPORT_ID = unb64(REPORT["report_id"])
CONTENT_KEY = unb64(REPORT["content_key"])
INSTANCE_ID = unb64(KNOWN["receipt"]["instance_id"])

PATIENT = settings(deadline=None)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def file_of(length: int) -> bytes:
    return hashlib.shake_256(str(length).encode()).digest(length)


def flipped(data: bytes, at: int) -> bytes:
    """One bit of byte `at` changed, another one for each byte."""
    return data[:at] + bytes([data[at] ^ (1 << at % 8)]) + data[at + 1 :]


def sealed_in_pieces(content: bytes, piece: int) -> bytes:
    sealer = stream.AttachmentSealer(CONTENT_KEY, REPORT_ID, 0)
    sealed = [
        sealer.update(content[at : at + piece]) for at in range(0, max(len(content), 1), piece)
    ]
    return b"".join(sealed) + sealer.finish()


def test_a_known_report_opens() -> None:
    intake = KNOWN["intake"]
    key_id, seed = unb64(intake["key_id"]), unb64(intake["seed"])
    sealed_key, body = unb64(REPORT["sealed_key"]), unb64(REPORT["body"])
    assert envelope.open_content_key(seed, REPORT_ID, key_id, sealed_key) == CONTENT_KEY
    assert sealing.derive(CONTENT_KEY, "body") == unb64(REPORT["body_key"])
    opened = envelope.open_body(CONTENT_KEY, REPORT_ID, body)
    assert opened.decode() == REPORT["body_json"]
    assert len(body) == REPORT["body_padded_length"] + sealing.BOX_OVERHEAD
    reply_key = unb64(envelope.parse_json(opened)["reply_public_key"])
    assert envelope.check_reply_public_key(reply_key) == reply_key


def test_no_byte_of_an_envelope_can_change() -> None:
    intake = KNOWN["intake"]
    key_id, seed = unb64(intake["key_id"]), unb64(intake["seed"])
    sealed_key, body = unb64(REPORT["sealed_key"]), unb64(REPORT["body"])
    for at in range(len(sealed_key)):
        with pytest.raises(SealingRefused):
            envelope.open_content_key(seed, REPORT_ID, key_id, flipped(sealed_key, at))
    for at in range(len(body)):
        with pytest.raises(SealingRefused):
            envelope.open_body(CONTENT_KEY, REPORT_ID, flipped(body, at))


def test_what_is_sealed_here_opens_here() -> None:
    intake = KNOWN["intake"]
    key_id, seed, public = (unb64(intake[x]) for x in ("key_id", "seed", "public_key"))
    sealed_key = envelope.seal_content_key(public, REPORT_ID, key_id, CONTENT_KEY)
    assert envelope.open_content_key(seed, REPORT_ID, key_id, sealed_key) == CONTENT_KEY
    body = envelope.seal_body(CONTENT_KEY, REPORT_ID, b"{}")
    assert envelope.open_body(CONTENT_KEY, REPORT_ID, body) == b"{}"


def test_a_message_reaches_the_reporter() -> None:
    receipt, message_id = KNOWN["receipt"], sealing.random_id()
    public, seed = unb64(receipt["reply_public_key"]), unb64(receipt["reply_seed"])
    sealed = envelope.seal_to_reporter(public, REPORT_ID, message_id, b'{"text":"a"}')
    assert envelope.open_to_reporter(seed, REPORT_ID, message_id, sealed) == b'{"text":"a"}'


def test_the_known_intake_signature() -> None:
    intake = KNOWN["intake"]
    message = envelope.intake_signature_message(
        INSTANCE_ID, intake["created"], unb64(intake["public_key"]), KNOWN["organisation"]
    )
    public, signature = unb64(KNOWN["identity"]["public_key"]), unb64(intake["signature"])
    sealing.verify(public, "intake-key-signature", message, signature)
    with pytest.raises(SealingRefused):
        sealing.verify(public, "intake-key-signature", message + b"x", signature)


def test_the_known_acknowledgement() -> None:
    known = KNOWN["acknowledgement"]
    commitment = envelope.commitment(REPORT_ID, unb64(REPORT["sealed_key"]), unb64(REPORT["body"]))
    assert b64(commitment) == known["commitment"]
    hashes = [unb64(digest) for digest in known["attachments"]]
    made = envelope.acknowledgement(
        INSTANCE_ID, KNOWN["organisation"], known["day"], commitment, hashes,
        unb64(known["secret"]),
    )  # fmt: skip
    assert made["signature"] == known["signature"]
    envelope.check_acknowledgement(unb64(known["public_key"]), made)


def test_the_known_attachment() -> None:
    known = REPORT["attachment"]
    length = known["plaintext_length"]
    content = hashlib.shake_256(known["plaintext_shake256_of"].encode()).digest(length)
    assert hashlib.sha256(content).hexdigest() == known["plaintext_sha256"]
    sealed = sealed_in_pieces(content, 1000)
    assert len(sealed) == known["ciphertext_length"] == envelope.sealed_length(length)
    assert hashlib.sha256(sealed).hexdigest() == known["ciphertext_sha256"]


EDGES = (0, 1, 4095, 4096, 4097, 65535, 65536, 65537, 131072, 131073, 1_000_000)


@pytest.mark.parametrize("size", EDGES)
@pytest.mark.parametrize("piece", [65536, 100_000])
def test_a_file_of_any_size_in_any_pieces(size: int, piece: int) -> None:
    content = file_of(size)
    sealed = sealed_in_pieces(content, piece)
    assert len(sealed) == envelope.sealed_length(size)
    assert stream.is_sealed_length(len(sealed))
    pieces = [sealed[at : at + piece] for at in range(0, len(sealed), piece)]
    envelope.verify_attachment(CONTENT_KEY, REPORT_ID, 0, pieces, size)
    opened = envelope.open_attachment(CONTENT_KEY, REPORT_ID, 0, pieces, size)
    assert b"".join(opened) == content


@PATIENT
@given(st.integers(0, 200_000), st.integers(1, 70_000), st.integers(min_value=0))
def test_a_file_cut_or_flipped_anywhere_is_refused(size: int, piece: int, place: int) -> None:
    sealed = sealed_in_pieces(file_of(size), piece)
    at = place % len(sealed)
    for wrong in (sealed[:at], flipped(sealed, at)):
        with pytest.raises(SealingRefused, match="attachment"):
            envelope.verify_attachment(CONTENT_KEY, REPORT_ID, 0, [wrong], size)


def test_a_file_over_the_limit_is_refused_as_it_comes_in() -> None:
    sealer = envelope.AttachmentSealer(CONTENT_KEY, REPORT_ID, 0, limit=10)
    sealer.update(b"12345")
    sealer.update(b"67890")
    assert sealer.size == 10
    with pytest.raises(SealingRefused, match="too-large"):
        sealer.update(b"1")


def test_a_sealer_holds_little_whatever_comes() -> None:
    sealer = envelope.AttachmentSealer(CONTENT_KEY, REPORT_ID, 0)
    sealed = sealer.update(bytes(10 * stream.CHUNK))
    assert len(sealed) == 9 * (stream.CHUNK + 16)


@given(st.integers(0, 3_000_000))
def test_only_lengths_of_sealed_files_pass_for_them(size: int) -> None:
    length = stream.sealed_length(size)
    assert stream.is_sealed_length(length)
    assert not stream.is_sealed_length(length - 1)
    assert not stream.is_sealed_length(length + 1)


def test_an_envelope_there_and_back() -> None:
    data = next(c.arguments["data"] for c in cases.accepted() if c.call == "parse_envelope")
    parsed = envelope.parse_envelope(data)
    assert envelope.parse_envelope(envelope.envelope_json(parsed)) == parsed
    assert parsed.report_id == REPORT_ID
    assert [part.length for part in parsed.attachments] == [71712, 4112]


@PATIENT
@given(st.binary(max_size=200) | JSON.map(lambda made: json.dumps(made).encode()))
def test_no_bytes_break_the_envelope_s_reader(data: bytes) -> None:
    with pytest.raises(SealingRefused):
        envelope.parse_envelope(data)


@PATIENT
@given(JSON)
def test_json_there_and_back(made: Any) -> None:
    text = json.dumps(made, ensure_ascii=False)
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return  # half a character: not text that can be sent
    assert envelope.parse_json(data) == made


@PATIENT
@given(st.binary(max_size=300))
def test_no_bytes_break_the_json_reader(data: bytes) -> None:
    try:
        made = envelope.parse_json(data)
    except SealingRefused:
        return
    json.dumps(made, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "data", [b'"' * 1_500_000, b'"' + b"\\" * 1_499_999, b'"\\"' * 500_000, b"[" * 1_500_000]
)
def test_hostile_json_takes_no_time(data: bytes) -> None:
    started = time.process_time()
    with pytest.raises(SealingRefused):
        envelope.parse_json(data)
    assert time.process_time() - started < 2
