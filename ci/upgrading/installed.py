"""What is installed in the environment that runs, and what the user wants to have in its place."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from fixtures.errors import SuiteError

SUITE = "stis-drizzlepac-validation"
SDIST = re.compile(r"(?P<name>.+?)-\d[^-]*\.(tar\.gz|zip)$")


@dataclass(frozen=True)
class Pin:
    """One installed distribution.

    Parameters
    ----------
    name : str
        Canonical name.
    version : str
        What its metadata say.
    url : str
        Where it comes from if not from the index: a git URL with its commit, a file, or an archive.
    folder : Path or None
        The folder of its sources, if it was installed from one (editable or not).
    """

    name: str
    version: str
    url: str = ""
    folder: Path | None = None

    @property
    def requirement(self) -> str:
        """What asks an installer for exactly this; a folder is asked for by the copy that is made of it."""
        return f"{self.name} @ {self.url}" if self.url else f"{self.name}=={self.version}"

    @property
    def label(self) -> str:
        """Version, and where it comes from if not from the index."""
        place = self.url or (self.folder.as_uri() if self.folder else "")
        return f"{self.version} ({place})" if place else self.version


@dataclass(frozen=True)
class Moves:
    """What the candidate has in place of today's packages.

    Parameters
    ----------
    requirements : tuple of str
        As an installer takes them.
    names : frozenset of str
        Canonical names of the packages that they are about.
    constraints : tuple of Path
        Files of constraints.
    """

    requirements: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    constraints: tuple[Path, ...] = ()

    @property
    def words(self) -> str:
        """What the candidate is, for people."""
        said = [*self.requirements, *(f"constraints {path.name}" for path in self.constraints)]
        return ", ".join(said) or "today's environment again"


def installed(path: Iterable[str] | None = None) -> dict[str, Pin]:
    """Return what is installed, by canonical name, without the suite itself; as `sys.path` finds it, first come first.

    Parameters
    ----------
    path : iterable of str, optional
        Search path; None: that of this interpreter.
    """
    found: dict[str, Pin] = {}
    for one in metadata.distributions(path=list(sys.path if path is None else path)):
        name = one.metadata["Name"]
        if not name or not one.version:
            continue  # left behind by an installation that broke off
        pin = _pin(canonicalize_name(name), one.version, one.read_text("direct_url.json"))
        if pin.name != SUITE:
            found.setdefault(pin.name, pin)
    return dict(sorted(found.items()))


def _pin(name: str, version: str, origin: str | None) -> Pin:
    """Read where a distribution comes from (PEP 610); what is no longer there counts as if from the index."""
    said = json.loads(origin) if origin else {}
    url = str(said.get("url", ""))
    if "vcs_info" in said:
        vcs = said["vcs_info"]
        under = f"#subdirectory={said['subdirectory']}" if said.get("subdirectory") else ""
        return Pin(name, version, f"{vcs['vcs']}+{url}@{vcs['commit_id']}{under}")
    if url.startswith("file:"):
        path = Path(unquote(urlsplit(url).path))
        if "dir_info" in said:  # a folder of conda's build machine is not on this one
            return Pin(name, version, folder=path if path.is_dir() else None)
        return Pin(name, version, path.as_uri() if path.is_file() else "")
    return Pin(name, version, url)


def read_wanted(requirements: Sequence[str], constraints: Sequence[Path] = (), here: Path | None = None) -> Moves:
    """Read what the user names: requirements, git URLs, wheels, folders of sources, and files of constraints.

    Raises
    ------
    SuiteError
        One of them is none of these, or is not there.
    """
    here = Path.cwd() if here is None else here
    read = [_wanted(text.strip(), here) for text in requirements]
    names = {name for name, _ in read}
    for path in constraints:
        names |= set(read_constraints(here / path))
    return Moves(tuple(text for _, text in read), frozenset(names), tuple(here / path for path in constraints))


def _wanted(text: str, here: Path) -> tuple[str, str]:
    """Return the package that a word of the command line is about, and the word as an installer takes it."""
    if not text or text.startswith("-"):
        raise SuiteError(f"'{text}' is no requirement: write drizzlepac==3.11.0, a git URL, a wheel or a folder.")
    if text.startswith("git+"):
        return _name_of_url(text)
    path = here / text
    if path.exists() and ("/" in text or text.endswith((".whl", ".gz", ".zip")) or path.is_dir()):
        return _name_of_file(path.resolve())
    try:
        one = Requirement(text)
    except InvalidRequirement as error:
        if text.endswith((".whl", ".tar.gz", ".zip")) or "/" in text:
            raise SuiteError(f"The file {text} is missing: give the path of a wheel, an archive or a folder.") from None
        raise SuiteError(
            f"'{text}' is no requirement ({str(error).splitlines()[0]}): write drizzlepac==3.11.0."
        ) from None
    return canonicalize_name(one.name), text


def _name_of_url(text: str) -> tuple[str, str]:
    """Name the package of a git URL: its fragment's `egg`, or the repository."""
    bare, _, fragment = text.partition("#")
    egg = re.search(r"(?:^|&)egg=([A-Za-z0-9._-]+)", fragment)
    name = egg[1] if egg else Path(urlsplit(bare).path.rsplit("@", 1)[0]).name.removesuffix(".git")
    if not name:
        raise SuiteError(f"'{text}' does not say which package it is: write 'drizzlepac @ {text}'.")
    rest = re.sub(r"(?:^|&)egg=[A-Za-z0-9._-]+", "", fragment)
    return canonicalize_name(name), f"{canonicalize_name(name)} @ {bare}{'#' + rest.lstrip('&') if rest else ''}"


