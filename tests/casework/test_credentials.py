"""Credentials: what is generated, and how it is read."""

import json
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework import credentials
from casework.credentials import Cost
from reporting.sealing import (
    b64,
    random_id,
    random_key,
    stretch,
    unb64,
    unbox,
)
from reporting.settings import ARGON2_MEMORY_KIB, ARGON2_PASSES, Settings
from tests.casework.hands import Hands

CHEAP = Cost(memory_kib=64, passes=1)


class TestCredentials:
    """What is generated, and how it is read."""

    def test_passphrase_is_six_words_of_the_eff_list(self) -> None:
        words = credentials.make_passphrase().split(" ")
        assert len(words) == 6
        assert len({credentials.make_passphrase() for _ in range(50)}) == 50

    def test_known_answers_of_the_format_page(self) -> None:
        """The member of the shared vectors, by the numbers of sealing.md 4."""
        vectors = Path(__file__).parents[1] / "vectors" / "sealing-1.json"
        if not vectors.exists():
            pytest.fail("tests/vectors/sealing-1.json is missing")
        known = json.loads(vectors.read_text())["member"]
        kek, _verifier = stretch(
            known["passphrase"], unb64(known["salt"]), ARGON2_MEMORY_KIB, ARGON2_PASSES
        )
        assert b64(kek) == known["kek"]
        boxed = unb64(known["boxed_seed"])
        assert b64(unbox(kek, "member-key", unb64(known["member_id"]), boxed)) == known["seed"]

    def test_cost_cannot_be_lowered_by_the_environment(self) -> None:
        env = {"UPSTANDER_ARGON2_MEMORY_KIB": "8", "UPSTANDER_ARGON2_PASSES": "1"}
        settings = Settings.from_env(env)
        assert settings.argon2_memory_kib == ARGON2_MEMORY_KIB == 64 * 1024
        assert settings.argon2_passes == ARGON2_PASSES == 3

    @given(spaces=st.lists(st.sampled_from([" ", "  ", "\t", "\u00a0"]), min_size=6, max_size=6))
    def test_typed_words_are_read_whatever_spaces_and_capitals(self, spaces: list[str]) -> None:
        typed = "".join(
            space + word
            for space, word in zip(spaces, ["Ab", "Cd", "EF", "gh", "Ij", "kl"], strict=True)
        )
        assert credentials.read_passphrase(typed) == "ab cd ef gh ij kl"

    @pytest.mark.parametrize(
        "typed", ["123 456", " 123456", "١٢٣٤٥٦", "１２３４５６", "12\u00a03456"]
    )
    def test_code_is_read_in_any_script(self, typed: str) -> None:
        assert credentials.read_code(typed) == "123456"

    @pytest.mark.parametrize("typed", ["", "12345", "1234567", "12345a", "½23456", "²²²²²²"])
    def test_what_is_no_code_matches_none(self, typed: str) -> None:
        assert credentials.matching_step(pyotp.random_base32(), typed, 0) == 0

    def test_code_of_either_neighbour_is_taken_and_no_other(self, hands: Hands) -> None:
        made = credentials.make(random_id(), "Ana", CHEAP)
        totp = pyotp.TOTP(made.totp_secret)
        for steps, taken in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
            code = totp.at(hands.now + timedelta(seconds=30 * steps))
            neighbours = {totp.at(hands.now + timedelta(seconds=30 * s)) for s in (-1, 0, 1)}
            wanted = taken or code in neighbours
            assert bool(credentials.matching_step(made.totp_secret, code, 0)) is wanted

    def test_record_opens_for_its_own_member_only(self) -> None:
        made, pepper = credentials.make(random_id(), "Ana", CHEAP), random_key()
        boxed = credentials.seal_record(made.record, made.member_id, pepper)
        opened = credentials.open_record(boxed, made.member_id, pepper)
        assert opened is not None
        assert opened.boxed_seed == made.record.boxed_seed
        assert credentials.open_record(boxed, random_id(), pepper) is None
        assert credentials.open_record(boxed, made.member_id, random_key()) is None

    @given(at=st.integers(0, 10_000))
    def test_changed_record_is_none(self, at: int) -> None:
        made, pepper = credentials.make(bytes(16), "Ana", Cost(memory_kib=8, passes=1)), bytes(32)
        boxed = bytearray(credentials.seal_record(made.record, made.member_id, pepper))
        boxed[at % len(boxed)] ^= 1
        assert credentials.open_record(bytes(boxed), made.member_id, pepper) is None
