"""Sealing, opening, boxing, deriving, signing, padding: the conventions of docs/sealing.md 2.

The bottom of the house: it knows bytes, not reports, and it never stores, logs or prints any.
Every primitive is `cryptography`'s. Whatever does not open is refused with a reason code; no
refusal carries what was in it.
"""

import hashlib
import re
import secrets
import struct
import unicodedata
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache

from cryptography.exceptions import InvalidKey, InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

FORMAT = "upstander/1"
ID_SIZE = 16
KEY_SIZE = 32
PUBLIC_KEY_SIZE = 1216
# What SEAL adds: the encapsulated key (1120) and the tag (16).
SEAL_OVERHEAD = 1120 + 16
# What BOX adds: the nonce (12) and the tag (16).
BOX_OVERHEAD = 12 + 16
PAD_FLOOR = 4096

_MLKEM_PUBLIC_SIZE = 1184
_MLKEM_SEED_SIZE = 64
_NONCE_SIZE = 12
_B64 = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class SealingRefused(Exception):
    """Bytes that are not what they should be. `reason` is a code, never any of the content."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def b64(data: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unb64(text: object) -> bytes:
    """Read `b64` strictly: two texts for the same bytes would be two ids for one report."""
    if not isinstance(text, str) or not _B64.fullmatch(text) or len(text) % 4 == 1:
        raise SealingRefused("b64")
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64(data) != text:
        raise SealingRefused("b64")
    return data


def u32(n: int) -> bytes:
    """Four bytes, big-endian."""
    if not 0 <= n < 2**32:
        raise SealingRefused("u32")
    return struct.pack(">I", n)


def label(name: str) -> bytes:
    """`upstander/1/NAME` and a zero byte: no use of a key can be taken for another."""
    return f"{FORMAT}/{name}\0".encode("ascii")


def random_id() -> bytes:
    """16 random bytes; never a serial number, which would tell an order of arrival."""
    return secrets.token_bytes(ID_SIZE)


def random_key() -> bytes:
    """32 random bytes: a content key, an object key, a seed."""
    return secrets.token_bytes(KEY_SIZE)


def seal(public_key: bytes, name: str, context: bytes, plaintext: bytes) -> bytes:
    """SEAL: HPKE base mode with X-Wing to `public_key`, bound to label and context."""
    try:
        return _SUITE.encrypt(plaintext, _public_key(public_key), info=label(name) + context)
    except ValueError as refused:
        # A small-order X25519 share: the exchange would give zeros to everyone.
        raise SealingRefused("public-key") from refused


def open_sealed(seed: bytes, name: str, context: bytes, sealed: bytes) -> bytes:
    """Open what `seal` made for the public key of `seed`."""
    if len(sealed) < SEAL_OVERHEAD:
        raise SealingRefused("sealed")
    try:
        return _SUITE.decrypt(sealed, _private_key(seed), info=label(name) + context)
    except (InvalidTag, ValueError) as refused:
        raise SealingRefused("sealed") from refused


def box(key: bytes, name: str, context: bytes, plaintext: bytes) -> bytes:
    """BOX: AES-256-GCM under a fresh random nonce, bound to label and context."""
    nonce = secrets.token_bytes(_NONCE_SIZE)
    return nonce + _aes(key).encrypt(nonce, plaintext, label(name) + context)


def unbox(key: bytes, name: str, context: bytes, boxed: bytes) -> bytes:
    """Open what `box` made."""
    if len(boxed) < BOX_OVERHEAD:
        raise SealingRefused("boxed")
    try:
        return _aes(key).decrypt(boxed[:_NONCE_SIZE], boxed[_NONCE_SIZE:], label(name) + context)
    except InvalidTag as refused:
        raise SealingRefused("boxed") from refused


def derive(key: bytes, name: str, context: bytes = b"") -> bytes:
    """DERIVE: HKDF-SHA256 without salt, 32 bytes."""
    hkdf = HKDF(algorithm=SHA256(), length=KEY_SIZE, salt=None, info=label(name) + context)
    return hkdf.derive(key)


def sign(secret: bytes, name: str, message: bytes) -> bytes:
    """SIGN: Ed25519 over label and message, with the 32-byte secret."""
    return _signing_key(secret).sign(label(name) + message)


def verify(public_key: bytes, name: str, message: bytes, signature: bytes) -> None:
    """Refuse a signature that `sign` did not make."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, label(name) + message)
    except (InvalidSignature, ValueError) as refused:
        raise SealingRefused("signature") from refused


