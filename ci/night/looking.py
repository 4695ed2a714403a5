"""Looking at the package index and at the main branch, and saying what is new."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from ci import verdicts
from ci.night import candidates
from ci.night.asked import Night
from ci.night.candidates import Candidate
from ci.night.state import Record, State
from ci.night.text import plain, without_password
from fixtures.versions import installed_versions

INDEX_LINE, REPOSITORY_LINE = "package index", "repository of drizzlepac"


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
