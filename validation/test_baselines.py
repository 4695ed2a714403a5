"""Mosaics and the numbers of every step against the stored baselines: what is not what it was.

Nothing here writes a baseline: ``python -m baselines approve`` does. A comparison with a baseline that was made from
other inputs or with other parameters is told, but is no verdict on the software; where another engine calibrated, a
difference is none that is beyond its limit.
"""

from __future__ import annotations

import pytest

from fixtures.baseline.conditions import departures, other_engine, remarks
from fixtures.measured.differences import DIFFERENCES, tell
from fixtures.measured.scalars import change, scalars, table_of
from fixtures.pipeline import aligned_exposures, drizzled_exposures, pixel_based

pytestmark = [pytest.mark.step("baselines"), pytest.mark.optional("user", "program")]


def has_mosaic(case) -> bool:
    """Whether the detector has images to drizzle."""
    return len(drizzled_exposures(case.dataset, case.detector)) > 0


def is_simulated(case) -> bool:
    """Whether the truth is known."""
    return has_mosaic(case) and case.dataset.kind == "simulated"


def is_aligned(case) -> bool:
    """Whether the case is an image that is aligned on a reference image."""
    return has_mosaic(case) and case.exposure in aligned_exposures(case.dataset, case.detector)[1:]


def has_true_alignment(case) -> bool:
    """Whether the true alignment of the case is known."""
    return is_aligned(case) and is_simulated(case)


def is_corrected(case) -> bool:
    """Whether the case is a simulated exposure that is corrected pixel by pixel."""
    return is_simulated(case) and pixel_based(case.exposure)


def is_empirical(case) -> bool:
    """Whether the case is a simulated CCD exposure that the pixel-based route refuses."""
    return is_simulated(case) and case.detector == "CCD" and not pixel_based(case.exposure)


mosaic = pytest.mark.applies(when=has_mosaic)


def each(*products: str):
    """Run the check once for each number that is kept of these products."""
    kept = [one for product in products for one in scalars(product)]
    return pytest.mark.parametrize("scalar", kept, ids=[one.name for one in kept])


@pytest.fixture
def doubt(detector, product) -> str:
    """Return why the comparison tells nothing of the software; empty if it does."""
    stored = product("baseline").info["conditions"]
    found = departures(product("conditions").info, stored)
    return f"no verdict on the software: {'; '.join(found)}" if found else ""


@pytest.fixture
def if_missed(detector, product) -> str:
    """Return why a number beyond its limit tells nothing of the software; empty if it does."""
    found = other_engine(product("conditions").info, product("baseline").info["conditions"])
    return f"no verdict on a number beyond its limit: {found}" if found else ""


@pytest.fixture
def unchanged(exposure_name, product, doubt, if_missed, check):
    """Hold a number of a step against its stored value."""

    def hold(scalar) -> None:
        stored = table_of(product("baseline").info["scalars"])
        place = (scalar.name, exposure_name)
        new, old = scalar.value(product(scalar.product).info), stored.get(place)
        if place not in stored:
            pytest.fail(f"the baseline does not know {scalar.name}: approve a new one", pytrace=False)
        note = f"{'no value' if old is None else f'{old:.6g}'} -> {'no value' if new is None else f'{new:.6g}'}"
        check(f"baseline.{scalar.name}", change(new, old), note=note, doubt=doubt, if_missed=if_missed, stored=old)

    return hold


@pytest.fixture
def exposure_name(case) -> str | None:
    """Return the rootname of the check's exposure; None for a check of the whole detector."""
    return case.exposure.rootname if case.exposure is not None else None


@mosaic
def test_run_could_become_a_baseline(detector, product, check):
    """Every number that the baseline holds is there, and no other."""
    candidate = product("candidate")
    stored = table_of(product("baseline").info["scalars"])
    found = table_of(product("measurements").info["scalars"])
    unlike = sorted(" ".join(filter(None, place)) for place in stored.keys() ^ found.keys())
    check("baseline.measurements_unlike", len(unlike), note=", ".join(unlike[:4]))
    assert len(candidate.files) == 4


