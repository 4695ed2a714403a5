"""A night's work: look, compare, publish, tell; or only say what would be done."""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from packaging.version import InvalidVersion, Version

from ci import verdicts
from ci.night import candidates, comparison, notify, site, state
from ci.night.asked import Night
from ci.night.candidates import Candidate
from ci.night.state import Record, State
from ci.night.text import plain, without_password
from fixtures.commandline import complain, shown
from fixtures.errors import Status, SuiteError
from fixtures.files import alone
from fixtures.versions import installed_versions

LOCK = ".nightly.lock"
INDEX_LINE, REPOSITORY_LINE = "package index", "repository of drizzlepac"


class Busy(SuiteError):
    """Another run is at work."""

    status = Status.TRY_AGAIN


def run(night: Night) -> int:
    """Look, compare, publish and tell; return the exit status.

    Raises
    ------
    Busy
        Another run is at work in the folder.
    SuiteError
        The folder can't be used.
    """
    options = night.options
    folder = options.site
    with _alone(folder):
        now = site.open_folder(folder)
        before, untold = len(now.records), []
        try:
            site.take_history_back(folder, options.reports)
        except SuiteError as error:
            untold.append(str(error))
        if not options.only_tell:
            now, problems = _compare_all(night, now)
            untold += problems
        records = now.records[before:]
        now, problem = _tell(night, now)
        untold += [f"{problem} The verdicts are kept, and the next run tells them."] if problem else []
        try:
            site.add_history(folder, options.reports, _history_command(options))
        except SuiteError as error:
            untold.append(str(error))
        site.write(folder, now)
    for one in state.still_open(now):
        print(f"open: {one.sentence} ({', '.join(one.lines[line] for line in sorted(one.lines))})")
    print(f"published: {shown(folder / site.INDEX)}")
    print(_summary(records), flush=True)
    for sentence in untold:
        complain(sentence, Status.TRY_AGAIN)
    return verdicts.worst(one.word for one in records) or (Status.TRY_AGAIN if untold else Status.PASSED)


def _summary(records: Sequence[Record]) -> str:
    """Return the verdicts of a run in one line, the worst first."""
    named = {word: [one.name for one in records if one.word == word] for word in verdicts.STATUS}
    said = "; ".join(f"{word}: {', '.join(names)}" for word, names in named.items() if names)
    return f"verdict: {said or 'nothing new'}"


@dataclass(frozen=True)
class LookResult:
    """What was found: candidates to compare, and verdicts on what could not be looked at."""

    due: tuple[Candidate, ...]
    troubles: tuple[Record, ...]


def look(night: Night, known: State, date: str) -> LookResult:
    """Look at the package index and the main branch, and say what is new.

    Parameters
    ----------
    night : Night
        What was asked.
    known : State
        What is known from earlier nights.
    date : str
        Now, ISO 8601.
    """
    due, troubles = list(night.again), []
    print(f"looking at {without_password(night.index)}", flush=True)
    installed = installed_versions(night.packages)
    silent: dict[str, str] = {}
    with candidates.session() as asking:
        for package in night.packages:
            try:
                released = candidates.releases(package, night.index, asking, pre=night.options.pre)
            except candidates.NotLookedAt as error:
                silent[package] = str(error)
                continue
            today = _version(installed[package])
            fresh, aside = candidates.new_releases(package, released, today, known.records)
            newest = str(max(released, default="none that fits"))
            said = ", ".join(str(one.version) for one in fresh) or f"nothing new, newest {newest}"
            print(f"  {package} {today or 'not installed'}: {said}")
            for one in aside:
                print(f"    {one.name} is set aside after {candidates.TRIES} tries; try --again {one.requirement}")
            due += fresh
    if silent:
        sentence = f"{next(iter(silent.values()))} Not looked at: {', '.join(silent)}."
        troubles.append(_trouble(INDEX_LINE, sentence, date))
    if not night.options.no_main:
        try:
            head = candidates.main_head(night.options.main_url, night.options.main_branch)
            fresh = candidates.new_head(head, known.records)
            print(f"  {head.name}: {'new' if fresh else 'nothing new'}")
            due += fresh
        except candidates.NotLookedAt as error:
            troubles.append(_trouble(REPOSITORY_LINE, str(error), date))
    for trouble in troubles:
        print(f"  {trouble.line}: {trouble.told}")
    sys.stdout.flush()
    return LookResult(tuple({one.requirement: one for one in due}.values()), tuple(troubles))


