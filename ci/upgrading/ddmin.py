"""Delta debugging: the smallest part of what changed that still makes the difference.

The algorithm is ddmin of A. Zeller and R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE
Transactions on Software Engineering 28 (2002), 183-200.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

GOOD, BAD, UNRESOLVED = "good", "bad", "unresolved"


def minimal(changes: Sequence[str], test: Callable[[frozenset[str]], str]) -> tuple[str, ...]:
    """Return a part of some changes that is still bad, and of which nothing can be left out.

    Parameters
    ----------
    changes : sequence of str
        All changes; together they are bad, none of them is good.
    test : callable
        Says of a part of them whether it is `GOOD`, `BAD` or `UNRESOLVED` (it can't be tried, or tells something else).
        Each part is asked for once.
    """
    known: dict[frozenset[str], str] = {}

    def is_bad(part: Sequence[str]) -> bool:
        key = frozenset(part)
        if key not in known:
            known[key] = test(key) if key else GOOD
        return known[key] == BAD

    left, pieces = list(dict.fromkeys(changes)), 2
    while len(left) > 1:
        parts = _split(left, pieces)
        smaller = next((part for part in parts if is_bad(part)), None)
        if smaller is not None:
            left, pieces = smaller, 2
            continue
        rests = [[one for one in left if one not in part] for part in parts] if pieces > 2 else []
        smaller = next((rest for rest in rests if is_bad(rest)), None)
        if smaller is not None:
            left, pieces = smaller, max(pieces - 1, 2)
        elif pieces < len(left):
            pieces = min(2 * pieces, len(left))
        else:
            break
    return tuple(left)


def _split(some: Sequence[str], pieces: int) -> list[list[str]]:
    """Cut a list into pieces of about the same length, none of them empty."""
    edges = [round(number * len(some) / pieces) for number in range(pieces + 1)]
    return [list(some[a:b]) for a, b in pairwise(edges) if a < b]