def _name_of_file(path: Path) -> tuple[str, str]:
    if path.is_dir():
        name = _name_of_folder(path)
    elif path.suffix == ".whl":
        try:
            name = str(parse_wheel_filename(path.name)[0])
        except InvalidWheelFilename:
            raise SuiteError(f"{path} is not named as a wheel is: give it its name back.") from None
    elif match := SDIST.match(path.name):
        name = match["name"]
    else:
        raise SuiteError(f"{path} is neither a wheel nor an archive of sources nor a folder of them.")
    return canonicalize_name(name), f"{canonicalize_name(name)} @ {path.as_uri()}"


def _name_of_folder(path: Path) -> str:
    """Return the name of the project in a folder of sources."""
    import configparser
    import tomllib

    try:
        name = tomllib.loads((path / "pyproject.toml").read_text(encoding="utf-8")).get("project", {}).get("name")
    except (OSError, ValueError):
        name = None
    if not name:
        setup = configparser.ConfigParser(interpolation=None)
        setup.read(path / "setup.cfg")
        name = setup.get("metadata", "name", fallback=None)
    if not name:
        raise SuiteError(f"The folder {path} does not say which package it holds (no name in its pyproject.toml).")
    return str(name)


def read_constraints(path: Path) -> dict[str, str]:
    """Return the lines of a file of constraints by the package that they are about.

    Raises
    ------
    SuiteError
        The file is missing or holds something else.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise SuiteError(f"The file of constraints {path} is missing.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(f"The file of constraints {path} can't be read ({error}).") from None
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        text = re.sub(r"(^|\s)#.*$", "", line).strip().rstrip("\\").strip()
        if not text or text.startswith("--hash"):
            continue
        if text.startswith("-"):
            raise SuiteError(f"{path}, line {number}: '{text}' is no constraint: freeze without editable packages.")
        try:
            one = Requirement(text)
        except InvalidRequirement:
            raise SuiteError(f"{path}, line {number}: '{text}' is no constraint: write name==version.") from None
        found[canonicalize_name(one.name)] = text
    if not found:
        raise SuiteError(f"The file of constraints {path} holds none.")
    return found


def moved(old: Mapping[str, str], new: Mapping[str, str]) -> list[dict[str, str]]:
    """Return every package of which two environments have another version: name, old, new ('' where there is none)."""
    names = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    return [{"name": name, "old": old.get(name, ""), "new": new.get(name, "")} for name in names]
