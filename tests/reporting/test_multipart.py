"""Multipart bodies are read as they come, in bounded memory, and refused without being quoted."""

from collections.abc import Iterator
from io import BytesIO
from typing import IO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporting.multipart import MAX_HEADERS, MultipartRefused, read_parts

TYPE = "multipart/form-data; boundary=mark"


def body(*parts: tuple[str, bytes], end: bytes = b"--mark--\r\n") -> bytes:
    heads = [f"--mark\r\nContent-Disposition: form-data; {h}\r\n\r\n".encode() for h, _ in parts]
    return b"".join(h + data + b"\r\n" for h, (_, data) in zip(heads, parts, strict=True)) + end


class Slow:
    """A stream that gives a few bytes at a time, as a bad line does."""

    def __init__(self, data: bytes, step: int) -> None:
        self._data = BytesIO(data)
        self._step = step

    def read(self, size: int = -1) -> bytes:
        return self._data.read(min(size, self._step) if size > 0 else self._step)


def names(data: bytes, content_type: str = TYPE) -> list[tuple[str, str | None, bytes]]:
    return [(p.name, p.filename, p.read(10**9)) for p in read_parts(BytesIO(data), content_type)]


@given(st.lists(st.binary(max_size=3000), max_size=4), st.integers(1, 100))
def test_parts_come_in_order_and_whole(contents: list[bytes], step: int) -> None:
    data = body(*[(f'name="p{n}"', content) for n, content in enumerate(contents)])
    stream = cast(IO[bytes], Slow(data, step))
    found = [(part.name, part.read(10**6)) for part in read_parts(stream, TYPE)]
    assert found == [(f"p{n}", content) for n, content in enumerate(contents)]


def test_what_is_not_read_of_a_part_is_dropped() -> None:
    data = body(('name="a"; filename="x"', b"y" * 300_000), ('name="b"', b"last"))
    assert [part.name for part in read_parts(BytesIO(data), TYPE)] == ["a", "b"]


def test_file_names_are_read_as_sent() -> None:
    data = body(('name="file"; filename="../صورة.jpg"', b""), ('name="file"; filename=""', b""))
    assert [n[1] for n in names(data)] == ["../صورة.jpg", ""]


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (b"", TYPE),
        (b"no boundary at all", TYPE),
        (b"--marked\r\n\r\n--mark--", TYPE),
        (b"--mark\nContent-Disposition: form-data; name=a\n\nx\n--mark--\n", TYPE),
        (body(('name="a"', b"x"), end=b""), TYPE),
        (b"--mark\r\nContent-Type: text/plain\r\n\r\nx\r\n--mark--", TYPE),
        (b"--mark\r\nContent-Disposition: form-data\r\n\r\nx\r\n--mark--", TYPE),
        (b'--mark\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nx\r\n--mark--', TYPE),
        (body(('name="a"', b"x")), "multipart/form-data"),
        (body(('name="a"', b"x")), "multipart/form-data; boundary=é"),
        (body(('name="a"', b"x")), "multipart/mixed; boundary=mark"),
        (body(('name="a"', b"x")), ""),
    ],
)
def test_bodies_out_of_shape_are_refused(data: bytes, content_type: str) -> None:
    with pytest.raises(MultipartRefused) as refused:
        names(data, content_type)
    assert refused.value.reason == "malformed"
    assert refused.value.__cause__ is None


def test_memory_is_bounded() -> None:
    """Headers without end, a preamble without end, parts without number, a field too long."""
    endless = b"--mark\r\nX: " + b"y" * (MAX_HEADERS * 2)
    for data in (endless, b"y" * (MAX_HEADERS * 2), body(*[('name="a"', b"")] * 1000)):
        with pytest.raises(MultipartRefused) as refused:
            names(data)
        assert refused.value.reason == "too-large"
    [part] = [next(iter(read_parts(BytesIO(body(('name="a"', b"y" * 5000))), TYPE)))]
    with pytest.raises(MultipartRefused):
        part.read(4999)


def test_reading_is_by_chunks() -> None:
    sizes: list[int] = []

    class Watched(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            sizes.append(size or -1)
            return super().read(size)

    data = body(('name="f"; filename="f"', b"z" * 1_000_000))
    chunks: Iterator[bytes] = next(iter(read_parts(Watched(data), TYPE))).chunks
    assert max(len(chunk) for chunk in chunks) <= 128 * 1024
    assert set(sizes) == {64 * 1024}
