"""How the suite's own cost grows with the number of exposures, in its own processes and on a Dask cluster.

    python ci/scaling_study.py                                       # 10 to 1,000; about half an hour on two cores
    python ci/scaling_study.py --exposures 10,30 --ways one,cluster

Simulated exposures that cost next to nothing (`fixtures.build.cluster.trial`) go through the same machinery as real
ones: keys, store, claims, verification. So the whole wall time is the suite's own cost. The ways are one process, a
pool of two, and a cluster of two workers on this machine; `second` is one process again, with all in the store.
The last lines fit wall time ~ exposures^p.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fixtures.build.builder import Builder
from fixtures.build.cluster import trial
from fixtures.build.executor import Inline
from fixtures.build.keys import RunKeys
from fixtures.build.opening import StoreOptions, open_builder, open_place, open_store
from fixtures.commandline import Parser, guarded
from fixtures.errors import Status, SuiteError
from fixtures.store.packages import Installed

WAYS = ("one", "second", "two", "cluster")
LOOKED_UP = 300  # look-ups that are timed


@dataclass(frozen=True)
class ScalingRow:
    """What one run took."""

    way: str
    exposures: int
    tasks: int
    wall_s: float
    cpu_s: float
    lookup_ms: float
    scheduler_mb: float | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        """As they stand in the table."""
        memory = "" if self.scheduler_mb is None else f"{self.scheduler_mb:.0f}"
        wall = f"{self.wall_s:.1f}"
        each = f"{1e3 * self.wall_s / self.tasks:.1f}", f"{1e3 * self.cpu_s / self.tasks:.1f}"
        return (self.way, str(self.exposures), str(self.tasks), wall, *each, f"{self.lookup_ms:.2f}", memory)


HEAD = ("way", "exposures", "tasks", "wall [s]", "wall/task [ms]", "CPU/task [ms]", "look-up [ms]", "scheduler [MB]")


def table(rows: Sequence[ScalingRow]) -> str:
    """Return the rows in Markdown."""
    lines = [HEAD, tuple("---" for _ in HEAD), *(row.cells for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def exponent(pairs: Sequence[tuple[float, float]]) -> float:
    """Return the p of y ~ x^p by least squares in the logarithms; NaN for fewer than two points."""
    if len(pairs) < 2:
        return math.nan
    logs = [(math.log(x), math.log(y)) for x, y in pairs]
    x0, y0 = (sum(one) / len(logs) for one in zip(*logs, strict=True))
    return sum((x - x0) * (y - y0) for x, y in logs) / sum((x - x0) ** 2 for x, _ in logs)


def _cpu() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in usages)


def in_processes(root: Path, exposures: int, options: StoreOptions, processes: int) -> None:
    """Make all here: inline, or in a pool of so many processes."""
    tasks = trial.trial_tasks(exposures)
    builder = open_builder(root, tasks, list(tasks), options, workers=processes)
    try:
        builder.obtain(trial.SUMMARY)
    finally:
        builder.close()


class Local:
    """A scheduler and two workers, each a process of its own."""

    def __init__(self, folder: Path) -> None:
        import psutil

        from fixtures.build.cluster.terms import connect

        program = [sys.executable, "-m"]
        file = folder / "scheduler.json"
        log = (folder / "cluster.log").open("w")

        def start(*command: str) -> subprocess.Popen[bytes]:
            return subprocess.Popen([*program, *command], stdout=log, stderr=log)

        place = ("--scheduler-file", str(file))
        here = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        scheduler = start("distributed.cli.dask_scheduler", *place, *here)
        options = ("--no-nanny", "--no-dashboard", "--nthreads", "1", "--local-directory", str(folder / "local"))
        self._processes = [scheduler]
        self._processes += [start("distributed.cli.dask_worker", *place, *options) for _ in range(2)]
        while not file.exists():
            if scheduler.poll() is not None:
                raise SuiteError(f"the scheduler did not start: {(folder / 'cluster.log').read_text()[-500:]}")
            time.sleep(0.1)
        self.address = json.loads(file.read_text())["address"]
        client = connect(self.address)
        client.wait_for_workers(2)
        client.close()
        self._watched = [psutil.Process(one.pid) for one in self._processes]

    def cpu_seconds(self) -> float:
        """Return what all processes of the cluster have taken [s]."""
        return sum(sum(one.cpu_times()[:2]) for one in self._watched)

    def scheduler_mb(self) -> float:
        """Return the scheduler's resident size [MB]."""
        return self._watched[0].memory_info().rss / 2**20

    def make(self, root: Path, exposures: int, options: StoreOptions, keys: RunKeys) -> None:
        """Make all here."""
        from fixtures.build.cluster.client import Cluster
        from fixtures.build.cluster.terms import agree, connect

        client = connect(self.address)
        terms = agree(client, self.address, keys)
        tasks = trial.trial_tasks(exposures)
        place = open_place(root, options, keys=keys, apart=False)
        cluster = Cluster(client, terms, options, Inline(place))
        builder = Builder(tasks, list(tasks), place=place, executor=cluster)
        try:
            builder.obtain(trial.SUMMARY)
        finally:
            builder.close()

    def close(self) -> None:
        """End it."""
        for one in self._processes[::-1]:
            one.terminate()
            one.wait()