def public_of_signing(secret: bytes) -> bytes:
    """The Ed25519 public key of a 32-byte secret."""
    return _signing_key(secret).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def padme(length: int) -> int:
    """Padmé in integers: `length` rounded up so that it tells O(log log) bits of itself."""
    if length < 2:
        return length
    exponent = length.bit_length() - 1
    granule = 1 << (exponent - exponent.bit_length())
    return -(-length // granule) * granule


def padded_length(length: int) -> int:
    """The length of `pad` of so many bytes."""
    return padme(max(PAD_FLOOR, 4 + length))


def pad(data: bytes) -> bytes:
    """PAD: length, data, zeros."""
    return (u32(len(data)) + data).ljust(padded_length(len(data)), b"\0")


def unpad(data: bytes) -> bytes:
    """Read PAD; a wrong length or a padding byte that is not zero could hide or leak something."""
    if len(data) < PAD_FLOOR:
        raise SealingRefused("padding")
    end = 4 + int.from_bytes(data[:4], "big")
    if (
        end > len(data)
        or padme(max(PAD_FLOOR, end)) != len(data)
        or data.count(0, end) != (len(data) - end)
    ):
        raise SealingRefused("padding")
    return data[4:end]


def public_of(seed: bytes) -> bytes:
    """The X-Wing public key of a 32-byte seed: ML-KEM-768 encapsulation key, X25519."""
    mlkem, x25519 = _expand(seed)
    return mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()


def key_id(name: str, material: bytes) -> bytes:
    """First 16 bytes of SHA-256 over label and key: what a grant or an envelope says it is for."""
    return hashlib.sha256(label(name) + material).digest()[:ID_SIZE]


def check_public_key(data: bytes) -> bytes:
    """Return a usable X-Wing public key, or refuse it before anything depends on it.

    The trial seal is the check that counts: it refuses what the length and the ML-KEM modulus
    check let through, such as a small-order X25519 share.
    """
    seal(data, "check", b"", b"")
    return data


def stretch(passphrase: str, salt: bytes, memory_kib: int, passes: int) -> tuple[bytes, bytes]:
    """Argon2id of the NFKC passphrase: key-encryption key and login verifier (sealing 4)."""
    argon2 = Argon2id(
        salt=salt, length=2 * KEY_SIZE, iterations=passes, lanes=1, memory_cost=memory_kib
    )
    material = argon2.derive(unicodedata.normalize("NFKC", passphrase).encode("utf-8"))
    return material[:KEY_SIZE], material[KEY_SIZE:]


def _aes(key: bytes) -> AESGCM:
    # AESGCM itself would take 16 and 24 bytes too.
    if len(key) != KEY_SIZE:
        raise SealingRefused("key")
    return AESGCM(key)


def _signing_key(secret: bytes) -> Ed25519PrivateKey:
    if len(secret) != KEY_SIZE:
        raise SealingRefused("key")
    return Ed25519PrivateKey.from_private_bytes(secret)


# Every report of an organisation is sealed to one key: parse it once. Public halves only; a cache
# of seeds would keep them in memory after the member has signed out.
@lru_cache(maxsize=64)
def _public_key(data: bytes) -> MLKEM768X25519PublicKey:
    if len(data) != PUBLIC_KEY_SIZE:
        raise SealingRefused("public-key")
    try:
        return MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(data[:_MLKEM_PUBLIC_SIZE]),
            X25519PublicKey.from_public_bytes(data[_MLKEM_PUBLIC_SIZE:]),
        )
    except (InvalidKey, ValueError) as refused:
        raise SealingRefused("public-key") from refused


def _expand(seed: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    if len(seed) != KEY_SIZE:
        raise SealingRefused("key")
    expanded = hashlib.shake_256(seed).digest(_MLKEM_SEED_SIZE + KEY_SIZE)
    return (
        MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED_SIZE]),
        X25519PrivateKey.from_private_bytes(expanded[_MLKEM_SEED_SIZE:]),
    )


def _private_key(seed: bytes) -> MLKEM768X25519PrivateKey:
    return MLKEM768X25519PrivateKey(*_expand(seed))
