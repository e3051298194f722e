"""The instance's secrets: made once, whole or not at all, forgotten on time."""

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from reporting import clock
from reporting.instance import Instance


def test_secrets_are_made_once_and_are_the_owners_only(tmp_path: Path) -> None:
    first, second = Instance.load(tmp_path / "s"), Instance.load(tmp_path / "s")
    assert first == second
    assert len({first.pepper, first.acknowledgement, first.noise_root, first.csrf}) == 4
    for path in (tmp_path / "s").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o700


def test_many_processes_at_once_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: Instance.load(tmp_path / "s"), range(48)))
    assert len({(i.pepper, i.instance_id) for i in found}) == 1
    assert not [p for p in (tmp_path / "s").iterdir() if p.name.startswith(".")]


def test_no_secret_is_shown_by_accident(tmp_path: Path) -> None:
    made = Instance.load(tmp_path)
    assert made.pepper.hex() not in repr(made)
    assert repr(made.pepper)[2:-1] not in f"{made}"


def test_a_day_secret_lives_twelve_hours_past_its_day(tmp_path: Path) -> None:
    made = Instance.load(tmp_path)
    day = date(2026, 3, 14)
    secret = made.day_secret(day)
    assert made.day_secret(day) == secret == made.known_day_secret(day)
    end = datetime(2026, 3, 15, tzinfo=UTC)
    assert made.delete_old_day_secrets(end + timedelta(hours=11, minutes=59)) == 0
    assert made.delete_old_day_secrets(end + timedelta(hours=12)) == 1
    assert made.known_day_secret(day) is None


def test_asking_for_a_day_that_is_gone_makes_none(tmp_path: Path) -> None:
    made = Instance.load(tmp_path)
    assert made.known_day_secret(date(2020, 1, 1)) is None
    assert not (tmp_path / "days").exists()


def test_an_unwritable_folder_is_an_error_not_a_default(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="Not a directory"):
        Instance.load(tmp_path / "file" / "secrets")


def test_a_day_secret_does_not_tell_when_it_was_first_used(tmp_path: Path) -> None:
    """The first use may be a reporter's: file and folders bear midnight, read or not."""
    instance = Instance.load(tmp_path)
    instance.day_secret(clock.today())
    midnight = datetime.combine(clock.today(), datetime.min.time(), UTC).timestamp()
    path = tmp_path / "days" / clock.today().isoformat()
    path.read_bytes()
    assert {p.stat().st_mtime for p in (path, path.parent, tmp_path)} == {midnight}
    assert path.stat().st_atime == midnight + 86400