@mosaic
def test_baseline_was_made_from_the_same(dataset, detector, product, doubt, check, record, holds, table_row,
                                         figure, view):  # fmt: skip
    """The same inputs, parameters and version of the data set: else the comparison is no verdict."""
    numbers, stored = product("numbers-baseline").info, product("baseline").info["provenance"]
    said = remarks(product("conditions").info, product("baseline").info["conditions"])
    said += tell(numbers, lambda metric, value: not holds(metric, value))
    same = [name for name, equal in sorted(numbers["identical"].items()) if equal]
    approved = stored["approved"]
    row = {
        "what changed": "; ".join([doubt, *said] if doubt else said),
        "identical to the last bit": ", ".join(same) or "none",
        "baseline approved": f"{approved['when'][:10]} by {approved['name']}: {approved['why']}",
        "made with drizzlepac": stored["versions"].get("drizzlepac", ""),
    }
    table_row("baselines", row)
    figure(product("picture-baseline").files["png"], section="baselines",
           title=f"{dataset.name} {detector}: new mosaic minus baseline", caption="; ".join(said))  # fmt: skip
    view(product("view-baseline").files["json"], section="baselines",
         title=f"{dataset.name} {detector}: new mosaic and baseline", caption="; ".join(said))  # fmt: skip
    unlike = "Pixels without weight that are NaN in one of both mosaics only: no data, and no verdict."
    record("baseline.fill", numbers["fill"]["differ_px"], "px", definition=unlike)
    check("baseline.departures", 0 if not doubt else 1, note=doubt, doubt=doubt)


@mosaic
@pytest.mark.parametrize("difference", DIFFERENCES, ids=[one.metric.split(".")[1] for one in DIFFERENCES])
def test_mosaic_is_that_of_the_baseline(detector, product, doubt, if_missed, check, not_validated, difference):
    """Frame, stars, masks, weights, pixels, blocks and header cards, each by its own number."""
    numbers = product("numbers-baseline").info
    value = difference.value(numbers)
    if value is None and not numbers["stars"]["n_stars"]:
        not_validated("the baseline has no star to tell")
    check(difference.metric, value, note=difference.words(numbers), doubt=doubt, if_missed=if_missed)


@pytest.mark.applies(when=is_aligned)
@each("aligned")
def test_alignment_is_that_of_the_baseline(exposure, unchanged, scalar):
    """Shift, rotation, scale, RMS, matches and attempts of each image."""
    unchanged(scalar)


@pytest.mark.applies(when=has_true_alignment)
@each("numbers-aligned")
def test_true_error_is_that_of_the_baseline(exposure, unchanged, scalar):
    """What no RMS shows."""
    unchanged(scalar)


@pytest.mark.applies(when=is_corrected)
@each("numbers-cti", "numbers-rectified")
def test_cti_correction_is_that_of_the_baseline(exposure, unchanged, scalar):
    """What the pixel-based correction puts back."""
    unchanged(scalar)


@pytest.mark.applies(when=is_empirical)
@each("numbers-empirical")
def test_empirical_correction_is_that_of_the_baseline(exposure, unchanged, scalar):
    """What the formula for photometry puts back."""
    unchanged(scalar)


@mosaic
@each("numbers-mosaic", "numbers-mosaic_exp")
def test_coverage_is_that_of_the_baseline(detector, unchanged, scalar):
    """Coverage, weights and light of both mosaics."""
    unchanged(scalar)


@pytest.mark.applies(when=is_simulated)
@each("numbers-truth")
def test_truth_is_that_of_the_baseline(detector, unchanged, scalar):
    """Positions, shapes and fluxes against the true stars."""
    unchanged(scalar)


@pytest.mark.applies(dataset="m33", detector="CCD")
@each("numbers-pair", "numbers-moved")
def test_real_pair_is_that_of_the_baseline(detector, unchanged, scalar):
    """Two real images of one field, and one of them with its CRPIX moved."""
    unchanged(scalar)
