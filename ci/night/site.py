"""The published folder, laid out for GitHub Pages; any web server, or a browser, shows it as well.

index.html                           all verdicts, and the failures that are open
runs/<date>-<candidate>/             comparison.html, comparison.json, log.txt of the newest comparisons
history/                             index.html and history.sqlite
state.json                           what the next night has to know
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path

import jinja2

from ci import verdicts
from ci.night import state
from ci.night.candidates import Candidate
from ci.night.state import DATA, LOG, REPORT, State
from ci.night.text import plain
from fixtures.errors import SuiteError
from fixtures.files import PARTIAL, write_whole
from fixtures.report import history
from fixtures.results.run import read_results

INDEX, RUNS, HISTORY, NO_JEKYLL = "index.html", "runs", "history", ".nojekyll"
HISTORY_DATA = "history.sqlite"
HISTORY_SECONDS = 900.0
KEEP = 30
_LINK = re.compile(r'<a href="(?!#)([^":]*)">[^<]*</a>')
_RUN = re.compile(rf"(?:{re.escape(PARTIAL)})?\d{{4}}-\d\d-\d\d-[A-Za-z0-9.-]+")


def open_folder(folder: Path) -> State:
    """Make the folder ready and return its state.

    Raises
    ------
    SuiteError
        It holds something else, can't be written, or its state can't be read.
    """
    found = look_at(folder)
    try:
        (folder / RUNS).mkdir(parents=True, exist_ok=True)
        state.write(folder, found)  # from here on the folder is ours
        (folder / NO_JEKYLL).touch()
    except OSError as error:
        raise _not_written(folder, error) from error
    return found


def look_at(folder: Path) -> State:
    """Return the state of a folder without touching it.

    Raises
    ------
    SuiteError
        It holds something else, or its state can't be read.
    """
    if folder.exists() and not folder.is_dir():
        raise SuiteError(f"--site {folder} is not a folder.")
    if not (folder / state.NAME).exists():
        strange = [name for name in (INDEX, RUNS, HISTORY) if (folder / name).exists()]
        if strange:
            raise SuiteError(
                f"--site {folder} holds {', '.join(strange)}, but no {state.NAME} of this program: name another folder."
            )
    return state.read(folder)


def add_run(folder: Path, candidate: Candidate, files: Mapping[str, Path], date: datetime) -> str:
    """Put the pages of a comparison into the folder, whole or not at all; return the name of theirs.

    Raises
    ------
    OSError
        They can't be written.
    """
    if not files:
        return ""
    base = f"{date:%Y-%m-%d}-{candidate.slug}"
    name, count = base, 1
    while (folder / RUNS / name).exists():
        count += 1
        name = f"{base}-{count}"
    partial = folder / RUNS / f"{PARTIAL}{name}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for target, source in files.items():
        shutil.copyfile(source, partial / target)
    if REPORT in files:
        _drop_dead_links(partial / REPORT, files)
    partial.rename(folder / RUNS / name)
    return name


def _drop_dead_links(page: Path, files: Collection[str]) -> None:
    """Take the links out of a page that lead to files beside it which are not published: both runs' own reports."""
    text = page.read_text(encoding="utf-8", errors="replace")
    page.write_text(_LINK.sub(lambda link: link[0] if link[1] in files else "", text), encoding="utf-8")


def forget_old(now: State, keep: int) -> State:
    """Return the state with the pages of the newest `keep` comparisons only; all verdicts stay."""
    with_page = [count for count, one in enumerate(now.records) if one.page]
    old = set(with_page[: max(0, len(with_page) - keep)])
    records = (replace(one, page="", files=()) if count in old else one for count, one in enumerate(now.records))
    return replace(now, records=tuple(records))


def sweep(folder: Path, now: State) -> None:
    """Remove the pages that no verdict names: old ones, and what a killed run left. Nothing that is not ours."""
    named = {one.page for one in now.records if one.page}
    for path in sorted((folder / RUNS).iterdir()):
        if path.is_symlink() or not path.is_dir() or path.name in named or not _RUN.fullmatch(path.name):
            continue
        if {one.name for one in path.iterdir()} <= {REPORT, DATA, LOG}:
            shutil.rmtree(path, ignore_errors=True)


