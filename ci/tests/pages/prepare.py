"""What the pages take for granted: data of one's own, two environments one of which is bad, and an archive.

    python ci/tests/pages/prepare.py files DIR              # ten rectified images, one of them compressed
    python ci/tests/pages/prepare.py environments           # good.txt, and bad.txt with one line of drizzlepac altered
    python ci/tests/pages/prepare.py sources                # drizzlepac: a git repository, and a wheel; tomorrow.txt
    python ci/tests/pages/prepare.py archive                # MAST's stand-in: prints its address, and serves

The images are the twin's, out of the store in which the run that the page begins with has left them.
"""

from __future__ import annotations

import gzip
import io
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from astropy.io import fits

from ci.tests.altered import ALTERATIONS, Alteration
from fixtures.archive.tests import loopback
from fixtures.store.disk import Store, default_root

PROGRAMS = {"ozzf01": 11856, "ozzf02": 12413, "ozzf05": 12413}
FIRST, REFERENCE = "ozzf01a1q", "obav01w4q"
"""What is served as the exposure that the tutorial names as its reference image."""
ALTERED = "weight exponent"
INNOCENTS = {"stwcs": "1.7.6", "tqdm": "4.67.1"}
"""Packages that differ too, and do no harm."""


def images() -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the twin's rectified FUV images."""
    store = Store(default_root())
    for entry in store.entries():
        task = str(entry.record.get("task", ""))
        if task.startswith("twin/FUV-MAMA/") and task.endswith("/x2d"):
            (name,) = (one for one in entry.files if one.endswith("_x2d.fits"))
            content = store.read(entry.key, name)
            assert content is not None
            yield Path(name).name, content


def files(folder: Path) -> None:
    """Write the images into a folder, as a user has them: the last one compressed."""
    folder.mkdir()
    found = dict(images())  # of one that was made more than once, one
    *others, last = sorted(found)
    for name in others:
        (folder / name).write_bytes(found[name])
    (folder / f"{last}.gz").write_bytes(gzip.compress(found[last], 1))


def environments() -> None:
    """Write good.txt, what is installed, and bad.txt, with an altered drizzlepac and two innocents."""
    freeze = [sys.executable, "-m", "pip", "list", "--format=freeze", "--exclude-editable"]
    good = subprocess.run(freeze, check=True, capture_output=True, text=True).stdout.splitlines()
    one = next(one for one in ALTERATIONS if one.name == ALTERED)
    moved = {**INNOCENTS, "drizzlepac": f" @ {repacked(one, Path('altered')).as_uri()}"}
    bad = [
        line if (name := line.split("==")[0]) not in moved
        else f"{name}{moved[name]}" if moved[name].startswith(" ") else f"{name}=={moved[name]}"
        for line in good
    ]  # fmt: skip
    Path("good.txt").write_text("\n".join(good) + "\n")
    Path("bad.txt").write_text("\n".join(bad) + "\n")


def repacked(one: Alteration | None, folder: Path) -> Path:
    """Make a wheel of the installed drizzlepac, with one line altered or none."""
    installed = metadata.distribution("drizzlepac")
    tag = next(line.split(": ")[1] for line in installed.read_text("WHEEL").splitlines() if line.startswith("Tag: "))
    folder.mkdir(exist_ok=True)
    wheel = folder.resolve() / f"drizzlepac-{installed.version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in installed.files or ():
            if (
                file.parts[0] == ".."
                or "__pycache__" in file.parts
                or file.name in ("RECORD", "INSTALLER", "REQUESTED")
            ):
                continue
            content = file.locate().read_bytes()
            if one is not None and file.as_posix() == f"drizzlepac/{one.file}":
                assert content.count(one.line.encode()) == 1
                content = content.replace(one.line.encode(), one.altered.encode())
            packed.writestr(file.as_posix(), content)
        (info,) = {file.parts[0] for file in installed.files or () if file.parts[0].endswith(".dist-info")}
        packed.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in packed.namelist()))
    return wheel


def sources() -> None:
    """Write drizzlepac's sources as a git repository, a wheel of it, and today's environment as tomorrow.txt."""
    version = metadata.version("drizzlepac")
    if not Path("drizzlepac").exists():
        fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "drizzlepac"]
        fetch += [f"drizzlepac=={version}"]
        free = {name: value for name, value in os.environ.items() if name != "PIP_CONSTRAINT"}  # it binds the build too
        subprocess.run(fetch, check=True, env=free)
        (archive,) = Path().glob("drizzlepac-*.tar.gz")
        shutil.unpack_archive(archive, filter="data")
        Path(f"drizzlepac-{version}").rename("drizzlepac")
        for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "sources"], ["tag", version]):
            subprocess.run(["git", "-C", "drizzlepac", *command], check=True)
    repacked(None, Path("altered"))
    freeze = [sys.executable, "-m", "pip", "list", "--format=freeze", "--exclude-editable"]
    Path("tomorrow.txt").write_bytes(subprocess.run(freeze, check=True, capture_output=True).stdout)


def renamed(content: bytes) -> bytes:
    """Return an image as one of the exposure REFERENCE."""
    with fits.open(io.BytesIO(content)) as image:
        image[0].header["ROOTNAME"] = REFERENCE
        image[0].header["FILENAME"] = f"{REFERENCE}_x2d.fits"
        written = io.BytesIO()
        image.writeto(written)
    return written.getvalue()


def archive() -> None:
    """Serve the images as those of the tutorial's programs, and print the address."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    with loopback.running() as server:
        for name, content in sorted(dict(images()).items()):
            program = PROGRAMS[name[:6]]
            if name.startswith(FIRST):
                name, content = name.replace(FIRST, REFERENCE), renamed(content)
            server.add(name, content, program=program)
        print(server.address, flush=True)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    {"files": files, "environments": environments, "sources": sources, "archive": archive}[what](*map(Path, arguments))
