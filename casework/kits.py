"""A recovery kit: the seed of an organisation's recovery key as words on paper (sealing.md 4).

24 BIP-39 words, or SLIP-39 shares of which some number together give the same seed. Words and
seeds are here while they are made or read; no refusal carries one, nor says which it would be.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import shamir_mnemonic
from mnemonic import Mnemonic
from shamir_mnemonic import wordlist

from casework.policy import ActionRefused

# What a seed of 32 bytes makes of itself in either list.
WORDS, SHARE_WORDS = 24, 33
# SLIP-39 numbers shares with four bits.
MOST_SHARES = 16
_SPLIT = re.compile(r"(\d{1,2})-of-(\d{1,2})")


class Split(NamedTuple):
    """How many shares are needed, and how many there are."""

    needed: int
    shares: int


@dataclass(frozen=True, repr=False)
class Kit:
    """The texts to print, one unless the kit is split, and how many of them are needed."""

    texts: tuple[str, ...]
    needed: int = 1


class Shares:
    """The shares of one split kit that were typed so far."""

    def __init__(self) -> None:
        self._typed: dict[int, str] = {}
        self._kit: Any = None

    def add(self, words: Sequence[str]) -> None:
        """Take one more. Raises `ActionRefused` for what is no share, or none of the same kit."""
        text = " ".join(words)
        if len(words) != SHARE_WORDS:
            raise ActionRefused("share-length")
        try:
            share = shamir_mnemonic.Share.from_mnemonic(text)
        except shamir_mnemonic.MnemonicError:
            # Without the cause: its message quotes the first words.
            raise ActionRefused("share-check") from None
        if share.group_count != 1:
            # Shares in groups are made elsewhere, never here.
            raise ActionRefused("share-other")
        if self._typed and share.group_parameters() != self._kit:
            raise ActionRefused("share-other")
        if share.index in self._typed:
            raise ActionRefused("share-twice")
        self._kit = share.group_parameters()
        self._typed[share.index] = text

    def wanted(self) -> int:
        """How many more it takes; before the first nobody knows, and it is one."""
        return int(self._kit.member_threshold) - len(self._typed) if self._typed else 1

    def __len__(self) -> int:
        """How many were taken."""
        return len(self._typed)

    def seed(self) -> bytes:
        """Put enough shares together."""
        try:
            return bytes(shamir_mnemonic.combine_mnemonics(list(self._typed.values())))
        except shamir_mnemonic.MnemonicError:
            raise ActionRefused("shares") from None


def make(seed: bytes, split: Split | None = None) -> Kit:
    """Write a seed as one text of 24 words, or as shares."""
    if split is None:
        return Kit((_bip39().to_mnemonic(seed),))
    # No passphrase, so no rounds to slow its guessing down.
    [texts] = shamir_mnemonic.generate_mnemonics(1, [split], seed, iteration_exponent=0)
    return Kit(tuple(texts), split.needed)


def read_split(text: str) -> Split:
    """Read `2-of-3`. One share that is enough alone would be a copy, not a split."""
    found = _SPLIT.fullmatch(text.strip().lower())
    if found is None:
        raise ActionRefused("split")
    needed, shares = (int(number) for number in found.groups())
    if not 2 <= needed <= shares <= MOST_SHARES:
        raise ActionRefused("split")
    return Split(needed, shares)


def words_of(typed: str) -> list[str]:
    """The words of what was typed: case, numbers and marks between them do not count."""
    return re.findall(r"[a-z]+", unicodedata.normalize("NFKC", typed).casefold())


def strange(words: Sequence[str]) -> list[int]:
    """Places, from 1, of words that are in neither list."""
    known = (_bip39_words(), wordlist.WORD_INDEX_MAP)
    return [at for at, word in enumerate(words, 1) if not any(word in one for one in known)]


def is_whole(words: Sequence[str]) -> bool:
    """Whether this can be all of a kit or share.

    The lists have half of their words in common: no share begins with 24 of the other list.
    """
    if len(words) == WORDS:
        return all(word in _bip39_words() for word in words)
    return len(words) >= SHARE_WORDS


def read(words: Sequence[str]) -> bytes:
    """The seed of a kit that is not split. Raises `ActionRefused`."""
    if len(words) != WORDS:
        raise ActionRefused("kit-length")
    text = " ".join(words)
    if not _bip39().check(text):
        raise ActionRefused("kit-check")
    return bytes(_bip39().to_entropy(text))


@cache
def _bip39() -> Mnemonic:
    return Mnemonic("english")


@cache
def _bip39_words() -> frozenset[str]:
    return frozenset(_bip39().wordlist)
