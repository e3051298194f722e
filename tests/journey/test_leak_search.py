"""The twin of the leak test: a word planted anywhere, written any way, is found."""

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import leaks


@given(
    word=st.text(min_size=8, max_size=20),
    before=st.binary(max_size=8),
    after=st.binary(max_size=8),
)
def test_base64_is_found_at_any_offset(word: str, before: bytes, after: bytes) -> None:
    """Whatever surrounds it."""
    coded = base64.b64encode(before + word.encode() + after)
    ways = leaks.encodings(word)
    assert ways[f"base64+{len(before) % 3}"] in coded


@pytest.mark.parametrize("encoding", sorted(leaks.encodings("zwölfKugelblitz")))
def test_a_planted_word_is_found(tmp_path: Path, encoding: str) -> None:
    """In a file, in every encoding; and an innocent file is silent."""
    word = "zwölfKugelblitz"
    (tmp_path / "innocent").write_bytes(b"nothing here " * 100)
    assert list(leaks.search([tmp_path], [word])) == []
    planted = tmp_path / "deep" / "file.bin"
    planted.parent.mkdir()
    planted.write_bytes(b"\x00\xffnoise" + leaks.encodings(word)[encoding] + b"more")
    found = list(leaks.search([tmp_path], [word]))
    assert [f.place for f in found][:1] == [str(planted)]


def test_a_word_in_a_file_name_is_found(tmp_path: Path) -> None:
    """A file name is a byte left behind too."""
    (tmp_path / "photo-Kugelblitz.jpg").touch()
    assert [f.word for f in leaks.search([tmp_path], ["Kugelblitz"])] == ["Kugelblitz"]


def test_a_word_beside_pages_of_nothing_is_found(tmp_path: Path) -> None:
    """They are passed over; a word's own zero bytes are not, and each of two equal files counts."""
    for encoding in ("utf-16-le", "utf-16-be"):
        for name in ("one", "two"):
            (tmp_path / name).write_bytes(bytes(4095) + "Kugelblitz".encode(encoding) + bytes(4095))
        found = list(leaks.search([tmp_path], ["Kugelblitz"]))
        assert [Path(one.place).name for one in found if one.encoding == encoding] == ["one", "two"]


def test_a_word_across_two_pieces_is_found(tmp_path: Path) -> None:
    """Wherever the bytes are parted to be looked through, and at the very end of them."""
    path = tmp_path / "file"
    for before in range(leaks.PIECE - 12, leaks.PIECE + 2):
        path.write_bytes(b"." * before + b"Kugelblitz")
        assert list(leaks.search([path], ["Kugelblitz"])), before


def test_a_moment_is_found_in_each_shape(tmp_path: Path) -> None:
    """ISO, HTTP date, common log and epoch seconds and milliseconds."""
    when = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    for line in (
        "2026-03-04T05:06:07.123Z",
        "Wed, 04 Mar 2026 05:06:07 GMT",
        "[04/Mar/2026:05:06:07 +0000]",
        "1772600767.5",
        "1772600767999",
    ):
        path = tmp_path / "log"
        path.write_text(line)
        assert list(leaks.search([path], leaks.moments(when))), line
        path.write_text(line.replace("7", "8"))
        assert not list(leaks.search([path], leaks.moments(when)))
