"""Search every byte an instance left behind for words that must not be there.

Knows the encodings a word may hide in. Its twin plants one word in each kind of place and must
find it there: a search that finds nothing proves something only then.
"""

import base64
import hashlib
import json
import os
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import numpy as np

NOTHING = bytes(4096)
# Bytes that are looked through at once: what is made of them stays in the processor's cache.
PIECE = 2**18
SHORTEST = 6


@dataclass(frozen=True)
class Found:
    """Where a word was found, and how it was written."""

    word: str
    encoding: str
    place: str


def encodings(word: str) -> dict[str, bytes]:
    """The ways a word may be written: text, UTF-16, escaped, and base64 at its three offsets."""
    raw = word.encode()
    ways = {
        "utf-8": raw,
        "utf-16-le": word.encode("utf-16-le"),
        "utf-16-be": word.encode("utf-16-be"),
        "json": json.dumps(word)[1:-1].encode(),
        "url": urllib.parse.quote(word, safe="").encode(),
        "url-plus": urllib.parse.quote_plus(word).encode(),
        "hex": raw.hex().encode(),
    }
    for offset in range(3):
        # Only the characters that depend on no byte before or after the word.
        coded = base64.b64encode(b"\0" * offset + raw)
        inner = coded[(0, 2, 3)[offset] : len(coded) - (0, 4, 3)[-(offset + len(raw)) % 3]]
        ways[f"base64+{offset}"] = inner
        ways[f"base64url+{offset}"] = inner.translate(bytes.maketrans(b"+/", b"-_"))
    return ways


def moments(when: datetime) -> list[str]:
    """The second of a request in the shapes a time is written: ISO, HTTP date, log, epoch."""
    when = when.astimezone(UTC).replace(microsecond=0)
    epoch = int(when.timestamp())
    return [
        when.strftime("%Y-%m-%dT%H:%M:%S"),
        when.strftime("%Y-%m-%d %H:%M:%S"),
        format_datetime(when, usegmt=True),
        when.strftime("%d/%b/%Y:%H:%M:%S"),
        str(epoch),
    ]


class Patterns:
    """What to look for, by how it begins: seconds of one hour begin alike."""

    def __init__(self, words: Iterable[str]) -> None:
        # Beginning -> the patterns that begin so, each with its word and encoding.
        self.beginnings: dict[bytes, dict[bytes, tuple[str, str]]] = {}
        for word in words:
            for name, coded in encodings(word).items():
                if len(coded) >= SHORTEST:
                    some = self.beginnings.setdefault(coded[:SHORTEST], {})
                    some.setdefault(coded, (word, name))
        # Which pairs of bytes any beginning has at its first, third and fifth place.
        self._pairs = np.zeros((SHORTEST // 2, 2**16), dtype=np.bool_)
        for beginning in self.beginnings:
            for place, pair in enumerate(np.frombuffer(beginning, "<u2")):
                self._pairs[place, pair] = True

    def begun(self, data: bytes) -> set[bytes]:
        """The beginnings that stand anywhere in the bytes.

        Each by itself would take a walk through all bytes, and there are a hundred: one walk leaves
        the few places where such bytes follow each other, and these are compared.
        """
        found: set[bytes] = set()
        for start in range(0, len(data) - SHORTEST + 1, PIECE):
            piece = np.frombuffer(data[start : start + PIECE + SHORTEST - 1], np.uint8)
            pairs = piece[:-1] | (piece[1:].astype(np.uint16) << 8)
            (at,) = np.nonzero(self._pairs[0][pairs[: len(piece) - SHORTEST + 1]])
            for place in range(1, SHORTEST // 2):
                at = at[self._pairs[place][pairs[at + 2 * place]]]
            found |= {data[start + one : start + one + SHORTEST] for one in at.tolist()}
        return found & self.beginnings.keys()


def search(folders: Iterable[Path], words: Iterable[str]) -> Iterator[Found]:
    """Look in the names and bytes of all files below the folders."""
    wanted = Patterns(words)
    # PostgreSQL's catalogues are there once for each of its databases.
    known: dict[bytes, list[Found]] = {}
    for folder in folders:
        paths = [folder] if folder.is_file() else sorted(folder.rglob("*"))
        for path in paths:
            yield from _hits(os.fsencode(path.name), wanted, f"name of {path}")
            if path.is_symlink() or not path.is_file():
                continue
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                continue  # gone between listing and reading: nothing is left behind
            digest = hashlib.sha256(data).digest()
            if digest not in known:
                # No word has a page of nothing in it, and logs made beforehand are full of them.
                known[digest] = list(_hits(data.replace(NOTHING, b"\0"), wanted, str(path)))
            yield from (replace(found, place=str(path)) for found in known[digest])


def search_bytes(places: Mapping[str, bytes], words: Iterable[str]) -> Iterator[Found]:
    """Look in bytes that are no file, such as what Valkey answers."""
    wanted = Patterns(words)
    for place, data in places.items():
        yield from _hits(data, wanted, place)


def _hits(data: bytes, wanted: Patterns, place: str) -> Iterator[Found]:
    for beginning in sorted(wanted.begun(data)):
        for pattern, (word, name) in wanted.beginnings[beginning].items():
            if pattern in data:
                yield Found(word, name, place)
