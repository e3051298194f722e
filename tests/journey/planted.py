"""What the leak test plants: unique words, and visitors of known address, agent and second."""

import secrets
import time
from dataclasses import dataclass, field

from tests.page import Page, Visitor

# Words that begin alike are looked for as one.
MARK = f"Q{secrets.token_hex(5)}"


def unique(name: str) -> str:
    """A word that stands nowhere else."""
    return f"{MARK}{name}{secrets.token_hex(8)}"


@dataclass
class Planted:
    """Words by entrance, and the seconds in which reporters asked for anything."""

    words: dict[str, str] = field(default_factory=dict)
    seconds: set[int] = field(default_factory=set)
    visitors: int = 0
    # Seconds that others have written down before.
    taken: frozenset[int] = frozenset()

    def keep(self, name: str, word: str) -> str:
        """A word to look for; a name taken twice would lose the first one."""
        assert name not in self.words, name
        self.words[name] = word
        return word

    def word(self, name: str) -> str:
        """A new word for an entrance."""
        return self.keep(name, unique(name))

    def addresses(self, name: str) -> tuple[str, str]:
        """Two addresses of one visitor, each looked for by itself.

        Three digits at the end, so that none is the beginning of another. Of the longer one only
        the network is looked for: it stands in the shortened address too.
        """
        short = f"198.18.{100 + secrets.randbelow(156)}.{100 + secrets.randbelow(156)}"
        groups = [f"{0x1000 + secrets.randbelow(0xF000):x}" for _ in range(6)]
        self.keep(name + "network", ":".join(["db8", *groups[:2]]))
        return self.keep(name, short), ":".join(["2001", "db8", *groups])


class Reporter(Visitor):
    """A visitor who notes the second of each request and sends telling headers."""

    def __init__(self, base: str, planted: Planted) -> None:
        planted.visitors += 1
        number = planted.visitors
        short, long = planted.addresses(f"address{number}")
        super().__init__(
            base,
            {
                "User-Agent": f"Mozilla/5.0 {planted.word(f'Agent{number}')}",
                "X-Forwarded-For": f"{short}, {long}",
                "Forwarded": f'for={short}, for="[{long}]"',
                "Referer": f"https://{planted.word(f'referer{number}')}.example/",
            },
        )
        self.planted = planted

    def fetch(self, *arguments: object, **options: object) -> Page:
        """Fetch in seconds that no cron tick shares, nor what was written before."""
        # A tick's jobs may take some seconds, and so may a request.
        while not 8 <= time.time() % 60 <= 50 or self.near_taken():
            time.sleep(0.2)
        begun = int(time.time())
        page = super().fetch(*arguments, **options)  # type: ignore[arg-type]  # handed through
        self.planted.seconds |= set(range(begun, int(time.time()) + 1))
        return page

    def near_taken(self) -> bool:
        """Whether a request that begins now might go on into a second that is taken."""
        return any(-1 <= second - int(time.time()) <= 5 for second in self.planted.taken)
