"""What the suite lets pass: reads `exceptions.toml`, the one file of it; each needs a reason."""

import tomllib
from pathlib import Path

FILE = Path(__file__).with_suffix(".toml")


def entries(kind: str) -> list[dict[str, str]]:
    """All of one kind."""
    found: list[dict[str, str]] = tomllib.loads(FILE.read_text(encoding="utf-8"))[kind]
    assert all(entry["reason"] for entry in found), kind
    return found


def excepted(kind: str, key: str) -> set[str]:
    """What the entries of a kind name under a key."""
    return {entry[key] for entry in entries(kind)}


def counts() -> dict[str, int]:
    """How many of each kind: the suite prints it."""
    return {kind: len(entries(kind)) for kind in tomllib.loads(FILE.read_text(encoding="utf-8"))}
