"""Liveness, readiness and counts, with the real things there and away."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from reporting import doctor, health
from reporting.queue import QUEUE_NAME
from reporting.settings import Settings

Make = Callable[[Settings], Flask]


@pytest.fixture
def worker(settings: Settings) -> Iterator[None]:
    """A worker that has given a sign of life."""
    made: Any = SimpleWorker(
        [QUEUE_NAME],
        connection=redis.Redis.from_url(settings.redis_url),
        serializer=JSONSerializer,
    )
    made.register_birth()
    yield
    made.register_death()


def test_alive_says_nothing_else(client: FlaskClient) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


@pytest.mark.usefixtures("worker")
def test_ready_when_all_is_there(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {"database": True, "redis": True, "disk": True, "worker": True}


def test_not_ready_without_a_worker(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["worker"] is False


def test_not_ready_without_redis_but_alive(settings: Settings, make_app: Make) -> None:
    away = dataclasses.replace(settings, redis_url="unix:///nowhere/at/all.sock")
    client = make_app(away).test_client()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json == {"database": True, "redis": False, "disk": True, "worker": False}
    assert client.get("/healthz").status_code == 200


def test_not_ready_without_a_database(settings: Settings, make_app: Make) -> None:
    lost = settings.data_dir / "not" / "there.db"
    away = dataclasses.replace(settings, database_url=f"sqlite:///{lost}")
    answer = make_app(away).test_client().get("/readyz")
    assert answer.get_json()["database"] is False


def test_not_ready_with_a_full_disk(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "DISK_BYTES", 2**62)
    assert client.get("/readyz").get_json()["disk"] is False


def test_metrics_are_not_on_the_public_address(client: FlaskClient) -> None:
    assert client.get("/metrics").status_code == 404


@pytest.mark.usefixtures("worker")
def test_counts_name_nothing_that_reporters_do(app: Flask) -> None:
    counted = health.counts()
    assert counted["jobs_ordered"] == counted["jobs_queued"] == 0
    assert not [name for name in counted if "report" in name or "mail" in name]


@pytest.mark.usefixtures("worker", "app")
def test_the_doctor_finds_a_good_installation_good(settings: Settings) -> None:
    found = doctor.outside(settings) + doctor.inside()
    assert [str(f) for f in found if f.bad] == []
    assert any("newest" in f.words for f in found)


def test_the_doctor_sees_what_others_can_read(settings: Settings, app: Flask) -> None:
    (settings.secrets_dir / "pepper").chmod(0o644)
    assert any(f.bad and "pepper" in f.words for f in doctor.outside(settings))


def test_the_doctor_sees_an_open_door_without_tls(settings: Settings, app: Flask) -> None:
    outside = dataclasses.replace(settings, host="0.0.0.0")
    assert any(f.bad and "TLS" in f.words for f in doctor.outside(outside))


@pytest.mark.parametrize(("host", "warned"), [("", 0), ("localhost", 0), ("mail.example", 1)])
def test_the_doctor_warns_of_mail_that_leaves_the_machine_in_clear(
    settings: Settings, app: Flask, host: str, warned: int
) -> None:
    mailing = dataclasses.replace(settings, smtp_host=host, smtp_from="u@x.invalid")
    found = [f for f in doctor.outside(mailing) if "UPSTANDER_SMTP_HOST" in f.words]
    assert [f.mark for f in found] == ["note"] * warned


def test_the_doctor_sees_an_unwritable_folder(settings: Settings) -> None:
    (settings.data_dir / "file").write_text("")
    lost = dataclasses.replace(settings, data_dir=settings.data_dir / "file" / "x")
    assert [f.bad for f in doctor.outside(lost)] == [True]


@pytest.mark.parametrize(
    ("table", "said"),
    [("Filename\n", []), ("Filename\n/swap\n", ["this"]), (None, ["cannot"])],
)
def test_the_doctor_tells_of_swap_also_where_it_cannot_be_seen(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, table: str | None, said: list[str]
) -> None:
    """Only Linux lists it; macOS swaps by default."""
    listed = settings.data_dir / "swaps"
    if table is not None:
        listed.write_text(table)
    monkeypatch.setattr(doctor, "SWAPS", listed)
    found = [f.words for f in doctor.outside(settings) if "machine swaps" in f.words]
    assert [words.split()[0] for words in found] == said
