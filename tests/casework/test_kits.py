"""Recovery kits as words: whole and in shares, as they are printed and as people type them."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework import kits
from casework.kits import Kit, Shares, Split
from casework.policy import ActionRefused
from reporting.sealing import random_key


def seed_of(texts: list[str]) -> bytes:
    shares = Shares()
    for text in texts:
        shares.add(kits.words_of(text))
    assert shares.wanted() == 0
    return shares.seed()


@given(st.binary(min_size=32, max_size=32))
def test_a_kit_reads_back_as_its_seed(seed: bytes) -> None:
    [text] = kits.make(seed).texts
    assert kits.is_whole(kits.words_of(text))
    assert kits.read(kits.words_of(text)) == seed


@pytest.mark.parametrize(("needed", "there"), [(2, 2), (2, 3), (3, 5), (16, 16)])
def test_any_so_many_shares_are_the_seed(needed: int, there: int) -> None:
    seed = random_key()
    kit = kits.make(seed, Split(needed, there))
    assert (len(kit.texts), kit.needed) == (there, needed)
    assert {len(text.split()) for text in kit.texts} == {kits.SHARE_WORDS}
    for chosen in list(combinations(kit.texts, needed))[:10]:
        assert seed_of(list(reversed(chosen))) == seed


def test_a_share_of_the_published_vectors_is_read() -> None:
    """From SLIP-0039's own, of 256 bits, of which two are needed."""
    text = """humidity disease academic always aluminum jewelry energy woman receiver strategy amuse
      duckling lying evidence network walnut tactics forget hairy rebound impulse brother survive
      clothes stadium mailman rival ocean reward venture always armed unwrap"""
    shares = Shares()
    shares.add(kits.words_of(text))
    assert shares.wanted() == 1


def test_case_spaces_and_line_numbers_do_not_count() -> None:
    [text] = kits.make(bytes(32)).texts
    typed = "\n".join(f"  {at}.  {word.upper()}," for at, word in enumerate(text.split(), 1))
    assert kits.read(kits.words_of(typed)) == bytes(32)


def test_a_kit_with_a_word_exchanged_or_missing_is_refused() -> None:
    words = kits.words_of(kits.make(bytes(32)).texts[0])
    for wrong, reason in [
        ([*words[:-1], "zoo"], "kit-check"),
        (words[1:] + words[:1], "kit-check"),
        (words[:-1], "kit-length"),
        ([*words, "art"], "kit-length"),
        ([], "kit-length"),
        (["nonsense"] * 24, "kit-check"),
    ]:
        with pytest.raises(ActionRefused, match=reason):
            kits.read(wrong)


def share(kit: Kit, number: int) -> list[str]:
    return kits.words_of(kit.texts[number])


def test_a_wrong_share_is_refused_and_the_others_still_count() -> None:
    seed = random_key()
    mine, other = (kits.make(one, Split(2, 3)) for one in (seed, random_key()))
    shares = Shares()
    swapped = [share(mine, 1)[0], *reversed(share(mine, 1)[1:])]
    for wrong, reason in [(swapped, "share-check"), (share(mine, 1)[1:], "share-length")]:
        with pytest.raises(ActionRefused, match=reason):
            shares.add(wrong)
    shares.add(share(mine, 0))
    for wrong, reason in [
        (share(other, 1), "share-other"),
        (share(mine, 0), "share-twice"),
        (swapped, "share-check"),
    ]:
        with pytest.raises(ActionRefused, match=reason):
            shares.add(wrong)
    assert (len(shares), shares.wanted()) == (1, 1)
    shares.add(share(mine, 2))
    assert shares.seed() == seed


@pytest.mark.parametrize("text", ["2-of-3", " 16-OF-16 ", "2-of-2"])
def test_a_split_is_read(text: str) -> None:
    assert 2 <= kits.read_split(text).needed <= kits.read_split(text).shares


@pytest.mark.parametrize("text", ["1-of-3", "3-of-2", "2-of-17", "0-of-0", "2/3", "2-of-", "a", ""])
def test_a_split_that_protects_nothing_or_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ActionRefused, match="split"):
        kits.read_split(text)


def test_words_of_no_list_are_named_by_place() -> None:
    assert kits.strange(["abandon", "academic", "qwerty", "zoo", "xx"]) == [3, 5]
    assert kits.strange(share(kits.make(bytes(32), Split(2, 2)), 0)) == []


def test_a_kit_shows_no_word_in_its_repr() -> None:
    assert "abandon" not in repr(kits.make(bytes(32)))
