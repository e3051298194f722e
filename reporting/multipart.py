"""Reads `multipart/form-data` as it arrives, part by part, in the order it was sent.

Never writes anything anywhere and never holds a whole file: the framework's own form parser would
put uploads into temporary files, in the clear. Views that use this must not touch `request.form`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

CHUNK = 64 * 1024
# Headers of a part, or what the decoder must hold back because a boundary may begin in it.
MAX_BUFFER = 256 * 1024
MAX_PARTS = 200


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
    if kind != "multipart/form-data" or not 0 < len(boundary) <= 200 or not boundary.isascii():
        raise MultipartRefused("malformed")
    decoder = MultipartDecoder(boundary.encode("ascii"), MAX_BUFFER, max_parts=MAX_PARTS)
    events = _events(_whole_lines(stream, len(boundary)), decoder)
    for event in events:
        if not isinstance(event, Field | File):
            continue
        if not isinstance(event.name, str):
            raise MultipartRefused("malformed")
        chunks = _chunks(events)
        filename = event.filename if isinstance(event, File) else None
        yield FormPart(event.name, filename, event.headers.get("content-type", ""), chunks)
        for _left in chunks:
            pass


def drain(stream: IO[bytes], limit: int) -> None:
    """Read and drop what is left of a body, so that the answer reaches a client still sending."""
    left = limit
    while left > 0:
        data = stream.read(min(CHUNK, left))
        if not data:
            return
        left -= len(data)


def _chunks(events: Iterator[Event]) -> Iterator[bytes]:
    for event in events:
        if not isinstance(event, Data):
            raise MultipartRefused("malformed")
        if event.data:
            yield event.data
        if not event.more_data:
            return


def _whole_lines(stream: IO[bytes], boundary: int) -> Iterator[bytes]:
    """The body in pieces that never end inside a boundary line.

    Werkzeug 3.1.9 takes the CR before a boundary for content when a piece ends one byte after the
    boundary: one file in 65,000 would come out a byte longer than it went in.
    """
    window = boundary + 16
    held = b""
    while data := stream.read(CHUNK):
        held += data
        tail = max(0, len(held) - window)
        ends = [at for at in (held.find(b"\r", tail), held.find(b"\n", tail)) if at >= 0]
        cut = min(ends, default=len(held))
        if cut:
            yield held[:cut]
        held = held[cut:]
    if held:
        yield held


def _events(pieces: Iterator[bytes], decoder: MultipartDecoder) -> Iterator[Event]:
    while True:
        try:
            event = decoder.next_event()
            if isinstance(event, NeedData):
                decoder.receive_data(next(pieces, None))
                continue
        except RequestEntityTooLarge:
            raise MultipartRefused("too-large") from None
        except ValueError:
            # Its text may quote the body: not chained.
            raise MultipartRefused("malformed") from None
        if isinstance(event, Epilogue):
            return
        yield event
