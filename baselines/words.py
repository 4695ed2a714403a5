"""How the tool writes: sizes, values, tables."""

from __future__ import annotations

from collections.abc import Sequence

from fixtures.text import plain


def size(number: int) -> str:
    """Return a size [bytes] with its unit."""
    return f"{number / 1e6:.1f} MB" if number >= 1e6 else f"{number / 1e3:.1f} KB"


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
