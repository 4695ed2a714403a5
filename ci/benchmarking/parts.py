"""The parts of the benchmark: each returns its quantities and what else is to be told."""

from __future__ import annotations

import io
import math
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci.benchmarking import children, figures
from ci.benchmarking.figures import PartResult, Quantity
from ci.benchmarking.linear import linear
from ci.benchmarking.work import (
    WANTED,
    Bench,
    Worked,
    chain,
    is_input,
    products_of,
    share_store,
    side,
    together,
    tutorial_job,
    wanted_steps,
)
from fixtures.errors import SuiteError
from fixtures.pipeline.products import Product
from fixtures.pipeline.session import Session
from fixtures.pipeline.settings import Settings
from fixtures.results.run import Run, read_results
from fixtures.workflow.parameters import TUTORIAL

REPOSITORY = Path(__file__).resolve().parents[2]
STEPS_RATIO = 0.65
COLD_SECONDS = 240.0
SECOND_SECONDS = 20.0
WORKER_GB = 1.5
COMPLETE = (0, 10)
"""Exit status of a validation in which nothing failed."""

MB = 2**20


@dataclass(frozen=True)
class _Cost:
    name: str
    seconds: float
    cpu_seconds: float


def costs_of(products: Mapping[str, Product]) -> list[_Cost]:
    """Return what products took."""
    return [_Cost(one.name, one.seconds, one.cpu_seconds) for one in products.values()]


# --- the steps, in the tutorial's way and the suite's ------------------------------------------------------


def inputs(bench: Bench, settings: Settings) -> tuple[Path, Worked]:
    """Make raw frames and reference files of the twin, where they are not there yet."""
    tasks = Session(settings).tasks
    root = bench.root / "inputs"
    bench.say("making the inputs")
    names = [name for name in chain(tasks, wanted_steps(settings)) if is_input(name)]
    return root, together(bench, settings, names, root, store=bench.root / "inputs-store")


def steps(bench: Bench) -> PartResult:
    """Time the tutorial's steps in both ways, one after the other."""
    settings = Settings(datasets=("twin",), detectors=bench.detectors, alignments=(TUTORIAL,))
    root, made = inputs(bench, settings)
    given = products_of(root)
    tasks = Session(settings).tasks
    wanted = wanted_steps(settings)
    planned = [name for name in chain(tasks, wanted) if not is_input(name)]
    bench.say("reading the packages once, so that neither side finds them on a cold disk")
    side("warm", [{}], bench.root / "warm")
    ways: dict[str, list[Worked]] = {"tutorial": [], "suite": []}
    for number in range(bench.repeat):
        bench.say(f"the tutorial's way ({number + 1} of {bench.repeat})")
        there = bench.root / f"tutorial-{number}"
        ways["tutorial"].append(side("tutorial", [tutorial_job(settings, given, there)], there / "job"))
        bench.say(f"the suite's way ({number + 1} of {bench.repeat})")
        here = bench.root / f"suite-{number}"
        store = bench.root / f"suite-{number}-store"
        share_store(bench.root / "inputs-store", store)
        ways["suite"].append(together(bench, settings, wanted, here, store=store))
        ready = {name: one for name, one in products_of(here).items() if not is_input(name)}
        figures.refuse_different_work(planned, ready)
        compared = _compare(ways["tutorial"][-1].found[0], ready)
        if number + 1 < bench.repeat:
            for folder in (there, here, store):
                shutil.rmtree(folder)
    runs = {way: [round(one.seconds, 2) for one in all_of] for way, all_of in ways.items()}
    mine = figures.costs_by(figures.step_of, costs_of(ready))
    found = PartResult()
    found.quantities = _steps_told(bench, made, ways, sum(one["cpu_s"] for one in mine.values()))
    found.data = {
        "products": len(planned),
        "compared": compared,
        "seconds": runs,
        "cpu_seconds": {way: [round(one.cpu_seconds, 2) for one in all_of] for way, all_of in ways.items()},
        "tutorial_steps": ways["tutorial"][-1].found[0]["steps"],
        "suite_steps": mine,
        "told": sorted({sentence for one in ways["suite"] for each in one.found for sentence in each["told"]}),
    }
    theirs = {name: _Cost(name, wall, cpu) for name, (_, wall, cpu) in found.data["tutorial_steps"].items()}
    found.tables = [
        f"{len(planned)} products on both sides; {compared} numbers of alignments and mosaics are equal. TweakReg's "
        "plots, which the tutorial leaves on, are off on both sides: that favours the tutorial's.",
        figures.costs_table("step, tutorial's way", _by_name(found.data["tutorial_steps"], theirs)),
        figures.costs_table("step, suite's way", mine),
    ]
    if bench.profile is not None:
        found.tables.append(_profile(bench, settings, given))
    return found


