"""Processes that are timed: started together in groups of their own, watched, and never left behind."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from fixtures.build.meter import high_water_bytes
from fixtures.errors import SuiteError

SAMPLE_SECONDS = 0.25
PATIENCE_SECONDS = 30.0  # to end in order, with all that they started themselves in process groups of their own


@dataclass(frozen=True)
class ProcessCost:
    """How processes ran.

    Parameters
    ----------
    seconds : float
        Wall time from the start of the first to the end of the last.
    cpu_seconds : float
        CPU time of all of them and of what they started and waited for.
    status : tuple of int
        Exit status of each.
    peak_bytes : int
        The largest resident memory of any one process of theirs; 0 where it was not watched.
    peak_sum_bytes : int
        The largest sum over all of them at one time.
    """

    seconds: float
    cpu_seconds: float
    status: tuple[int, ...]
    peak_bytes: int = 0
    peak_sum_bytes: int = 0


def run(
    commands: Sequence[Sequence[str]],
    logs: Path,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    watch: bool = False,
    timeout: float | None = None,
) -> ProcessCost:
    """Run processes side by side to their ends; on any exception they and all that they started are killed.

    Parameters
    ----------
    commands : sequence of sequences of str
        What to run.
    logs : Path
        What they print goes to ``<logs>-0.log`` and so on.
    env : mapping, optional
        Set beside this process's environment.
    watch : bool
        Whether to watch their memory.
    timeout : float, optional
        When they are given up [s].

    Raises
    ------
    subprocess.TimeoutExpired
        They took longer; they are killed.
    """
    logs.parent.mkdir(parents=True, exist_ok=True)
    children: list[subprocess.Popen[bytes]] = []
    watcher = None
    try:
        began, cpu = time.perf_counter(), _cpu_seconds()
        for count, command in enumerate(commands):
            with Path(f"{logs}-{count}.log").open("wb") as log:
                children.append(
                    subprocess.Popen(
                        list(command),
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        cwd=cwd,
                        env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},  # the log has all in order
                        start_new_session=True,  # its own process group, to be watched and killed as a whole
                    )
                )
        if watch:
            watcher = _Watcher({child.pid for child in children})
            watcher.start()
        until = None if timeout is None else time.monotonic() + timeout
        status = tuple(child.wait(None if until is None else max(0.0, until - time.monotonic())) for child in children)
        seconds, cpu = time.perf_counter() - began, _cpu_seconds() - cpu
    except BaseException:
        _kill(children)
        raise
    finally:
        if watcher is not None:
            watcher.stop()
    return ProcessCost(seconds, cpu, status, *(watcher.peaks if watcher else (0, 0)))


def refuse_failed(ran: ProcessCost, logs: Path, what: str) -> None:
    """Make sure that all processes ended well.

    Raises
    ------
    SuiteError
        One did not; its last words are told.
    """
    for count, status in enumerate(ran.status):
        if status:
            raise SuiteError(f"{what} ended with status {status}: {last_words(Path(f'{logs}-{count}.log'))}")


def last_words(log: Path) -> str:
    """Return the last line of a log."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:500] if lines else "it said nothing."


def _cpu_seconds() -> float:
    """Return the CPU time of all child processes that ended, and of theirs [s]."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _kill(children: Sequence[subprocess.Popen[bytes]]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        for child in children:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, sign)
        for child in children:
            with suppress(subprocess.TimeoutExpired):
                child.wait(PATIENCE_SECONDS)


class _Watcher(threading.Thread):
    """Looks at the memory of all processes of some process groups."""

    def __init__(self, groups: set[int]) -> None:
        super().__init__(daemon=True, name="memory")
        self._groups = groups
        self._ended = threading.Event()
        self.peaks = (0, 0)

    def run(self) -> None:
        """Look now and then until it is stopped."""
        while not self._ended.wait(SAMPLE_SECONDS):
            found = resident(self._groups)
            largest = max((high for _, high in found), default=0)
            total = sum(now for now, _ in found)
            self.peaks = (max(self.peaks[0], largest), max(self.peaks[1], total))

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        self.join()


def resident(groups: set[int]) -> list[tuple[int, int]]:
    """Return the resident memory of each process of process groups: now, and its high-water mark [bytes].

    Where the system tells no such mark, both are what is resident now.
    """
    found = []
    for process in psutil.process_iter():
        with suppress(OSError, psutil.Error):  # it ended while we looked
            if os.getpgid(process.pid) in groups:
                now = process.memory_info().rss
                found.append((now, high_water_bytes(process.pid) or now))
    return found
