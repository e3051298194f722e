"""Signed heads of audit chains, as a release carries them (sealing.md 8).

Whoever keeps an old release can show later that a chain was rewritten. A head is a hash and tells
nothing that was done. Its number in the chain would tell how much was, past every band and noise of
the tables; so neither number nor day ever comes here, and the signature does not cover them.
"""

import json
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from reporting.sealing import FORMAT, ID_SIZE, KEY_SIZE, SealingRefused, b64, unb64
from reporting.strict_json import parse_json

FILE = "audit-heads.json"
SIGNATURE_SIZE = 64
# Some thousand organisations; more is no file of ours.
_LONGEST = 1_500_000


@dataclass(frozen=True)
class Head:
    """The head an organisation signed last."""

    organisation_id: bytes
    identity_key: bytes
    head: bytes
    signature: bytes


def told(
    heads: Iterable[Head], organisation_id: bytes | None, recognisable: Container[bytes]
) -> list[dict[str, str]]:
    """What a release of this scope says of them, in the order of the hashes.

    The coalition's (no organisation) carries those of organisations that agreed to be recognisable,
    and does not say whose they are. A head that stays the same from one release to the next tells
    that no supervisor came: where nobody else works, that nothing was recorded, which no table says
    of so few. Leaving out the id hides that from nobody who knows the ids of all others.
    """
    found = []
    for one in heads:
        sizes = len(one.organisation_id), len(one.identity_key), len(one.head), len(one.signature)
        if sizes != (ID_SIZE, KEY_SIZE, KEY_SIZE, SIGNATURE_SIZE):
            raise ValueError("not a signed head")
        entry = {"head": b64(one.head), "signature": b64(one.signature)}
        if organisation_id is None and one.organisation_id in recognisable:
            found.append(entry)
        elif organisation_id == one.organisation_id:
            named = {"organisation": b64(organisation_id), "identity_key": b64(one.identity_key)}
            found.append(named | entry)
    return sorted(found, key=lambda entry: entry["head"])


def compose(entries: Sequence[Mapping[str, str]]) -> bytes:
    """The file of a release."""
    return (json.dumps({"format": FORMAT, "heads": list(entries)}, indent=2) + "\n").encode()


def read(data: bytes) -> list[tuple[bytes, bytes]]:
    """Heads and signatures of such a file. Raises `SealingRefused` for anything else."""
    given = parse_json(data, _LONGEST)
    if not isinstance(given, dict) or given.get("format") != FORMAT:
        raise SealingRefused("format")
    entries = given.get("heads")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise SealingRefused("heads")
    found = [(unb64(entry.get("head")), unb64(entry.get("signature"))) for entry in entries]
    if any((len(head), len(signature)) != (KEY_SIZE, SIGNATURE_SIZE) for head, signature in found):
        raise SealingRefused("heads")
    return found
