"""Settings: the only reader of the environment. Secrets come from files, never from here."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote, urlsplit

PARTS = frozenset({"reporting", "analytics", "casework"})

# Argon2id as sealing.md 4 fixes it. No environment variable reaches these; the test suite's own
# factory of `Settings` may lower them, nothing else can.
ARGON2_MEMORY_KIB = 64 * 1024
ARGON2_PASSES = 3
# macOS takes 104, Linux 108, both with the zero at the end.
SOCKET_PATH_BYTES = 100
# Redis tells a client's socket between spaces and `=`, unquoted: RQ's worker reads that when it
# starts, fails at any other letter of such meaning, and no job would ever run.
PLAIN_PATH = re.compile(r"[A-Za-z0-9._/-]+")


class SettingRefused(Exception):
    """A setting that cannot be used; the text names it and says what it takes."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a deployment may choose. Defaults are safe rather than convenient."""

    data_dir: Path
    secrets_dir: Path
    host: str = "127.0.0.1"
    port: int = 8000
    database_url: str
    # The default is the socket of the Valkey that `upstander run` starts in the data folder.
    redis_url: str
    log_level: str = "INFO"
    parts: frozenset[str] = PARTS
    # Empty means "your local emergency number"; the software never guesses a number.
    emergency_number: str = ""
    # One per line: "name | number or address | languages and hours".
    help_lines: tuple[str, ...] = ()
    # Where *Leave this page* leads. Empty opens a blank page.
    exit_address: str = ""
    # Public address of this instance, for invitation links. Empty: http://host:port.
    public_url: str = ""
    # A relay on this machine: what goes to it is neither encrypted nor signed in.
    smtp_host: str = ""
    smtp_port: int = 25
    smtp_from: str = ""
    argon2_memory_kib: int = field(default=ARGON2_MEMORY_KIB, repr=False)
    argon2_passes: int = field(default=ARGON2_PASSES, repr=False)

    @property
    def attachments_dir(self) -> Path:
        """Sealed files, ciphertext only."""
        return self.data_dir / "attachments"

    @property
    def releases_dir(self) -> Path:
        """Files of releases, written once."""
        return self.data_dir / "releases"

    @property
    def own_valkey(self) -> bool:
        """Whether the Valkey in use is the one `upstander run` starts."""
        return self.redis_url == _own_redis(self.data_dir)

    @property
    def valkey_socket(self) -> Path:
        """Where the Valkey of `upstander run` listens; it has no TCP port."""
        return socket_path(self.data_dir, "valkey")

    @property
    def metrics_socket(self) -> Path:
        """Where `/metrics` is served, and nowhere else."""
        return socket_path(self.data_dir, "metrics")

    @property
    def address(self) -> str:
        """Where people reach this instance, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def encrypted(self) -> bool:
        """Whether what people send is encrypted on its way: by TLS or, to an onion address, by Tor.

        Pages promise it, so they must not where it is false.
        """
        parts = urlsplit(self.address)
        return parts.scheme == "https" or (parts.hostname or "").endswith(".onion")

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Read `UPSTANDER_*`. Raises `SettingRefused` naming the variable that cannot be used."""

        def get(name: str, default: str = "") -> str:
            return env.get(f"UPSTANDER_{name}", default).strip()

        data = Path(get("DATA_DIR", "data")).absolute()
        parts = frozenset(get("PARTS", "reporting,analytics,casework").split(","))
        if not parts or not parts <= PARTS:
            raise SettingRefused(f"UPSTANDER_PARTS takes some of {', '.join(sorted(PARTS))}")
        if ("reporting" in parts) != ("analytics" in parts):
            raise SettingRefused(
                "UPSTANDER_PARTS takes reporting and analytics together: their pages are one site"
            )
        level = get("LOG_LEVEL", "INFO").upper()
        if level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise SettingRefused("UPSTANDER_LOG_LEVEL takes DEBUG, INFO, WARNING or ERROR")
        if get("SMTP_HOST") and not get("SMTP_FROM"):
            raise SettingRefused("UPSTANDER_SMTP_FROM is needed: the sender of notices to staff")
        return cls(
            data_dir=data,
            secrets_dir=Path(get("SECRETS_DIR", str(data / "secrets"))).absolute(),
            host=get("HOST", "127.0.0.1"),
            port=_port(get("PORT", "8000"), "UPSTANDER_PORT"),
            database_url=_database(get("DATABASE_URL") or f"sqlite:///{data / 'upstander.db'}"),
            redis_url=_redis(get("REDIS_URL")) or _own_redis(data),
            log_level=level,
            parts=parts,
            emergency_number=get("EMERGENCY_NUMBER"),
            help_lines=tuple(x for x in get("HELP_LINES").splitlines() if x.strip()),
            exit_address=get("EXIT_ADDRESS"),
            public_url=get("PUBLIC_URL"),
            smtp_host=get("SMTP_HOST"),
            smtp_port=_port(get("SMTP_PORT", "25"), "UPSTANDER_SMTP_PORT"),
            smtp_from=get("SMTP_FROM"),
        )


def socket_path(data_dir: Path, name: str) -> Path:
    """Path of a Unix socket: in the data folder, or in a short private one when that will not do.

    A socket's path may have some 100 bytes, all of them plain. The short folder is named after user
    and data folder, so that every process finds the same; whoever makes it checks that it is the
    user's own.
    """
    path = data_dir / name / f"{name}.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES and PLAIN_PATH.fullmatch(str(path)):
        return path
    short = sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path("/tmp") / f"upstander-{os.getuid()}-{short}" / f"{name}.sock"  # noqa: S108


def _own_redis(data_dir: Path) -> str:
    return f"unix://{socket_path(data_dir, 'valkey')}"


def _redis(url: str) -> str:
    if url.startswith("unix:") and not PLAIN_PATH.fullmatch(unquote(urlsplit(url).path)):
        raise SettingRefused(
            "UPSTANDER_REDIS_URL takes a socket whose path has letters, digits and . _ - only"
        )
    return url


def _port(text: str, name: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise SettingRefused(f"{name} takes a number from 1 to 65535")
    return int(text)


def _database(url: str) -> str:
    """Name psycopg 3 where only `postgresql://` was said: SQLAlchemy would look for psycopg2."""
    for plain in ("postgres://", "postgresql://"):
        if url.startswith(plain):
            return "postgresql+psycopg://" + url.removeprefix(plain)
    return url
