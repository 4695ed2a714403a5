"""From today's packages and what is wanted in their place to a whole list of pins."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ci.upgrading.installed import Moves, Pin, read_constraints
from ci.upgrading.uv import UvFailed, call, one_line

COMPILE = ("pip", "compile", "--no-header", "--no-annotate", "--no-strip-extras", "--quiet")


@dataclass(frozen=True)
class Unresolvable(Exception):
    """There is no environment that holds what is wanted; `why` is the resolver's explanation."""

    why: str


def resolve(
    today: Mapping[str, Pin],
    wanted: Moves,
    python: Path,
    suite: Sequence[str] = (),
    *,
    settle: Callable[[str], str] = str,
    timeout: float = 900,
) -> tuple[str, ...]:
    """Return the pins of an environment like today's with what is wanted in its place.

    Nothing else moves if that can be. If not, today's versions are only preferred, and the resolver moves what it must.

    Parameters
    ----------
    today : mapping of str to Pin
        What is installed.
    wanted : Moves
        What the candidate has.
    python : Path
        The interpreter that the environment is for.
    suite : sequence of str
        Requirements of the validation suite, which has to run there.
    settle : callable
        Lets a requirement of a folder lead to a copy of it: to know what a package needs is to begin to build it.

    Raises
    ------
    Unresolvable
        There is no such environment.
    """
    kept = {name: pin for name, pin in today.items() if name not in wanted.names}
    asked = [*suite, *map(settle, (*wanted.requirements, *(_asked(pin) for pin in kept.values())))]
    named = {canonicalize_name(Requirement(one).name) for one in wanted.requirements}
    asked += sorted(name for name in wanted.names if name in today and name not in named)
    limits = [settle(line) for path in wanted.constraints for line in read_constraints(path).values()]
    strict = [f"{pin.name}=={pin.version}" for pin in kept.values() if not (pin.url or pin.folder)]
    with tempfile.TemporaryDirectory(prefix="stis-resolve-") as folder:
        work = Path(folder)
        try:
            return _compile(work / "strict", asked, [*limits, *strict], python, timeout)
        except UvFailed:
            pass
        try:
            return _compile(work / "loose", asked, limits, python, timeout, preferred=strict, move=sorted(wanted.names))
        except UvFailed as error:
            raise Unresolvable(_why(str(error))) from None


def _asked(pin: Pin) -> str:
    """Return what is asked for a package that nobody named: any of its name, or exactly what is not on the index."""
    if pin.folder is not None:
        return f"{pin.name} @ {pin.folder.as_uri()}"
    return pin.requirement if pin.url else pin.name


def _compile(
    work: Path,
    asked: Sequence[str],
    limits: Sequence[str],
    python: Path,
    timeout: float,
    preferred: Sequence[str] = (),
    move: Sequence[str] = (),
) -> tuple[str, ...]:
    work.mkdir()
    (work / "asked.in").write_text("\n".join(asked) + "\n", encoding="utf-8")
    (work / "limits.txt").write_text("\n".join(limits) + "\n", encoding="utf-8")
    pins = work / "pins.txt"
    if preferred:
        pins.write_text("\n".join(preferred) + "\n", encoding="utf-8")
    moving = [word for name in move for word in ("--upgrade-package", name)]
    files = ("asked.in", "--constraints", "limits.txt", "--output-file", pins.name)
    call(*COMPILE, *files, "--python", python, *moving, cwd=work, timeout=timeout)
    return tuple(line.strip() for line in pins.read_text(encoding="utf-8").splitlines() if line.strip())


def _why(said: str) -> str:
    """Return the resolver's explanation as one line."""
    return one_line(said).removeprefix("No solution found when resolving dependencies:").strip()


def agree(pins: Sequence[str], added: Sequence[str], python: Path, *, timeout: float = 900) -> tuple[str, ...]:
    """Return these pins, and of `added` those that they need.

    Raises
    ------
    Unresolvable
        The pins contradict one another, by their own requirements.
    """
    with tempfile.TemporaryDirectory(prefix="stis-resolve-") as folder:
        try:
            return _compile(Path(folder) / "exact", pins, [one for one in added if " @ " not in one], python, timeout)
        except UvFailed as error:
            raise Unresolvable(_why(str(error))) from None