def write(folder: Path, now: State) -> None:
    """Write state and index, each whole or not at all.

    Raises
    ------
    SuiteError
        They can't be written.
    """
    try:
        state.write(folder, now)
        sweep(folder, now)
        write_whole(folder / INDEX, render(folder, now))
    except OSError as error:
        raise _not_written(folder, error) from error


def render(folder: Path, now: State) -> str:
    """Render the index."""
    # that the index did not answer once is no news for ever
    current = [one for one in now.records if one.word != verdicts.NOT_LOOKED_AT or one.date >= now.looked]
    newest = {one.line: one for one in current}
    return _template().render(
        looked=now.looked,
        failures=state.still_open(now),
        newest=[newest[line] for line in sorted(newest)],
        records=list(reversed(now.records)),
        history=(folder / HISTORY / INDEX).is_file(),
        bad=verdicts.FAILURES,
        good=verdicts.CONCLUSIVE - verdicts.FAILURES,
    )


@cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    return jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).get_template("index.html")


# --- the history of runs -----------------------------------------------------------------------------------


def take_history_back(folder: Path, reports: Path) -> None:
    """Put the published history where runs add to it, on a machine that has none: a runner begins empty every night.

    Raises
    ------
    SuiteError
        It can't be copied.
    """
    published = folder / HISTORY / HISTORY_DATA
    if published.is_file() and not (reports / HISTORY_DATA).exists():
        _copy(published, reports / HISTORY_DATA)


def add_history(folder: Path, reports: Path, command: Sequence[str]) -> bool:
    """Publish the history of all runs; return whether there is one.

    Parameters
    ----------
    folder, reports : Path
        The published folder, and the folder of reports whose history is meant.
    command : sequence of str
        What renders it; ``--reports FOLDER`` is added.

    Raises
    ------
    SuiteError
        It can't be copied or rendered.
    """
    if not (reports / HISTORY_DATA).is_file():
        return False
    _copy(reports / HISTORY_DATA, folder / HISTORY / HISTORY_DATA)
    try:
        ran = subprocess.run(
            [*command, "--reports", str(folder / HISTORY)],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=HISTORY_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SuiteError(f"The history could not be rendered ({type(error).__name__}): {command[0]}.") from error
    if ran.returncode:
        words = next((line for line in reversed(ran.stderr.splitlines()) if line.strip()), "it said nothing")
        raise SuiteError(f"The history could not be rendered (status {ran.returncode}: {plain(words).rstrip('.')}).")
    return True


def remember(output: Path, reports: Path) -> list[str]:
    """Add the runs of a comparison, today's environment and the candidate's, to the history of the reports.

    Parameters
    ----------
    output : Path
        What the upgrade program left; a run that it does not hold is passed over.
    reports : Path
        The folder of reports whose history is published.

    Returns
    -------
    list of str
        What could not be added, a sentence each.
    """
    problems = []
    inside = output.resolve()
    for side in ("old", "new"):
        path = output / side / "results.json"
        if not path.is_file() or not path.resolve().is_relative_to(inside):  # no link that a candidate lays
            continue
        try:
            reports.mkdir(parents=True, exist_ok=True)
            run = read_results(path)
            history.append(history.path_of(reports / side), run, path.parent)
        except (SuiteError, OSError) as error:
            problems.append(f"A run of the comparison is not in the history: {error}")
    return problems


def _copy(source: Path, target: Path) -> None:
    """Copy a database as it is at one moment, also while a run adds to it; the copy is whole or absent."""
    partial = target.with_name(f"{PARTIAL}{target.name}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        with (
            closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(partial)) as new,
        ):
            old.backup(new)
        partial.replace(target)
    except (OSError, sqlite3.Error) as error:
        raise SuiteError(f"The history {source} could not be copied to {target} ({plain(str(error))}).") from error


def _not_written(folder: Path, error: OSError) -> SuiteError:
    return SuiteError(f"--site {folder} can not be written ({error.strerror}).")
