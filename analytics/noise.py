"""Keys and bounded noise of published counts, as disclosure.md 4.2, 4.3 and 4.6 fix them.

Pure arithmetic over bytes. The noise is drawn by a keyed hash over what a cell is, which records
are in it and when it was stated: keyed on the records alone, a category that holds a whole row
would show the row's own number, always. Nothing here may be logged or written: who has a key takes
all noise off.
"""

import hashlib
import hmac

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

# Largest change of a count, its variance, and the least count shown as a number. Public on purpose:
# safety must not rest on hiding them.
MOST = 5
VARIANCE = 3
LEAST_SHOWN = 6
BAND_HIGH = LEAST_SHOWN - 1 + MOST
# Maximum-entropy distribution on -5..5 with mean 0 and variance 3, as cumulated 16-bit thresholds.
THRESHOLDS = (249, 1336, 4763, 12544, 25271, 40265, 52992, 60773, 64200, 65287, 65536)
SERIES = "1"
# A cell is stated again when its count has moved by LEAST_MOVE and up to MOVES - 1 more.
LEAST_MOVE, MOVES = 8, 8
RKEY_BITS = 36


def _hkdf(root: bytes, info: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=b"", info=info.encode()).derive(root)


def record_key(root: bytes) -> bytes:
    """K_rec: makes the keys of records."""
    return _hkdf(root, "upst|record-key|v1")


def noise_key(root: bytes, scope: str, ref_year: int, series: str = SERIES) -> bytes:
    """K_noise of a scope and year: a sole contributor's table and the coalition's differ."""
    return _hkdf(root, f"upst|noise|v1|{scope}|{ref_year:04d}|{series}")


def reference_key(root: bytes) -> bytes:
    """The key that boxes the true count a statement was made from."""
    return _hkdf(root, "upst|n-ref|v1")


def rkey(k_rec: bytes, record_id: bytes) -> int:
    """Key of one record: 36 bits, so that the sum of 100 million stays under 2^63."""
    digest = hmac.digest(k_rec, record_id, "sha256")
    return int.from_bytes(digest[:8], "big") >> (64 - RKEY_BITS)


def coord(definition: str) -> bytes:
    """Coordinate of a cell: 16 bytes over its definition string."""
    return hashlib.blake2b(definition.encode(), digest_size=16).digest()


def draw(k_noise: bytes, cell: bytes, skey: int, n: int, vintage: int) -> int:
    """Noise of one cell, -5 to 5. `cell` is its coordinate, `skey` the sum of its record keys."""
    message = (
        cell + skey.to_bytes(8, "little") + n.to_bytes(4, "little") + vintage.to_bytes(4, "little")
    )
    digest = hashlib.blake2b(message, key=k_noise, digest_size=8, person=b"upst-noise-v1").digest()
    return of_random(int.from_bytes(digest[:2], "little"))


def threshold(k_noise: bytes, cell: bytes, vintage: int) -> int:
    """How far a count must move from the one last stated before it is stated again: 8 to 15.

    Secret and of each cell alone, so that the moment of a change tells no exact number.
    """
    message = cell + vintage.to_bytes(4, "little")
    digest = hashlib.blake2b(message, key=k_noise, digest_size=8, person=b"upst-dither-v1").digest()
    return LEAST_MOVE + int.from_bytes(digest, "little") % MOVES


def of_random(r: int) -> int:
    """Noise that belongs to 16 random bits: index of the first threshold above them, minus 5."""
    return next(i for i, threshold in enumerate(THRESHOLDS) if threshold > r) - MOST
