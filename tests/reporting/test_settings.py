"""Settings: safe defaults, clear refusals, and sockets wherever the data folder lies."""

import dataclasses
from pathlib import Path

import pytest
import redis

from reporting import settings
from reporting.settings import SettingRefused, Settings


def from_env(**values: str) -> Settings:
    return Settings.from_env({f"UPSTANDER_{name}": value for name, value in values.items()})


def test_without_an_environment_everything_is_local() -> None:
    made = Settings.from_env({})
    assert (made.host, made.port) == ("127.0.0.1", 8000)
    assert made.database_url.startswith("sqlite:///")
    assert made.own_valkey
    assert made.smtp_host == ""
    assert made.secrets_dir.parent == made.data_dir


def test_the_environment_cannot_weaken_a_passphrase() -> None:
    made = from_env(ARGON2_MEMORY_KIB="1", ARGON2_PASSES="1", ARGON2="1")
    assert made.argon2_memory_kib == settings.ARGON2_MEMORY_KIB == 64 * 1024
    assert made.argon2_passes == settings.ARGON2_PASSES == 3


def test_settings_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings.from_env({}).port = 1  # type: ignore[misc]  # what must not be possible


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "http"), ("PORT", "0"), ("PORT", "70000"), ("PORT", "٨"), ("SMTP_PORT", "-1"),
     ("LOG_LEVEL", "LOUD"), ("PARTS", "reporting,everything"), ("PARTS", ","),
     ("PARTS", "reporting"), ("PARTS", "analytics"), ("PARTS", "casework,reporting")],
)  # fmt: skip
def test_a_value_that_cannot_be_used_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingRefused, match=f"UPSTANDER_{name}"):
        from_env(**{name: value})


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_postgresql_is_reached_by_psycopg_3(scheme: str) -> None:
    assert from_env(DATABASE_URL=f"{scheme}://h/d").database_url == "postgresql+psycopg://h/d"


@pytest.mark.parametrize(
    ("address", "encrypted"),
    [("", False), ("http://reports.example", False), ("https://reports.example", True),
     (f"http://{'a' * 56}.onion", True), ("http://x.onion.example", False)],
)  # fmt: skip
def test_an_address_is_encrypted_by_tls_or_tor(address: str, encrypted: bool) -> None:
    assert from_env(PUBLIC_URL=address).encrypted is encrypted


def test_an_outside_redis_is_not_ours_to_start() -> None:
    assert not from_env(REDIS_URL="redis://redis.example:6379/0").own_valkey


@pytest.mark.parametrize("name", ["a b", "eq=u", "a b%c?d#é", "two\nlines"])
def test_a_data_folder_with_odd_letters_has_a_plain_socket(name: str) -> None:
    """Redis names a client's socket between spaces and `=`: RQ's worker could not read the rest."""
    made = from_env(DATA_DIR=f"/srv/{name}")
    kept = redis.Redis.from_url(made.redis_url).connection_pool.connection_kwargs["path"]
    assert Path(kept) == made.valkey_socket
    assert settings.PLAIN_PATH.fullmatch(kept)
    assert made.metrics_socket.parent == made.valkey_socket.parent
    assert made.own_valkey


def test_a_plain_data_folder_keeps_its_sockets() -> None:
    made = from_env(DATA_DIR="/srv/up-stander_1.0")
    assert made.valkey_socket == Path("/srv/up-stander_1.0/valkey/valkey.sock")


@pytest.mark.parametrize("path", ["/srv/a b/r.sock", "/srv/a%20b/r.sock", "/srv/eq=u/r.sock"])
def test_an_outside_socket_that_no_worker_could_use_is_refused(path: str) -> None:
    with pytest.raises(SettingRefused, match=r"UPSTANDER_REDIS_URL.*path"):
        from_env(REDIS_URL=f"unix://{path}")
    plain = from_env(REDIS_URL="unix://:secret=word@/run/redis/redis-server.sock?db=1")
    assert plain.redis_url.endswith("?db=1")


def test_a_deep_data_folder_has_short_sockets() -> None:
    deep = Path("/srv") / ("d" * 90)
    made = from_env(DATA_DIR=str(deep))
    assert len(str(made.valkey_socket)) <= settings.SOCKET_PATH_BYTES
    assert made.valkey_socket != from_env(DATA_DIR=str(deep / "other")).valkey_socket
    assert made.own_valkey
    assert made.metrics_socket.parent == made.valkey_socket.parent


def test_a_mail_server_without_a_sender_is_refused() -> None:
    with pytest.raises(SettingRefused, match="UPSTANDER_SMTP_FROM"):
        from_env(SMTP_HOST="localhost")
    assert from_env(SMTP_HOST="localhost", SMTP_FROM="u@x.invalid").smtp_port == 25


def test_the_address_is_the_public_one_where_there_is_one() -> None:
    assert from_env(PORT="81").address == "http://127.0.0.1:81"
    assert (
        from_env(PUBLIC_URL="https://report.example.org/").address == "https://report.example.org"
    )
