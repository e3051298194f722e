"""Bodies of reports, read: every value in them is hostile input.

What does not parse is kept as text and said so; what is unknown is kept and shown. Names and
media types of files are words to show, never paths or headers.
"""

import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from casework.digests import Digest, first_words, known, language
from reporting import vocabulary
from reporting.envelope import MAX_ATTACHMENT_SIZE, check_reply_public_key, parse_json
from reporting.sealing import SealingRefused, unb64

PURPOSES = ("statistics", "reply")
# The body says that it is another kind than its envelope did: readable, and vouched for by nobody.
OTHER_KIND = "kind"
# What did not open at all may have said anything; whatever opened said what can be read.
UNOPENED = frozenset({"key", "body"})
PRECISIONS = ("day", "week", "month", "year", "unknown")
_KNOWN_KEYS = frozenset(
    {
        *("schema", "kind", "form", "submitted_on", "language", "answers", "consent"),
        *("reply_public_key", "follow_up", "attachments", "request"),
    }
)
_KNOWN_ANSWERS = frozenset(
    {"what_happened", "when", "country", "area", "setting", "grounds", "acts", "role"}
)


@dataclass(frozen=True)
class NamedFile:
    """What the reporter calls a file."""

    name: str
    media_type: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Body:
    """A body as far as it could be read. `broken` says why the rest could not."""

    broken: str = ""
    text: str = ""
    language: str = ""
    request: str = ""
    when: str = ""
    precision: str = "unknown"
    country: str = ""
    area: str = ""
    setting: str = ""
    role: str = ""
    grounds: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()
    consent: dict[str, bool] = field(default_factory=dict)
    # As given: see `reply_key`.
    given_key: str = ""
    follow_up: str = ""
    files: tuple[NamedFile, ...] = ()
    # Name and value, as text, of everything this version does not know.
    unknown: tuple[tuple[str, str], ...] = ()

    @cached_property
    def reply_key(self) -> bytes | None:
        """The key that answers can be sealed to.

        Looked at only by who answers or shows it: a trial seal costs more than all other reading.
        """
        try:
            return check_reply_public_key(unb64(self.given_key)) if self.given_key else None
        except SealingRefused:
            return None

    @property
    def hostile_reply_key(self) -> bool:
        """The reporter gave a key that cannot be used: shown, and nothing is sealed to it."""
        return bool(self.given_key) and self.reply_key is None

    def digest(self, kind: str, files: int, number: int = 0) -> Digest:
        """The few facts that a line of the queue shows."""
        return Digest(
            kind=kind,
            words=first_words(self.text),
            language=self.language,
            country=self.country,
            role=self.role,
            grounds=self.grounds,
            acts=self.acts,
            files=files,
            broken=self.broken,
            number=number,
        )


def read_body(plain: bytes, kind: str) -> Body:
    """Read what a body box held. Never raises: a bad body is shown as such.

    `kind` stood on the envelope, in clear: who could change it in transit would turn what somebody
    adds into a report of its own, or lay a report under a number that is not its sender's.
    """
    try:
        given = parse_json(plain)
    except SealingRefused:
        return Body(broken="json", text=_decoded(plain))
    if not isinstance(given, dict):
        return Body(broken="json", text=_decoded(plain))
    # A body of another client may not say it; then there is nothing to compare.
    other = OTHER_KIND if given.get("kind", kind) != kind else ""
    consent = given.get("consent")
    if not isinstance(consent, dict):
        consent = {}
    common: dict[str, Any] = {
        "language": language(given.get("language")),
        "request": _text(given.get("request")),
        "consent": {str(k): v for k, v in consent.items() if isinstance(v, bool)},
        "given_key": _given_key(given.get("reply_public_key")),
        "follow_up": _text(given.get("follow_up")),
        "files": _files(given.get("attachments")),
    }
    answers = given.get("answers")
    if "form" not in given or not isinstance(answers, dict):
        # Another client's body: read as plain text (sealing.md 3), nothing guessed from it.
        return Body(broken=other or "plain", text=_decoded(plain), **common)
    when = answers.get("when")
    if not isinstance(when, dict):
        when = {}
    precision = when.get("precision")
    return Body(
        broken=other,
        text=_text(answers.get("what_happened")),
        when=_text(when.get("value")),
        precision=precision if precision in PRECISIONS else "unknown",
        country=_one(answers.get("country"), vocabulary.countries()),
        area=_text(answers.get("area")),
        setting=_one(answers.get("setting"), vocabulary.ids("loc")),
        role=_one(answers.get("role"), vocabulary.ids("reporter_role")),
        grounds=known("reporter_ground", answers.get("grounds")),
        acts=known("reporter_group", answers.get("acts")),
        unknown=_unknown(given, answers),
        **common,
    )


