"""Mosaics and the numbers of every step against the stored baselines: what is not what it was.

Nothing here writes a baseline: ``python -m baselines approve`` does. A comparison with a baseline that was made from
other inputs or with other parameters is told, but is no verdict on the software; where another engine calibrated, a
difference is none that is beyond its limit.
"""

from __future__ import annotations

import pytest

from fixtures.baseline.conditions import departures, other_engine, remarks
from fixtures.baseline.differences import DIFFERENCES, tell
from fixtures.baseline.manifest import FILES
from fixtures.baseline.scalars import change, scalars, table_of
from fixtures.pipeline import alignment, baseline, cti, drizzle
from fixtures.pipeline.cases import (
    aligned_by,
    has_aligned_pair,
    has_baseline,
    has_true_mosaic,
    is_corrected_twin,
    is_empirical_twin,
    twin_aligned_by,
)
from fixtures.pipeline.graph import DETECTOR, EXPOSURE
from fixtures.workflow.parameters import TUTORIAL, WHOLE_PIXEL

pytestmark = [pytest.mark.step("baselines"), pytest.mark.optional("user", "program")]

mosaic = pytest.mark.cases(DETECTOR, when=has_baseline)


def each(*kinds):
    """Run the check once for each number that is kept of these kinds of products."""
    kept = [(kind, one) for kind in kinds for one in scalars(kind.word)]
    return pytest.mark.parametrize("kept", kept, ids=[one.name for _, one in kept])


@pytest.fixture
def input_problem(product) -> str:
    """Return why the comparison tells nothing of the software; empty if it does."""
    found = departures(product(baseline.conditions).facts, product(baseline.stored).conditions)
    return f"no verdict on the software: {'; '.join(found)}" if found else ""


@pytest.fixture
def if_missed(product) -> str:
    """Return why a number beyond its limit tells nothing of the software; empty if it does."""
    found = other_engine(product(baseline.conditions).facts, product(baseline.stored).conditions)
    return f"no verdict on a number beyond its limit: {found}" if found else ""


@pytest.fixture
def unchanged(case, product, input_problem, if_missed, check):
    """Hold a number of a step against its stored value."""

    def hold(kept) -> None:
        kind, scalar = kept
        stored = table_of(product(baseline.stored).scalars)
        place = (scalar.name, case.names[2] if kind.level == EXPOSURE else None)
        new, old = scalar.value(product(kind)), stored.get(place)
        if place not in stored:
            pytest.fail(f"the baseline does not know {scalar.name}: approve a new one", pytrace=False)
        note = f"{'no value' if old is None else f'{old:.6g}'} -> {'no value' if new is None else f'{new:.6g}'}"
        check(
            f"baseline.{scalar.name}",
            change(new, old),
            note=note,
            input_problem=input_problem,
            if_missed=if_missed,
            stored=old,
        )

    return hold


@mosaic
def test_run_could_become_a_baseline(product, input_problem, check):
    """Every number that the baseline holds is there, and no other."""
    candidate = product(baseline.candidate)
    stored = table_of(product(baseline.stored).scalars)
    found = table_of(product(baseline.measurements).scalars)
    unlike = sorted(" ".join(filter(None, place)) for place in stored.keys() ^ found.keys())
    check("baseline.measurements_unlike", len(unlike), note=", ".join(unlike[:4]), if_missed=input_problem)
    assert {path.name for path in candidate.iterdir()} >= {*FILES} - {"provenance.json"}