def _version(installed: str) -> str | None:
    try:
        return str(Version(installed))
    except InvalidVersion:
        return None


def _trouble(line: str, sentence: str, date: str) -> Record:
    return Record(date, line, "", line, verdicts.NOT_LOOKED_AT, plain(sentence, 500))


def _compare_all(night: Night, now: State) -> tuple[State, list[str]]:
    """Compare what is new, one after another; what is done is on the disk before the next begins."""
    folder, limit = night.options.site, night.options.at_most
    date = _now()
    found = look(night, now, date)
    now = replace(now, looked=date)
    for one in found.troubles:
        now = state.follow(now, one)
    site.write(folder, now)
    problems = []
    due = found.due[:limit]
    for count, candidate in enumerate(due, start=1):
        print(f"[{count}/{len(due)}] {candidate.name}", flush=True)
        now, problem = _compare_one(night, now, candidate)
        problems += [problem] if problem else []
        site.write(folder, now)
        print(f"    {now.records[-1].told}", flush=True)
    if len(found.due) > limit:
        left = ", ".join(one.name for one in found.due[limit:])
        print(f"left for the next run (--at-most {limit}): {left}")
    if not found.due and not found.troubles:
        print("nothing to compare")
    return now, problems


def _compare_one(night: Night, now: State, candidate: Candidate) -> tuple[State, str]:
    began, problem, page = time.monotonic(), "", ""
    shutil.rmtree(night.work, ignore_errors=True)  # what a killed run left
    try:
        compared = comparison.compare(candidate, night.comparing, night.work)
        try:
            page = site.add_run(night.options.site, candidate, compared.files, datetime.now(UTC))
        except OSError as error:
            problem = f"The pages of {candidate.name} could not be published ({error.strerror or error})."
        problem = " ".join(filter(None, (problem, *site.remember(night.work / "output", night.options.reports))))
    finally:
        shutil.rmtree(night.work, ignore_errors=True)
    record = Record(
        _now(),
        candidate.line,
        candidate.requirement,
        candidate.name,
        compared.verdict.word,
        compared.verdict.sentence,
        str(candidate.version or ""),
        compared.verdict.steps,
        compared.verdict.signature,
        round(time.monotonic() - began, 1),
        page,
        tuple(sorted(compared.files)) if page else (),
    )
    return site.forget_old(state.follow(now, record, compared.moved), night.options.keep), problem


def _tell(night: Night, now: State) -> tuple[State, str]:
    """Tell what is to be told; return the state, and why not all is told."""
    left = list(now.notices)
    if night.teller.keeps:
        if left:
            print(f"{len(left)} notices are kept for --only-tell")
        return now, ""

    def done(notice: notify.Notice, said: str) -> None:
        nonlocal now
        left.remove(notice)
        now = replace(now, notices=tuple(left))
        site.write(night.options.site, now)
        print(f"{notify.headline(notice)}: {said}", flush=True)

    problem = notify.deliver(now.notices, night.teller, done)
    return now, problem


def _alone(folder: Path) -> AbstractContextManager[None]:
    """Hold the folder for this run alone.

    Raises
    ------
    SuiteError
        It is none.
    """
    if folder.exists() and not folder.is_dir():
        raise SuiteError(f"--site {folder} is not a folder.")
    return alone(folder, LOCK, Busy(f"another nightly run is at work in {folder}: nothing was done."))


def dry_run(night: Night) -> int:
    """Look, and say what would be run, published and told; change nothing."""
    options = night.options
    now = site.look_at(options.site)
    troubles: tuple[Record, ...] = ()
    if not options.only_tell:
        found = look(night, now, _now())
        troubles = found.troubles
        for one in found.due[: options.at_most]:
            print(f"would run: {shlex.join(night.comparing.line(one, Path('DIR')))}")
        for one in found.due[options.at_most :]:
            print(f"would leave for the next run (--at-most {options.at_most}): {one.name}")
        if not found.due:
            print("would compare nothing")
    print(f"would publish into {shown(options.site)}, which holds {len(now.records)} verdicts")
    print(f"would tell of failures by {night.teller.what}; {len(now.notices)} notices are waiting")
    try:
        night.teller.check()
    except SuiteError as error:
        return verdicts.worst(one.word for one in troubles) or complain(error, Status.TRY_AGAIN)
    return verdicts.worst(one.word for one in troubles)


def _history_command(options: argparse.Namespace) -> list[str]:
    if options.history_command:
        return shlex.split(options.history_command)
    return [sys.executable, "-m", "fixtures.report", "index"]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