def is_confirmed(first: Body, addition: Body) -> bool:
    """Whether an addition comes from who sent the first report: only they know its follow-up.

    One that was sent as something else is not: its follow-up says who wrote it, not what for.
    """
    if addition.broken == OTHER_KIND:
        return False
    return bool(first.follow_up) and hmac.compare_digest(
        first.follow_up.encode(), addition.follow_up.encode()
    )


def latest_consent(first: Body, additions: Sequence[tuple[Body, bool]], purpose: str) -> bool:
    """The latest word on a purpose, from the first report and its additions in order.

    An addition changes the purposes it names and no other: who takes back one wish on the page has
    not said anything about the other. An unconfirmed one may only take consent away.
    """
    agreed = first.consent.get(purpose, False) and first.broken != OTHER_KIND
    for body, confirmed in additions:
        if purpose in body.consent:
            agreed = body.consent[purpose] and (confirmed or agreed)
    return agreed


def known_consent(first: Body, additions: Sequence[tuple[Body, bool]], purpose: str) -> bool | None:
    """`latest_consent`, or nothing while what does not open may have said otherwise.

    A refusal that came after it stands: else who damages a report would keep it counted.
    """
    if latest_consent(first, additions, purpose):
        return True
    for body in reversed([first, *(added for added, _confirmed in additions)]):
        if body.broken in UNOPENED:
            return None
        if body.consent.get(purpose) is False:
            return False
        if body.broken == OTHER_KIND:
            # Whoever changes an envelope in the database must not withdraw what is counted.
            return None
    return False


def _decoded(plain: bytes) -> str:
    return plain.decode("utf-8", errors="replace")


def _text(given: Any) -> str:
    return given if isinstance(given, str) else ""


def _one(given: Any, allowed: Sequence[str]) -> str:
    return given if isinstance(given, str) and given in allowed else ""


def _given_key(given: Any) -> str:
    """Empty where none was given; of what is no text, something that cannot be a key."""
    if given in (None, ""):
        return ""
    return given if isinstance(given, str) else "?"


def _files(given: Any) -> tuple[NamedFile, ...]:
    found = []
    for one in given if isinstance(given, list) else []:
        entry = one if isinstance(one, dict) else {}
        size: Any = entry.get("size")
        # Larger than any file: it fits none, and too large a number stops the page that shows it.
        fits = type(size) is int and 0 <= size <= MAX_ATTACHMENT_SIZE
        found.append(
            NamedFile(
                _text(entry.get("name")), _text(entry.get("media_type")), size if fits else -1
            )
        )
    return tuple(found)


def _unknown(given: dict[str, Any], answers: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """What this version does not know, and known answers whose value it cannot place."""
    rest = {k: v for k, v in given.items() if k not in _KNOWN_KEYS}
    rest |= {k: v for k, v in answers.items() if k not in _KNOWN_ANSWERS}
    for name, allowed in (
        ("country", vocabulary.countries()),
        ("setting", vocabulary.ids("loc")),
        ("role", vocabulary.ids("reporter_role")),
    ):
        value = answers.get(name)
        if value not in (None, "") and not _one(value, allowed):
            rest[name] = value
    for name, of in (("grounds", "reporter_ground"), ("acts", "reporter_group")):
        value = answers.get(name)
        odd = value if not isinstance(value, list) else [v for v in value if not known(of, [v])]
        if odd not in (None, [], ""):
            rest[name] = odd
    what = answers.get("what_happened")
    if what is not None and not isinstance(what, str):
        rest["what_happened"] = what
    return tuple(
        (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for name, value in rest.items()
    )