@mosaic
def test_baseline_was_made_from_the_same(case, product, input_problem, check, record, holds, table_row,
                                         figure, view):  # fmt: skip
    """The same inputs, parameters and version of the data set: else the comparison is no verdict."""
    numbers, stored = product(baseline.comparison).numbers, product(baseline.stored).provenance
    said = remarks(product(baseline.conditions).facts, product(baseline.stored).conditions)
    said += tell(numbers, lambda metric, value: not holds(metric, value))
    same = [name for name, equal in sorted(numbers["identical"].items()) if equal]
    approved = stored["approved"]
    row = {
        "what changed": "; ".join([input_problem, *said] if input_problem else said),
        "identical to the last bit": ", ".join(same) or "none",
        "baseline approved": f"{approved['when'][:10]} by {approved['name']}: {approved['why']}",
        "made with drizzlepac": stored["versions"].get("drizzlepac", ""),
    }
    table_row("baselines", row)
    place = f"{case.dataset.name} {case.detector}"
    figure(product(baseline.picture), section="baselines",
           title=f"{place}: new mosaic minus baseline", caption="; ".join(said))  # fmt: skip
    view(product(baseline.view), section="baselines",
         title=f"{place}: new mosaic and baseline", caption="; ".join(said))  # fmt: skip
    unlike = "Pixels without weight that are NaN in one of both mosaics only: no data, and no verdict."
    record("baseline.fill", numbers["fill"]["differ_px"], "px", definition=unlike)
    check("baseline.departures", 0 if not input_problem else 1, note=input_problem, input_problem=input_problem)


@mosaic
@pytest.mark.parametrize("difference", DIFFERENCES, ids=[one.metric.split(".")[1] for one in DIFFERENCES])
def test_mosaic_is_that_of_the_baseline(product, input_problem, if_missed, check, not_validated, difference):
    """Frame, stars, masks, weights, pixels, blocks and header cards, each by its own number."""
    numbers = product(baseline.comparison).numbers
    value = difference.value(numbers)
    if value is None and not numbers["stars"]["n_stars"]:
        not_validated("the baseline has no star to tell")
    check(difference.metric, value, note=difference.words(numbers), input_problem=input_problem, if_missed=if_missed)


@pytest.mark.cases(EXPOSURE, when=lambda case: has_baseline(case) and aligned_by(TUTORIAL)(case))
@each(alignment.tutorial)
def test_first_guess_is_that_of_the_baseline(unchanged, kept):
    """Sources and first guess; a fit to chance matches jumps with the last bit of any library, and has no baseline."""
    unchanged(kept)


@pytest.mark.cases(EXPOSURE, when=lambda case: has_baseline(case) and aligned_by(WHOLE_PIXEL)(case))
@each(alignment.whole_pixel)
def test_alignment_is_that_of_the_baseline(unchanged, kept):
    """Shift, rotation, scale, RMS, matches and attempts of each image."""
    unchanged(kept)


@pytest.mark.cases(EXPOSURE, when=lambda case: has_baseline(case) and twin_aligned_by(WHOLE_PIXEL)(case))
@each(alignment.whole_pixel_error)
def test_true_error_is_that_of_the_baseline(unchanged, kept):
    """What no RMS shows."""
    unchanged(kept)


@pytest.mark.cases(EXPOSURE, when=lambda case: has_baseline(case) and is_corrected_twin(case))
@each(cti.correction, cti.rectified_fluxes)
def test_cti_correction_is_that_of_the_baseline(unchanged, kept):
    """What the pixel-based correction puts back."""
    unchanged(kept)


@pytest.mark.cases(EXPOSURE, when=lambda case: has_baseline(case) and is_empirical_twin(case))
@each(cti.empirical)
def test_empirical_correction_is_that_of_the_baseline(unchanged, kept):
    """What the formula for photometry puts back."""
    unchanged(kept)


@mosaic
@each(drizzle.coverage, drizzle.coverage_exp)
def test_coverage_is_that_of_the_baseline(unchanged, kept):
    """Coverage, weights and light of both mosaics."""
    unchanged(kept)


@pytest.mark.cases(DETECTOR, when=lambda case: has_baseline(case) and has_true_mosaic(case))
@each(drizzle.truth)
def test_truth_is_that_of_the_baseline(unchanged, kept):
    """Positions, shapes and fluxes against the true stars."""
    unchanged(kept)


@pytest.mark.cases(DETECTOR, when=has_aligned_pair)
@each(drizzle.pair)
def test_real_pair_is_that_of_the_baseline(unchanged, kept):
    """Two real images of one field."""
    unchanged(kept)