def _steps_told(bench: Bench, made: Worked, ways: Mapping[str, Sequence[Worked]], spent_s: float) -> list[Quantity]:
    """Return what both ways took, given the CPU time of the suite's products in the last run."""
    tutorial, suite = (ways[way] for way in ("tutorial", "suite"))
    best = [min(one.seconds for one in runs) for runs in (tutorial, suite)]
    cpu = [min(one.cpu_seconds for one in runs) for runs in (tutorial, suite)]
    runs = [round(one.seconds, 2) for one in tutorial]
    times = "best of " + ", ".join(f"{round(one.seconds, 2):.1f}" for one in suite)
    overhead = suite[-1].cpu_seconds - spent_s
    return [
        Quantity("inputs: raw frames and references", made.seconds, "s", note="apart; both sides start from them"),
        Quantity("steps, tutorial's way", best[0], "s", note=f"one process; best of {runs}"),
        Quantity("steps, suite's way", best[1], "s", note=f"{bench.workers} workers; {times}"),
        Quantity("steps, suite / tutorial", best[1] / best[0], "", maximum=STEPS_RATIO),
        Quantity("steps, CPU suite / tutorial", cpu[1] / cpu[0], note="what sharing, keys and store cost"),
        Quantity("steps, suite's CPU outside of products", overhead, "s", note="interpreters, planning, keys, store"),
    ]


def _by_name(counted: Mapping[str, Sequence[float]], costs: Mapping[str, _Cost]) -> dict[str, dict[str, float]]:
    by = figures.costs_by(lambda name: name, costs.values())
    return {name: {**one, "products": counted[name][0]} for name, one in by.items()}


def _compare(tutorial: Mapping[str, Any], suite: Mapping[str, Product]) -> int:
    """Hold what both sides made against each other: products, alignments, mosaics."""
    figures.refuse_different_work(tutorial["made"], suite)

    def chosen(facts: Mapping[str, Any]) -> dict[str, Any]:
        return {name: facts[name] for name in figures.FACTS}

    one = {name: chosen(facts) for name, facts in tutorial["alignments"].items()}
    two = {n: chosen(p.info["value"]) for n, p in suite.items() if n.endswith("/aligned-tutorial")}
    for name in (name for name in suite if name.endswith("/mosaic")):
        one[name] = _sums({key: Path(path) for key, path in tutorial["made"][name].items()})
        two[name] = _sums({key: suite[name].files[key] for key in tutorial["made"][name]})
    return figures.refuse_different_results(one, two)


def _sums(files: Mapping[str, Path]) -> dict[str, float]:
    import numpy as np
    from astropy.io import fits

    return {key: float(np.nansum(fits.getdata(path).astype(float))) for key, path in sorted(files.items())}


def _profile(bench: Bench, settings: Settings, given: Mapping[str, Product]) -> str:
    """Run the tutorial's way under cProfile, untimed; return its most expensive functions."""
    import pstats

    assert bench.profile is not None
    bench.say("the tutorial's way under cProfile (untimed)")
    folder = bench.root / "profiled"
    statistics_file = bench.root / "profile.pstats"
    job = tutorial_job(settings, given, folder) | {"profile": str(statistics_file)}
    side("tutorial", [job], folder / "job")
    text = io.StringIO()
    pstats.Stats(str(statistics_file), stream=text).sort_stats("tottime").print_stats(25)
    shutil.copyfile(statistics_file, bench.profile.with_suffix(".pstats"))
    bench.profile.write_text(text.getvalue())
    shutil.rmtree(folder)
    return f"The 25 functions of the tutorial's way with the most own time: {bench.profile}"


# --- a whole run, from nothing and with nothing changed ----------------------------------------------------


