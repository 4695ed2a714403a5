"""Environments beside the user's own: built once for each content, kept in a cache folder, never changed again."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from platformdirs import user_cache_path

from ci.upgrading.installed import Pin, installed
from ci.upgrading.keeping import COMPLETE, lock_of, touch
from ci.upgrading.uv import UvFailed, call, clean, one_line
from fixtures.errors import SuiteError
from fixtures.store.identity import file_sha256
from fixtures.workflow import imports
from fixtures.workflow.imports import why_broken

NO_SOURCE = frozenset({".git", ".hg", ".tox", ".nox", ".venv", "venv", "build", "__pycache__", ".pytest_cache"})
PATIENCE_SECONDS = 1800


@dataclass(frozen=True)
class Environment:
    """An environment that is built.

    Parameters
    ----------
    python : Path
        Its interpreter.
    packages : mapping
        What is installed, by name: version, and where it comes from if not from the index.
    key : str
        What it is kept under.
    broken : str
        Why the packages under validation can't be imported; empty if they can.
    pins : tuple of str
        What it was built from, one requirement a package.
    """

    python: Path
    packages: Mapping[str, str]
    key: str
    broken: str = ""
    pins: tuple[str, ...] = ()


class NotInstallable(Exception):
    """An environment can't be built; `why` is one line of what the installer said, `package` the one to blame."""

    def __init__(self, why: str, package: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.package = package


def cache_root() -> Path:
    """Return the folder of everything that comparisons keep."""
    return user_cache_path("stis-drizzlepac-validation") / "upgrade"


def interpreter() -> Path:
    """Return the interpreter that environments are made for: the one that runs."""
    return Path(sys.executable)


def pins_of(today: Mapping[str, Pin], cache: Path) -> tuple[str, ...]:
    """Return the pins of what is installed; a folder of sources stands as the copy that is made of it."""
    return tuple(_pinned(pin, cache) for pin in today.values())


def _pinned(pin: Pin, cache: Path) -> str:
    return pin.requirement if pin.folder is None else f"{pin.name} @ {snapshot(pin.folder, cache).as_uri()}"


def snapshot(folder: Path, cache: Path) -> Path:
    """Copy a folder of sources under its content: building would write into it, and edits in between don't count.

    Returns
    -------
    Path
        The copy, with its version control, from which many a package takes its version.
    """
    above = cache / "sources"
    copied = folder.is_relative_to(above)  # a copy is what it is, though building wrote into it
    target = folder if copied else above / _folder_digest(folder)[:24] / folder.name
    above.mkdir(parents=True, exist_ok=True)
    with lock_of(target.parent):
        target.parent.mkdir(exist_ok=True)
        if not target.is_dir():
            making = target.with_name(f".{target.name}.making")
            shutil.rmtree(making, ignore_errors=True)
            shutil.copytree(folder, making, symlinks=True, ignore=lambda _, names: NO_SOURCE - {".git"} & {*names})
            making.rename(target)
        touch(target.parent)
    return target


def _folder_digest(folder: Path) -> str:
    """Return the sha256 of what a folder of sources holds, without version control and what was built there."""
    content = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not NO_SOURCE.intersection(parts) and not parts[0].endswith(".egg-info"):
            content.update(f"{'/'.join(parts)}\0{file_sha256(path)}\n".encode())
    return content.hexdigest()


def build(
    pins: Sequence[str],
    cache: Path,
    say: Callable[[str], None] = lambda sentence: None,
    *,
    check: bool = True,
) -> Environment:
    """Build an environment that holds exactly these pins, or take the one that was built from the same.

    It counts as in use for a day, see `keeping`.

    Parameters
    ----------
    pins : sequence of str
        One requirement a package, as `resolve` or `pins_of` give them.
    cache : Path
        Folder of all environments.
    say : callable
        Is told when there is something to wait for.
    check : bool
        Whether to import what is under validation; False for environments of other packages.

    Raises
    ------
    NotInstallable
        The installer failed.
    SuiteError
        A pinned file is missing.
    """
    pins = tuple(sorted(settled(pin, cache) for pin in pins))
    key = _key(pins, check)
    folder = cache / "environments" / key
    folder.parent.mkdir(parents=True, exist_ok=True)
    with lock_of(folder):
        if not (folder / COMPLETE).is_file():
            shutil.rmtree(folder, ignore_errors=True)  # left by somebody who was interrupted
            say(f"building an environment of {len(pins)} packages in {folder}")
            _install(folder, pins)
            packages = {name: pin.label for name, pin in installed(_site(folder)).items()}
            broken = why_broken(_python(folder), clean()) if check else ""
            record = {"packages": packages, "broken": broken, "pins": pins}
            (folder / COMPLETE).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        record = json.loads((folder / COMPLETE).read_text(encoding="utf-8"))
        touch(folder)
    return Environment(_python(folder), record["packages"], key, record["broken"], tuple(record["pins"]))


def settled(pin: str, cache: Path) -> str:
    """Let a requirement of a folder lead to its copy.

    Raises
    ------
    SuiteError
        The folder, or the file, is missing.
    """
    one = Requirement(pin)
    path = _file_of(one)
    if path is None:
        return pin
    if not path.exists():
        raise SuiteError(f"{path} is missing, from which {one.name} is to be installed.")
    return f"{one.name} @ {snapshot(path, cache).as_uri()}" if path.is_dir() else pin


def _file_of(one: Requirement) -> Path | None:
    """Return the file that a requirement names by its URL."""
    parts = urlsplit(one.url or "")
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def _key(pins: Sequence[str], check: bool) -> str:
    """Return what an environment is kept under: its pins, the contents of the files they name, the interpreter."""
    files = [_file_of(Requirement(pin)) for pin in pins]
    sums = [file_sha256(path) for path in files if path is not None and path.is_file()]
    base = [sys.version, sys.base_prefix, platform.machine(), file_sha256(Path(imports.__file__)) if check else ""]
    return hashlib.sha256(json.dumps([*base, *pins, *sums]).encode()).hexdigest()[:24]


def _install(folder: Path, pins: Sequence[str]) -> None:
    try:
        call("venv", "--quiet", "--python", interpreter(), folder, timeout=PATIENCE_SECONDS)
        listed = folder / "pins.txt"
        listed.write_text("\n".join(pins) + "\n", encoding="utf-8")
        # everything is listed, so nothing is looked up
        where = ("--python", _python(folder), "--no-deps", "--requirements", listed)
        call("pip", "install", "--quiet", *where, timeout=PATIENCE_SECONDS)
    except UvFailed as error:
        raise NotInstallable(*_failure(str(error), pins)) from None


def _failure(said: str, pins: Sequence[str]) -> tuple[str, str]:
    """Return what an installer said as one line, and the package that it is about."""
    text = one_line(said)
    names = [canonicalize_name(Requirement(pin).name) for pin in pins]
    quoted = [canonicalize_name(part.split("==")[0].split(" @")[0]) for part in text.split("`")[1::2]]
    return text[:1500], next((word for word in quoted if word in names), "")


def _python(folder: Path) -> Path:
    return folder / "bin" / "python" if sys.platform != "win32" else folder / "Scripts" / "python.exe"


def _site(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.glob("[Ll]ib*/**/site-packages"))
