"""How the tool writes: what is safe on a terminal and in one line, sizes, tables."""

from __future__ import annotations

from collections.abc import Sequence


def one_line(text: object) -> str:
    """Return a text as it is kept: in one line, without what UTF-8 can't hold."""
    return " ".join(str(text).encode("utf-8", "backslashreplace").decode("utf-8").split())


def plain(text: object) -> str:
    """Return a text that is safe on a terminal: what is not printable is written as its escape."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in one_line(text))


def size(number: int) -> str:
    """Return a size [bytes] with its unit."""
    return f"{number / 1e6:.1f} MB" if number >= 1e6 else f"{number / 1e3:.1f} KB"


def count(number: int, noun: str) -> str:
    """Return a number with its noun, which takes an s."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def value(number: object, digits: int = 6) -> str:
    """Return a number of any kind in a few digits; '-' where there is none."""
    if number is None:
        return "-"
    return f"{number:.{digits}g}" if isinstance(number, int | float) else plain(number)


def table(rows: Sequence[Sequence[str]], *, indent: str = "") -> list[str]:
    """Return the lines of a table; the columns are as wide as their widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
