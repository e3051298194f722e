"""A forked child, for real: what it keeps, how it ends, and that it never goes on as the parent."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reporting.family import Child, Family
from reporting.forked import Forked


def test_the_exit_code_is_the_one_python_would_give() -> None:
    code = """
import sys
from reporting.forked import Forked
def fail():
    raise ValueError("of the child")
works = [lambda: None, *(lambda c=c: sys.exit(c) for c in (None, 3, "no")), fail]
print([Forked(work, {}, []).wait(10) for work in works])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[0, 0, 3, 1, 1]\n"
    assert "no\n" in done.stderr
    assert "ValueError: of the child" in done.stderr


def test_a_child_that_is_killed_or_asked_ends(tmp_path: Path) -> None:
    def sleep() -> None:
        (tmp_path / "begun").touch()
        signal.pause()

    asked = Forked(sleep, {}, [])
    with pytest.raises(subprocess.TimeoutExpired):
        asked.wait(0.2)
    asked.terminate()
    assert asked.wait(10) == -signal.SIGTERM
    assert asked.poll() == -signal.SIGTERM


def test_nothing_of_the_parent_stays_open_but_what_is_given(tmp_path: Path) -> None:
    told = tmp_path / "told"

    def look() -> None:
        numbers = {int(one.name) for one in Path("/dev/fd").iterdir()}
        names = sorted(str(n) for n in numbers if n > 2 and n in {secret, given})
        told.write_text(f"{' '.join(names)} {os.environ['TZ']} {os.getsid(0) == os.getpid()}")

    secret, given = os.open(__file__, os.O_RDONLY), os.open(__file__, os.O_RDONLY)
    assert Forked(look, {"TZ": "UTC"}, [given]).wait(10) == 0
    os.close(secret)
    os.close(given)
    assert told.read_text() == f"{given} UTC True"


def test_a_child_that_can_tell_nobody_ends_all_the_same(tmp_path: Path) -> None:
    """With its output closed by whoever read it; else it would stop the parent's whole family."""
    code = f"""
import sys
from reporting.forked import Forked
def fail():
    print("something to say")
    raise ValueError
try:
    print(Forked(fail, {{}}, []).wait(10), file=open({str(tmp_path / "code")!r}, "w"))
finally:
    open({str(tmp_path / "ends")!r}, "a").write("x")
"""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    reader, writer = os.pipe()
    os.close(reader)
    subprocess.run([sys.executable, "-c", code], env=env, stdout=writer, stderr=writer)
    os.close(writer)
    assert (tmp_path / "code").read_text() == "1\n"
    assert (tmp_path / "ends").read_text() == "x", "the child went on in the parent's code"


def test_a_register_that_cannot_be_written_ends_nobody(tmp_path: Path) -> None:
    """As on a full disk; the twin is written and says who is who."""
    for folder, there in ((tmp_path / "gone", False), (tmp_path, True)):
        family = Family({}, folder / "processes")
        child = Child("sleeper", signal.pause)
        family.start(child)
        assert child.alive()
        assert child.process is not None
        if there:
            assert (folder / "processes").read_text() == f"sleeper {child.process.pid}\n"
        family.stop()
        assert not child.alive()
        assert not (folder / "processes").exists()
