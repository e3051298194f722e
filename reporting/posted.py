"""A form sent without script: its fields in memory, its files sealed while they arrive.

No plaintext of a file is held beyond a chunk and none is written. What cannot be taken is read to
its end and dropped, so that the person gets a page with their words instead of a broken line.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import IO
from urllib.parse import parse_qsl

from werkzeug.http import parse_options_header

from reporting.attachments import Incoming
from reporting.envelope import MAX_ATTACHMENT_SIZE, MAX_ATTACHMENTS, AttachmentSealer
from reporting.multipart import FormPart, MultipartRefused, read_parts
from reporting.sealing import SealingRefused

# All fields together: the longest draft, or answers long past their limit that are given back.
MAX_FIELDS = 1024 * 1024
_MAX_NAME = 255

Fields = dict[str, list[str]]
# Gives content key and report id once the fields before the first file are known.
Keys = Callable[[Mapping[str, list[str]]], tuple[bytes, bytes] | None]


@dataclass
class SealedFile:
    """A file that came in: what its sender calls it (hostile), its true size, its sealed bytes."""

    name: str
    media_type: str
    size: int
    incoming: Incoming
    # Of the plaintext: it would prove which file was sent, and is kept nowhere.
    sha256: bytes = field(default=b"", repr=False)

    def described(self) -> dict[str, str | int]:
        """As it stands in the sealed body."""
        return {"name": self.name, "media_type": self.media_type, "size": self.size}


@dataclass
class Posted:
    """What a form brought. `problem` is a code when not every file could be taken."""

    fields: Fields = field(default_factory=dict)
    files: list[SealedFile] = field(default_factory=list)
    problem: str = ""

    def one(self, name: str) -> str:
        """A field's last value, or nothing."""
        values = self.fields.get(name)
        return values[-1] if values else ""

    def discard(self) -> None:
        """Delete the sealed files that were not kept."""
        for file in self.files:
            file.incoming.discard()


def read_posted(stream: IO[bytes], content_type: str, keys: Keys) -> Posted:
    """Read a form of either encoding. Raises `MultipartRefused` for one that cannot be read."""
    if parse_options_header(content_type)[0] == "application/x-www-form-urlencoded":
        return Posted(fields=_read_urlencoded(stream))
    posted = Posted()
    try:
        size = 0
        for part in read_parts(stream, content_type):
            if part.filename is None:
                data = part.read(MAX_FIELDS - size)
                size += len(data)
                text = data.decode("utf-8", errors="replace")
                posted.fields.setdefault(part.name, []).append(text)
            elif part.name == "file":
                _read_file(part, posted, keys)
    except BaseException:
        posted.discard()
        raise
    return posted


def no_keys(_fields: Mapping[str, list[str]]) -> None:
    """For a form that takes no files."""


def _read_urlencoded(stream: IO[bytes]) -> Fields:
    data = stream.read(MAX_FIELDS + 1)
    if len(data) > MAX_FIELDS:
        raise MultipartRefused("too-large")
    try:
        pairs = parse_qsl(
            data.decode("ascii"), keep_blank_values=True, errors="replace", max_num_fields=1000
        )
    except ValueError:
        raise MultipartRefused("malformed") from None
    fields: Fields = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


def _read_file(part: FormPart, posted: Posted, keys: Keys) -> None:
    first = next(part.chunks, b"")
    if not part.filename and not first:
        # A file field in which nothing was chosen.
        return
    found = keys(posted.fields)
    if found is None:
        posted.problem = "draft-first"
        return
    index = len(posted.files)
    if index >= MAX_ATTACHMENTS:
        posted.problem = "too-many-files"
        return
    sealer = AttachmentSealer(*found, index, MAX_ATTACHMENT_SIZE)
    incoming = Incoming()
    file = SealedFile((part.filename or "")[:_MAX_NAME], _media_type(part), 0, incoming)
    posted.files.append(file)
    whole = hashlib.sha256()
    try:
        for chunk in chain([first], part.chunks):
            whole.update(chunk)
            incoming.write(sealer.update(chunk))
        incoming.write(sealer.finish())
    except SealingRefused:
        posted.problem = "file-too-large"
    file.size, file.sha256 = sealer.size, whole.digest()
    incoming.finish()


def _media_type(part: FormPart) -> str:
    return (part.media_type or "application/octet-stream")[:_MAX_NAME]
