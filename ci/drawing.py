"""Draw who imports whom among the rooms, into docs/architecture.md.

    python ci/drawing.py            # writes the drawing anew
    python ci/drawing.py --check    # status 1 if it is not up to date

Only those arrows are drawn that do not follow from others. Imports of tests are left out.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from fixtures.commandline import Parser, guarded
from fixtures.errors import Status, SuiteError

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "docs" / "architecture.md"
_BLOCK = re.compile(r"(?<=<!-- drawn by ci/drawing.py -->\n)```mermaid\n.*?```\n", re.DOTALL)


def room_of(words: Sequence[str]) -> str:
    """Return the room of a module of fixtures; the modules beside the rooms are one room together."""
    return words[1] if len(words) > 1 and (REPOSITORY / "fixtures" / words[1]).is_dir() else "fixtures/*.py"


def imported_by(path: Path) -> Iterator[str]:
    """Give the rooms that a module imports, inside of functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:  # of its own room
            continue
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [one.name for one in node.names] if isinstance(node, ast.Import) else []
        if names == ["fixtures"] and isinstance(node, ast.ImportFrom):
            names = [f"fixtures.{one.name}" for one in node.names]
        yield from (room_of(name.split(".")) for name in names if name.split(".")[0] == "fixtures")


def arrows() -> set[tuple[str, str]]:
    """Return which room imports which."""
    found = set()
    for top in ("fixtures", "validation"):
        for path in sorted((REPOSITORY / top).rglob("*.py")):
            place = path.relative_to(REPOSITORY)
            if "tests" not in place.parts:
                room = top if top == "validation" else room_of(place.with_suffix("").parts)
                found |= {(room, other) for other in imported_by(path) if other != room}
    return found


def needed(all_of: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the arrows that do not follow from others.

    Raises
    ------
    SuiteError
        Rooms import one another in a circle.
    """
    below: dict[str, set[str]] = {}

    def reach(room: str, path: tuple[str, ...]) -> set[str]:
        if room in path:
            raise SuiteError(f"Rooms import one another in a circle: {' -> '.join((*path, room))}.")
        if room not in below:
            direct = {other for one, other in all_of if one == room}
            below[room] = direct | {far for other in direct for far in reach(other, (*path, room))}
        return below[room]

    for room, _ in sorted(all_of):
        reach(room, ())
    return sorted(
        (room, other)
        for room, other in all_of
        if not any(other in below.get(between, ()) for one, between in all_of if one == room)
    )


def drawing() -> str:
    """Return the drawing as a block of Mermaid."""
    lines = needed(arrows())
    names = sorted({room for arrow in lines for room in arrow})
    node = {room: f"r{number}" for number, room in enumerate(names)}
    text = [f'    {node[room]}["{room}"]' for room in names]
    text += [f"    {node[room]} --> {node[other]}" for room, other in lines]
    return "\n".join(["```mermaid", "flowchart TD", *text, "```", ""])


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw; return the exit status."""
    parser = Parser("python ci/drawing.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    return guarded(partial(draw, parser.parse_args(arguments).check))


def draw(check: bool) -> int:
    """Put the drawing into the page, or say whether it is there; return the exit status."""
    page = PAGE.read_text(encoding="utf-8")
    new = _BLOCK.sub(lambda _: drawing(), page)
    if new == page:
        return Status.PASSED
    if check:
        print(
            f"{PAGE.relative_to(REPOSITORY)} shows other rooms than the imports: python ci/drawing.py draws them anew."
        )
        return Status.FAILED
    PAGE.write_text(new, encoding="utf-8")
    return Status.PASSED


if __name__ == "__main__":
    sys.exit(main())