def validate(bench: Bench, name: str, limit: float) -> tuple[PartResult, Run]:
    """Run the validation as a user does, on the benchmark's store, and time it."""
    report = bench.root / f"report-{name}"
    command = [sys.executable, "-m", "pytest", "validation", "-n", str(bench.workers)]
    command += ["--store", str(bench.root / "store"), "--report-dir", str(report), "-p", "no:cacheprovider"]
    if not bench.whole:
        command += ["--detector", ",".join(bench.detectors)]
    bench.say(f"{name} run: pytest {' '.join(command[3:])}")
    ran = children.run([command], bench.root / f"pytest-{name}", cwd=REPOSITORY, watch=True)
    log = Path(f"{bench.root / f'pytest-{name}'}-0.log")
    (status,) = ran.status
    if status not in (*COMPLETE, 1):
        raise SuiteError(f"The {name} run ended with status {status}: {children.last_words(log)}")
    run = read_results(report / "results.json")
    if status not in COMPLETE:
        raise SuiteError(f"The {name} run did not pass, so that its time says nothing: {run.verdict.sentence}")
    made = [one for one in run.products if not one.reused]
    peak = max([ran.peak_bytes, *(one.peak_mb * MB for one in made)])
    writing = _writing_seconds(report)
    found = PartResult(
        quantities=[
            Quantity(f"{name} run, from the command to its end", ran.seconds, "s", maximum=limit),
            Quantity(f"{name} run, measuring", run.seconds, "s", note="all but start and report"),
            Quantity(f"{name} run, writing the report", writing, "s", note="its pictures are products, in the table"),
            Quantity(f"{name} run, CPU of all processes", ran.cpu_seconds, "s"),
            Quantity(
                f"{name} run, CPU outside of products",
                ran.cpu_seconds - sum(one.cpu_seconds for one in made),
                "s",
                note="interpreters, imports, keys, store, checks, report",
            ),
            Quantity(
                f"{name} run, products made / of all", len(made), "", note=f"of {len(run.products)}, the others reused"
            ),
            Quantity(f"{name} run, peak memory of a worker", peak / 1e9, "GB", maximum=WORKER_GB),
            Quantity(f"{name} run, peak memory of all together", ran.peak_sum_bytes / 1e9, "GB", note="sampled"),
        ]
    )
    found.data = {
        "seconds": ran.seconds,
        "cpu_seconds": ran.cpu_seconds,
        "status": status,
        "verdict": run.verdict.sentence,
        "report_seconds": writing,
        "products": len(run.products),
        "made": len(made),
        "peak_bytes_sampled": ran.peak_bytes,
        "peak_mb_of_products": max([0.0, *(one.peak_mb for one in made)]),
        "groups": figures.costs_by(figures.group_of, made),
        "steps": figures.costs_by(figures.step_of, made),
        "checks_seconds": sum(one.seconds for one in run.outcomes),
    }
    return found, run


def _writing_seconds(report: Path) -> float:
    """Return how long the report took: its file is written when the results are, and then finished."""
    pages = sorted(report.glob("*.html"))
    if not pages:
        return math.nan
    return max(0.0, max(page.stat().st_mtime for page in pages) - (report / "results.json").stat().st_mtime)


def cold(bench: Bench) -> PartResult:
    """Time a run with an empty store."""
    found, run = validate(bench, "cold", COLD_SECONDS)
    found.tables = [
        f"The cold run said: {run.verdict.sentence}",
        figures.costs_table("part of the work, cold run", found.data["groups"]),
        figures.costs_table("step, cold run", found.data["steps"]),
    ]
    return found


def second(bench: Bench) -> PartResult:
    """Time a run with everything in the store; the cold run comes first, if that was not measured."""
    if not (bench.root / "report-cold").exists():
        validate(bench, "cold", COLD_SECONDS)
    found, run = validate(bench, "second", SECOND_SECONDS)
    found.tables = [f"The second run said: {run.verdict.sentence}"]
    if found.data["made"]:
        found.tables.append(figures.costs_table("step, second run (made all the same)", found.data["steps"]))
    return found


PARTS: dict[str, Callable[[Bench], PartResult]] = {"steps": steps, "cold": cold, "second": second, "linear": linear}


def to_json(found: Mapping[str, PartResult]) -> dict[str, Any]:
    """Return what all parts found as plain data."""
    return {
        name: {"quantities": [one.to_json() for one in part.quantities], **part.data} for name, part in found.items()
    }


__all__ = ["PARTS", "WANTED", "Bench", "PartResult", "to_json"]
