"""The smallest change of each kind that the comparison with a baseline sees: the table of ``baselines/README.md``.

``python -m baselines.tests.sensitivity_study`` spoils every stored baseline more and more, and prints the table.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fixtures
from fixtures.baseline.comparing import Side, side_of_folder
from fixtures.baseline.tests import spoils
from fixtures.results.targets import Targets, read_targets

HOUSE = Path(fixtures.__file__).parents[1]
STEPS = 7  # of the bisection, in logarithm: a factor of 1000 to 6%
# what is changed, by what, its unit, the metric that has to see it, and between which amounts to look
KINDS: tuple[tuple[str, Callable[..., Side], str, str, float, float], ...] = (
    ("shift", spoils.shifted, "px", "shift_x", 2e-5, 2e-2),
    ("rotation", spoils.rotated, "deg", "rotation", 1e-6, 1e-3),
    ("flux", spoils.brighter, "", "flux", 3e-6, 3e-3),
    ("weights", spoils.weightier, "", "weight", 1e-5, 1e-2),
    ("width of stars (part of the light spread over 3 x 3 px)", spoils.widened, "", "fwhm", 2e-5, 2e-2),
    ("background", spoils.lifted, "sigma", "pixel_median", 2e-4, 2e-1),
    ("block of 8 x 8 px", spoils.hot_block, "sigma", "block", 2e-3, 2.0),
)
COUNTED: tuple[tuple[str, Callable[[Side, str, int], Side], str, int], ...] = (
    ("pixels that became NaN", spoils.with_nan, "nan", 64),
    ("pixels without weight", spoils.without_weight, "zero_weight", 64),
    ("exposures lost from the context", lambda side, detector, _: spoils.without_context(side, detector), "context", 1),
    ("lost stars", lambda side, detector, _: spoils.without_star(side, detector, 5), "sources_lost", 1),
    (
        "lost header cards",
        lambda side, detector, _: spoils.other_header(side, detector, EXPTIME=None),
        "cards_removed",
        1,
    ),
)


def smallest(seen: Callable[[float], bool], low: float, high: float) -> float | None:
    """Return the smallest amount that is seen, by bisection between `low` and `high`; None if `high` is not."""
    if not seen(high):
        return None
    for _ in range(STEPS):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if seen(middle) else (middle, high)
    return high


def fewest(seen: Callable[[int], bool], most: int) -> int | None:
    """Return the smallest number that is seen, between 1 and `most`; None if that is not."""
    if not seen(most):
        return None
    low = 0
    while most - low > 1:
        middle = (low + most) // 2
        low, most = (low, middle) if seen(middle) else (middle, most)
    return most


def rows(stored: dict[str, tuple[str, str, Side]], targets: Targets) -> Iterator[list[str]]:
    """Yield the rows of the table: the kind, then the smallest amount of each baseline."""

    def sees(name: str, metric: str, new: Side) -> bool:
        dataset, detector, old = stored[name]
        return metric in spoils.caught(targets, new, old, dataset, detector)

    for kind, spoil, unit, metric, low, high in KINDS:
        found = []
        for name, (_, detector, old) in stored.items():

            def seen(amount: float, of: Any = (name, detector, old), how: Any = (metric, spoil)) -> bool:
                return sees(of[0], how[0], how[1](of[2], of[1], amount))

            amount = smallest(seen, low, high)
            found.append("not seen" if amount is None else f"{amount:.1g} {unit}".strip())
        yield [kind, f"`{metric}`", *found]
    for kind, spoil, metric, most in COUNTED:
        found = []
        for name, (_, detector, old) in stored.items():

            def counted(number: int, of: Any = (name, detector, old), how: Any = (metric, spoil)) -> bool:
                return sees(of[0], how[0], how[1](of[2], of[1], number))

            number = fewest(counted, most)
            found.append("not seen" if number is None else str(number))
        yield [kind, f"`{metric}`", *found]


def main() -> int:
    """Print the table as Markdown."""
    root = HOUSE / "baselines"
    stored = {
        f"{path.parent.name} {path.name}": (path.parent.name, path.name, side_of_folder(path))
        for path in sorted(root.glob("*/*"))
        if (path / "mosaic.fits").exists()
    }
    targets = read_targets(HOUSE / "validation" / "targets.toml")
    print("| change | seen by `baseline.` | " + " | ".join(stored) + " |")
    print("|---|---|" + "---|" * len(stored))
    for row in rows(stored, targets):
        print("| " + " | ".join(row) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
