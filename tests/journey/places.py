"""Every place where a running instance leaves bytes: files, database values, Valkey, file times."""

import os
import re
import stat
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import redis
import sqlalchemy

from tests import leaks
from tests.live import Live

TEMPORARY = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"))  # looked into, only


def _engine(live: Live) -> sqlalchemy.Engine:
    url = live.env.get("UPSTANDER_DATABASE_URL", f"sqlite:///{live.data_dir / 'upstander.db'}")
    return sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))


def database_values(live: Live) -> dict[str, bytes]:
    """All values of each column, joined: a value may be cut in two or packed in the files."""
    engine = _engine(live)
    found = {}
    with engine.connect() as connection:
        for table in sqlalchemy.inspect(engine).get_table_names():
            rows = connection.execute(sqlalchemy.text(f'SELECT * FROM "{table}"'))
            names = list(rows.keys())
            columns: list[list[bytes]] = [[] for _ in names]
            for row in rows:
                for column, value in zip(columns, row, strict=True):
                    column.append(value if isinstance(value, bytes) else str(value).encode())
            for name, column in zip(names, columns, strict=True):
                found[f"{table}.{name}"] = b"\n".join(column)
    engine.dispose()
    return found


def valkey_url(live: Live) -> str:
    """Where the running instance's own Valkey listens, read from its command line."""
    command = live.part("valkey")[0].cmdline()
    # Valkey writes its title over its arguments.
    path = next(x for x in " ".join(command).split() if x.startswith("unixsocket:"))
    return "unix://" + path.removeprefix("unixsocket:")


def valkey_values(live: Live) -> dict[str, bytes]:
    """Every key with its values, job payloads among them, packed and unpacked."""
    client: Any = redis.Redis.from_url(valkey_url(live))
    readers: dict[bytes, Callable[[bytes], list[bytes]]] = {
        b"string": lambda key: [client.get(key) or b""],
        b"hash": lambda key: [part for pair in client.hgetall(key).items() for part in pair],
        b"list": lambda key: list(client.lrange(key, 0, -1)),
        b"set": lambda key: list(client.smembers(key)),
        b"zset": lambda key: [
            part
            for member, score in client.zrange(key, 0, -1, withscores=True)
            for part in (member, str(score).encode())
        ],
    }
    found = {}
    for key in client.scan_iter(count=1000):
        reader = readers.get(client.type(key))
        values = reader(key) if reader else [client.dump(key) or b""]
        found[f"valkey {key!r}"] = b"\n".join([key, *values, *_unpacked(values)])
    return found


def _unpacked(values: Iterable[bytes]) -> Iterator[bytes]:
    """RQ packs what a job calls; unpacked it is searched as its worker would read it."""
    for value in values:
        try:
            yield zlib.decompress(value)
        except zlib.error:
            continue


def valkey_journal(live: Live) -> dict[str, bytes]:
    """What was ever given to Valkey and is packed: the file keeps it when the value has gone."""
    found = {}
    for path in live.data_dir.rglob("*.aof"):
        data = path.read_bytes()
        # Each value stands after its length.
        lengths = re.finditer(rb"\$(\d+)\r\n", data)
        values = (data[x.end() : x.end() + int(x[1])] for x in lengths)
        found[f"unpacked {path}"] = b"\n".join(_unpacked(values))
    return found


def all_born(live: Live) -> set[int]:
    """Until worker and cron have written when they began: no reporter asks in that second.

    Returns the seconds that Valkey's file names by then: when something expires, also what is gone
    or was written while the demo was made. A reporter who asks in one of them proves nothing.
    """
    client: Any = redis.Redis.from_url(valkey_url(live))
    end = time.monotonic() + 60
    while not (client.exists("rq:workers") and list(client.scan_iter("rq:cron_scheduler:*"))):
        assert time.monotonic() < end, "worker or cron did not begin"
        time.sleep(0.1)
    time.sleep(1.1)
    named = {
        int(written[:10])
        for path in live.data_dir.rglob("*.aof")
        for written in re.findall(rb"\d{10,}", path.read_bytes())
    }
    # The file bears the second in which it was read for the first time, too.
    time.sleep(1.1)
    return named


