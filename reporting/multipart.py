"""Reads `multipart/form-data` as it arrives, part by part, in the order it was sent.

Never writes anything anywhere and never holds a whole file: the framework's own form parser would
put uploads into temporary files, in the clear. Views that use this must not touch `request.form`.
Line ends are CRLF, as RFC 2046 wants and browsers send; so that what is between two boundaries
comes out byte for byte, however the line cuts it into pieces.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from werkzeug.http import parse_options_header

CHUNK = 64 * 1024
# Headers of one part, and whatever stands before the first boundary.
MAX_HEADERS = 16 * 1024
MAX_PARTS = 200
_MAX_BOUNDARY = 200


class MultipartRefused(Exception):
    """A body that cannot be read. `reason` is `malformed` or `too-large`, never any content."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class FormPart:
    """One part: what its headers say (all of it hostile), and its bytes, to be read once."""

    name: str
    filename: str | None
    media_type: str
    chunks: Iterator[bytes]

    def read(self, limit: int) -> bytes:
        """The whole part, refused when it is longer than `limit`."""
        data = bytearray()
        for chunk in self.chunks:
            if len(data) + len(chunk) > limit:
                raise MultipartRefused("too-large")
            data += chunk
        return bytes(data)


def read_parts(stream: IO[bytes], content_type: str) -> Iterator[FormPart]:
    """Yield the parts of a body; what a caller leaves unread of a part is read and dropped."""
    kind, options = parse_options_header(content_type)
    boundary = options.get("boundary", "")
    if kind != "multipart/form-data" or not 0 < len(boundary) <= _MAX_BOUNDARY:
        raise MultipartRefused("malformed")
    if not boundary.isascii():
        raise MultipartRefused("malformed")
    body = _Body(stream, b"\r\n--" + boundary.encode("ascii"))
    body.skip_preamble()
    for _number in range(MAX_PARTS):
        if body.is_last():
            return
        headers = _headers(body.take_headers())
        disposition, given = parse_options_header(headers.get("content-disposition", ""))
        if disposition != "form-data" or "name" not in given:
            raise MultipartRefused("malformed")
        chunks = body.chunks()
        media_type = headers.get("content-type", "")
        yield FormPart(given["name"], given.get("filename"), media_type, chunks)
        for _left in chunks:
            pass
    raise MultipartRefused("too-large")


def drain(stream: IO[bytes], limit: int) -> None:
    """Read and drop what is left of a body, so that the answer reaches a client still sending."""
    left = limit
    while left > 0:
        data = stream.read(min(CHUNK, left))
        if not data:
            return
        left -= len(data)


class _Body:
    """What has been read and not yet given out; at most a chunk and a boundary."""

    def __init__(self, stream: IO[bytes], delimiter: bytes) -> None:
        self._stream = stream
        self._delimiter = delimiter
        # The first boundary has no line before it.
        self._held = bytearray(b"\r\n")

    def skip_preamble(self) -> None:
        """To the end of the first boundary."""
        self._take(self._delimiter, MAX_HEADERS)

    def is_last(self) -> bool:
        """Whether the boundary just read ends the body; else its line is read to the end."""
        while len(self._held) < 2:
            self._more()
        if self._held.startswith(b"--"):
            return True
        # White space may follow a boundary, nothing else.
        if self._take(b"\r\n", _MAX_BOUNDARY).strip(b" \t"):
            raise MultipartRefused("malformed")
        # Given back: with it, empty headers end as others do.
        self._held[:0] = b"\r\n"
        return False

    def take_headers(self) -> bytes:
        """The header lines of a part."""
        return self._take(b"\r\n\r\n", MAX_HEADERS)

    def chunks(self) -> Iterator[bytes]:
        """The bytes of a part up to its boundary."""
        keep = len(self._delimiter) - 1
        while True:
            at = self._held.find(self._delimiter)
            if at >= 0:
                last = bytes(self._held[:at])
                del self._held[: at + len(self._delimiter)]
                if last:
                    yield last
                return
            # The end may be the beginning of a boundary.
            sure = len(self._held) - keep
            if sure > 0:
                some = bytes(self._held[:sure])
                del self._held[:sure]
                yield some
            self._more()

    def _take(self, end: bytes, limit: int) -> bytes:
        """Everything before `end`, which is dropped."""
        while (at := self._held.find(end)) < 0:
            if len(self._held) > limit:
                raise MultipartRefused("too-large")
            self._more()
        if at > limit:
            raise MultipartRefused("too-large")
        taken = bytes(self._held[:at])
        del self._held[: at + len(end)]
        return taken

    def _more(self) -> None:
        data = self._stream.read(CHUNK)
        if not data:
            # Cut off before the last boundary.
            raise MultipartRefused("malformed")
        self._held += data


def _headers(data: bytes) -> dict[str, str]:
    """Header lines by their name in small letters. Continued lines were never sent by browsers."""
    found: dict[str, str] = {}
    try:
        lines = data.decode("utf-8").split("\r\n")
    except UnicodeDecodeError:
        # Its text would quote the body.
        raise MultipartRefused("malformed") from None
    for line in lines:
        name, _, value = line.partition(":")
        found[name.strip().lower()] = value.strip()
    return found
