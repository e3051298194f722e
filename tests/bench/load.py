"""Closed-loop load: so many clients at once, and the CPU time the server's processes used.

CPU of the server per unit of work is what is compared: on a shared machine it moves far less than
wall time. A unit that fails is counted and never timed.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import psutil

Unit = Callable[[], None]


@dataclass(frozen=True)
class Figure:
    """What one run of a unit of work cost."""

    done: int
    errors: int
    first_error: str
    cpu_ms: float
    median_ms: float


def cpu_seconds(roots: Iterable[int]) -> float:
    """CPU seconds so far of the processes, their children and the children already reaped."""
    total = 0.0
    for root in roots:
        tree = [psutil.Process(root), *psutil.Process(root).children(recursive=True)]
        for process in tree:
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system + times.children_user + times.children_system
    return total


def measure(make: Callable[[int], Unit], roots: list[int], count: int, clients: int) -> Figure:
    """Run `count` units over `clients` threads; `make(k)` gives client k its unit."""
    units = [make(k) for k in range(clients)]
    for unit in units:
        unit()
    times: list[float] = []
    errors: list[str] = []
    lock = threading.Lock()

    def loop(unit: Unit) -> None:
        for _ in range(count // clients):
            begun = time.perf_counter()
            try:
                unit()
            except Exception as error:  # noqa: BLE001  # any failure is a failed unit
                with lock:
                    errors.append(f"{type(error).__name__}: {error}"[:200])
                continue
            with lock:
                times.append(time.perf_counter() - begun)

    used = cpu_seconds(roots)
    threads = [threading.Thread(target=loop, args=(unit,)) for unit in units]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    used = cpu_seconds(roots) - used
    done = max(1, len(times))
    return Figure(
        done=len(times),
        errors=len(errors),
        first_error=errors[0] if errors else "",
        cpu_ms=used * 1000 / done,
        median_ms=sorted(times)[len(times) // 2] * 1000 if times else 0.0,
    )