def measure(way: str, exposures: int, folder: Path, keys: RunKeys, local: Local | None) -> ScalingRow:
    """Make so many exposures in one way."""
    store = "one" if way == "second" else way
    options = StoreOptions(folder / f"store-{store}-{exposures}")
    root = folder / f"run-{way}-{exposures}"
    cluster = local if way == "cluster" else None
    cpu = _cpu() + (cluster.cpu_seconds() if cluster is not None else 0.0)
    began = time.perf_counter()
    if cluster is not None:
        cluster.make(root, exposures, options, keys)
    else:
        in_processes(root, exposures, options, 2 if way == "two" else 0)
    wall = time.perf_counter() - began
    cpu = _cpu() + (cluster.cpu_seconds() if cluster is not None else 0.0) - cpu
    found = open_store(options, print)
    known = [entry.key for _, entry in zip(range(LOOKED_UP), found.entries(), strict=False)]
    began = time.perf_counter()
    for key in known:
        found.find(key)
    lookup = 1e3 * (time.perf_counter() - began) / len(known)
    memory = cluster.scheduler_mb() if cluster is not None else None
    return ScalingRow(way, exposures, len(trial.trial_tasks(exposures)), wall, cpu, lookup, memory)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; return the exit status."""
    parser = Parser("python ci/scaling_study.py", description=__doc__)
    parser.add_argument("--exposures", default="10,30,100,300,1000", metavar="NUMBERS", help="default: %(default)s")
    parser.add_argument("--ways", default=",".join(WAYS), metavar="NAMES", help="default: %(default)s")
    return guarded(partial(study, parser.parse_args(arguments)))


def study(given: argparse.Namespace) -> int:
    """Measure each way with each number of exposures, and print; return the exit status."""
    ways = [one for one in WAYS if one in given.ways.split(",")]
    keys = RunKeys(Installed())
    keys.prepare_steps([trial.__name__])
    rows: list[ScalingRow] = []
    with tempfile.TemporaryDirectory(prefix="stis-scaling-", ignore_cleanup_errors=True) as name:
        local = Local(Path(name)) if "cluster" in ways else None
        try:
            for exposures in sorted({int(one) for one in given.exposures.split(",")}):
                for way in ways:
                    rows.append(measure(way, exposures, Path(name), keys, local))
                    print(" ".join(rows[-1].cells), file=sys.stderr, flush=True)
        finally:
            if local is not None:
                local.close()
    print(table(rows))
    for way in ways:
        p = exponent([(row.exposures, row.wall_s) for row in rows if row.way == way and row.exposures >= 30])
        print(f"{way}: wall time ~ exposures^{p:.2f} (from 30 exposures on), {os.cpu_count()} cores")
    return Status.PASSED


if __name__ == "__main__":
    sys.exit(main())
