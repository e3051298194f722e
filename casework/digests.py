"""Digests: the few boxed facts by which a queue or list shows a thing without opening it.

Boxed under the casework key, all of one length: neither the number of grounds nor the length of
the first words shows in the database. An incident's digest holds codes only: the words of a report
that is erased later would stay in it.
"""

import json
import re
import unicodedata
from dataclasses import dataclass, fields
from typing import Any

from casework.keys import Keyring
from reporting import vocabulary
from reporting.sealing import SealingRefused, box, u32, unbox

SIZE = 1024
_WORDS = 80
# As many codes of a kind as surely fit; the opened thing shows all.
_CODES = 12
# Acts of the form that are a sign of danger.
_SIGNS = {
    "hurt": frozenset({"rg.hurt", "rg.sexual"}),
    "threat": frozenset({"rg.threat"}),
    "official": frozenset({"rg.official"}),
}
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}")


@dataclass(frozen=True, kw_only=True)
class Digest:
    """What a line of the queue shows. Every field is checked: all of it was hostile input."""

    kind: str = "report"
    words: str = ""
    language: str = ""
    country: str = ""
    role: str = ""
    grounds: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()
    files: int = 0
    # Why it could not be read: "key", "body", "json", "plain"; empty when it could.
    broken: str = ""
    # The status last told to the reporter; kept nowhere in the clear.
    told: str = ""
    # Why it was set aside.
    reason: str = ""
    # Of an addition: how many had been admitted to its report before.
    number: int = 0
    # Of an incident: the month its coding says.
    when: str = ""

    @property
    def hints(self) -> tuple[str, ...]:
        """Signs of danger in structured answers; a person judges them."""
        found = [name for name, acts in _SIGNS.items() if not acts.isdisjoint(self.acts)]
        return (*found, "child") if self.role == "rr.parent" else tuple(found)


_FIELDS = frozenset(one.name for one in fields(Digest))


def first_words(text: str) -> str:
    """The beginning of a text on one line, without characters that steer the page around it."""
    kept = "".join(
        " " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c
        for c in text[: _WORDS * 4]
        # Bidirectional overrides and other format characters, save the two joiners scripts need.
        if unicodedata.category(c) != "Cf" or c in "\u200c\u200d"
    )
    line = " ".join(kept.split())
    if len(line) <= _WORDS:
        return line
    whole, _space, _cut = line[:_WORDS].rpartition(" ")
    # Scripts without spaces, and one very long word, are cut where the room ends.
    return (whole if len(whole) >= _WORDS // 2 else line[: _WORDS - 1].rstrip()) + "…"


def known(list_name: str, given: Any) -> tuple[str, ...]:
    """Those of the given ids that the vocabulary has, in its order."""
    wanted = {g for g in given if isinstance(g, str)} if isinstance(given, list) else set()
    return tuple(i for i in vocabulary.ids(list_name) if i in wanted)


def language(given: Any) -> str:
    """A language tag if it looks like one, else nothing."""
    fits = isinstance(given, str) and _LANGUAGE.fullmatch(given) is not None
    return given if fits else ""


def box_digest(keyring: Keyring, thing_id: bytes, digest: Digest) -> tuple[bytes, int]:
    """Box under the newest epoch; returns the box and the epoch."""
    epoch = keyring.newest_epoch()
    words = digest.words
    short = {"acts": digest.acts[:_CODES], "grounds": digest.grounds[:_CODES]}
    while True:
        values = {**vars(digest), **short, "words": words}
        plain = json.dumps(
            {k: v for k, v in values.items() if v not in ("", (), 0)}, ensure_ascii=False
        ).encode()
        if len(plain) <= SIZE or not words:
            break
        words = words[: len(words) // 2]
    context = thing_id + u32(epoch)
    return box(keyring.casework[epoch], "digest", context, plain.ljust(SIZE)), epoch


def open_digest(
    keyring: Keyring, thing_id: bytes, boxed: bytes | None, epoch: int | None
) -> Digest:
    """The digest, or one that says it cannot be read: one bad line must not stop the list."""
    if boxed is None or epoch is None:
        return Digest(broken="erased")
    try:
        plain = unbox(keyring.casework[epoch], "digest", thing_id + u32(epoch), boxed)
        values = json.loads(plain)
    except (SealingRefused, KeyError, ValueError):
        return Digest(broken="digest")
    for name in ("grounds", "acts"):
        values[name] = tuple(values.get(name, ()))
    return Digest(**{name: value for name, value in values.items() if name in _FIELDS})
