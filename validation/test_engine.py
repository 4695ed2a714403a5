"""What calibrates: the engine of this run against stored results of CALSTIS."""

from __future__ import annotations

import pytest

from fixtures.pipeline import calibration

ENGINE = {"ccd_corrected": calibration.engine_on_ccd, "nuv_high_res": calibration.engine_on_nuv}
pytestmark = [pytest.mark.step("inputs"), pytest.mark.parametrize("case_name", ENGINE)]


@pytest.mark.parametrize("array", ["sci", "err"])
def test_engine_gives_the_pixels_of_calstis(product, check, case_name, array):
    """Cut-outs of what CALSTIS made of a made-up exposure."""
    departure = product(ENGINE[case_name])[array]
    check("inputs.engine_departure", departure, note=f"{case_name}, {array.upper()}")


def test_engine_gives_the_flags_of_calstis(product, check, case_name):
    """Data quality flags of the same cut-outs."""
    check("inputs.engine_flags", product(ENGINE[case_name])["dq"], note=case_name)
