"""Files as STREAM: 64 KiB chunks of AES-256-GCM, zero-padded to Padmé (docs/sealing.md 3).

A sealer's key is used for one file only: a second file under it would repeat nonces. Of an opener
nothing may be used before `finish` has returned; `verify_attachment` is that first pass.
"""

from collections.abc import Iterable, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from reporting.sealing import PAD_FLOOR, SealingRefused, derive, padme, u32

CHUNK = 64 * 1024
_TAG = 16
_SEALED_CHUNK = CHUNK + _TAG


class StreamSealer:
    """Seals one file as it comes in; holds at most a chunk of plaintext, in memory."""

    def __init__(self, key: bytes, limit: int | None = None) -> None:
        self.size = 0
        self._aes = AESGCM(key)
        self._limit = limit
        self._counter = 0
        self._held = bytearray()

    def update(self, data: bytes) -> bytes:
        """Take plaintext, return the chunks that are complete. Over `limit` it refuses."""
        self.size += len(data)
        if self._limit is not None and self.size > self._limit:
            raise SealingRefused("too-large")
        return self._take(data)

    def finish(self) -> bytes:
        """Pad, and return the rest with the last chunk."""
        zeros = padme(max(PAD_FLOOR, self.size)) - self.size
        sealed = bytearray()
        while zeros:
            some = min(zeros, CHUNK)
            sealed += self._take(bytes(some))
            zeros -= some
        return bytes(sealed + self._seal(self._held, last=True))

    def _take(self, data: bytes) -> bytes:
        self._held += data
        sealed = bytearray()
        # A full chunk is held back until more follows: it may be the last.
        while len(self._held) > CHUNK:
            sealed += self._seal(self._held[:CHUNK], last=False)
            del self._held[:CHUNK]
        return bytes(sealed)

    def _seal(self, chunk: bytearray, *, last: bool) -> bytes:
        sealed = self._aes.encrypt(_nonce(self._counter, last=last), bytes(chunk), None)
        self._counter += 1
        return sealed


class StreamOpener:
    """Opens what `StreamSealer` made, padding included."""

    def __init__(self, key: bytes) -> None:
        self._aes = AESGCM(key)
        self._counter = 0
        self._held = bytearray()

    def update(self, data: bytes) -> list[bytes]:
        """Take sealed bytes, return the chunks that verified. Not to be used before `finish`."""
        self._held += data
        opened = []
        while len(self._held) > _SEALED_CHUNK:
            opened.append(self._open(self._held[:_SEALED_CHUNK], last=False))
            del self._held[:_SEALED_CHUNK]
        return opened

    def finish(self) -> bytes:
        """Return the last chunk; a stream cut, even at a chunk's end, is refused here."""
        return self._open(self._held, last=True)

    def _open(self, sealed: bytearray, *, last: bool) -> bytes:
        try:
            chunk = self._aes.decrypt(_nonce(self._counter, last=last), bytes(sealed), None)
        except InvalidTag as refused:
            raise SealingRefused("attachment") from refused
        self._counter += 1
        return chunk


class AttachmentSealer(StreamSealer):
    """Seals attachment `index` of a report."""

    def __init__(
        self, content_key: bytes, report_id: bytes, index: int, limit: int | None = None
    ) -> None:
        super().__init__(_attachment_key(content_key, report_id, index), limit)


class AttachmentOpener(StreamOpener):
    """Opens attachment `index` of a report."""

    def __init__(self, content_key: bytes, report_id: bytes, index: int) -> None:
        super().__init__(_attachment_key(content_key, report_id, index))


def sealed_length(size: int) -> int:
    """How many bytes a file of `size` bytes is once sealed."""
    padded = padme(max(PAD_FLOOR, size))
    return padded + _TAG * -(-padded // CHUNK)


def is_sealed_length(length: int) -> bool:
    """Whether any file could be so long once sealed."""
    padded = length - _TAG * -(-length // _SEALED_CHUNK)
    return padded >= PAD_FLOOR and sealed_length(padded) == length


def open_stream(opener: StreamOpener, chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yield the true `size` bytes; refuse another length or padding that is not zero."""
    padded = padme(max(PAD_FLOOR, size))
    seen = 0
    for chunk in _opened(opener, chunks):
        kept = chunk[: max(0, size - seen)]
        seen += len(chunk)
        if seen > padded or chunk.count(0, len(kept)) != len(chunk) - len(kept):
            raise SealingRefused("attachment")
        if kept:
            yield kept
    if seen != padded:
        raise SealingRefused("attachment")


def open_attachment(
    content_key: bytes, report_id: bytes, index: int, chunks: Iterable[bytes], size: int
) -> Iterator[bytes]:
    """Yield an attachment's `size` bytes. Call `verify_attachment` over the whole file first."""
    return open_stream(AttachmentOpener(content_key, report_id, index), chunks, size)


def verify_attachment(
    content_key: bytes, report_id: bytes, index: int, chunks: Iterable[bytes], size: int
) -> None:
    """Read all of an attachment and refuse what does not verify; nothing of it is returned."""
    for _chunk in open_attachment(content_key, report_id, index, chunks, size):
        pass


def _attachment_key(content_key: bytes, report_id: bytes, index: int) -> bytes:
    return derive(content_key, "attachment", report_id + u32(index))


def _nonce(counter: int, *, last: bool) -> bytes:
    return counter.to_bytes(11, "big") + bytes([last])


def _opened(opener: StreamOpener, chunks: Iterable[bytes]) -> Iterator[bytes]:
    for data in chunks:
        yield from opener.update(data)
    yield opener.finish()