def settle(live: Live) -> None:
    """Bring the database to the disk. Valkey writes its file before it answers.

    That file is searched as it stands: written anew it would lose all that has been removed.
    """
    if "UPSTANDER_DATABASE_URL" in live.env:
        with psycopg.connect(live.env["UPSTANDER_DATABASE_URL"], autocommit=True) as connection:
            connection.execute(b"CHECKPOINT")
        return
    engine, end = _engine(live), time.monotonic() + 30
    with engine.connect() as connection:
        # The file itself is searched too; who reads just now keeps pages out of it.
        while connection.execute(sqlalchemy.text("PRAGMA wal_checkpoint(FULL)")).scalar():
            assert time.monotonic() < end, "somebody reads without end"
            time.sleep(0.1)
    engine.dispose()


def cluster(live: Live) -> list[Path]:
    """PostgreSQL's own folder, when that is the database."""
    if "UPSTANDER_DATABASE_URL" not in live.env:
        return []
    with psycopg.connect(live.env["UPSTANDER_DATABASE_URL"]) as connection:
        row = connection.execute(b"SHOW data_directory").fetchone()
        assert row
        return [Path(row[0])]


def words_left(live: Live, words: Iterable[str], since: float) -> Iterator[leaks.Found]:
    """Look everywhere. The demo's own file of sign-ins is made to hold secrets in clear."""
    words = list(words)
    folders = [p for p in files_below(live.data_dir, temporary(live)) if p.is_file()]
    folders = [p for p in folders if p.name != "demo-sign-ins.json"]
    yield from leaks.search([*folders, live.log, *cluster(live), *_recent(since)], words)
    yield from leaks.search_bytes(database_values(live), words)
    yield from leaks.search_bytes(valkey_values(live) | valkey_journal(live), words)


def _recent(since: float) -> Iterator[Path]:
    """Files of temporary folders written since; other data folders of the suite left out."""
    for path in files_below(*TEMPORARY):
        try:
            fresh = path.is_file() and path.stat().st_mtime >= since
        except OSError:
            continue
        if fresh and "pytest" not in path.name:
            yield path


def temporary(live: Live) -> Path:
    """Where this instance puts its temporary files, as the journey told it."""
    return Path(live.env["TMPDIR"])


def files_below(*folders: Path) -> Iterator[Path]:
    """Every file; folders that go while we look (others use them too) are passed over.

    Folders of the suite, other instances in them, are not gone into unless one is asked for.
    """
    for folder in folders:
        for name, below, files in os.walk(folder):
            below[:] = [one for one in below if "pytest" not in one]
            yield from (Path(name) / file for file in files)


def times(live: Live) -> dict[Path, dict[str, int]]:
    """When each file and folder of the data folder was last written and read, to the second.

    To be asked before anything is searched, for a search reads. A file system mounted with
    `noatime` never notes a reading; with `relatime`, the usual, only the first after a change or a
    day. Of folders the time of listing is left out: no request lists one, and other tests that look
    through the temporary folders list them all.
    """
    found = {}
    for path in (*live.data_dir.rglob("*"), *temporary(live).rglob("*")):
        try:
            state = path.lstat()
        except FileNotFoundError:
            continue
        found[path] = {"mtime": int(state.st_mtime)}
        if not stat.S_ISDIR(state.st_mode):
            found[path]["atime"] = int(state.st_atime)
    return found


def moments_left(
    live: Live,
    seconds: Iterable[int],
    words: Iterable[str],
    known: Mapping[Path, Mapping[str, int]],
) -> Iterator[leaks.Found]:
    """Look for the seconds of reporters' requests: as text, and in the `times` of files.

    Excepted are write-ahead logs, which show order and time (sealing.md 10), and the times of the
    database file, which tell no more (threat-model.md). Of temporary folders only the instance's
    own is looked through: other programs write the same seconds into the others.
    """
    words, seconds = list(words), set(seconds)
    files = [p for p in files_below(live.data_dir, temporary(live)) if p.is_file()]
    files = [p for p in files if not p.name.endswith(("-wal", "-shm"))]
    yield from leaks.search([*files, live.log], words)
    for folder in cluster(live):
        yield from leaks.search(
            [p for p in folder.rglob("*") if p.is_file() and "pg_wal" not in p.parts], words
        )
    yield from leaks.search_bytes(database_values(live), words)
    yield from leaks.search_bytes(valkey_values(live) | valkey_journal(live), words)
    for path, told in known.items():
        if path.name.startswith("upstander.db"):
            continue
        for name, second in told.items():
            if second in seconds:
                yield leaks.Found(str(second), name, str(path))
