"""What calibrates: the engine of this run against stored results of CALSTIS."""

from __future__ import annotations

import pytest

from fixtures.pipeline import ENGINE_CASES

pytestmark = [pytest.mark.step("inputs"), pytest.mark.parametrize("case_name", ENGINE_CASES)]


@pytest.mark.parametrize("array", ["sci", "err"])
def test_engine_gives_the_pixels_of_calstis(product, check, case_name, array):
    """Cut-outs of what CALSTIS made of a made-up exposure."""
    check("inputs.engine_departure", product("engine", case_name).info[array], note=f"{case_name}, {array.upper()}")


def test_engine_gives_the_flags_of_calstis(product, check, case_name):
    """Data quality flags of the same cut-outs."""
    check("inputs.engine_flags", product("engine", case_name).info["dq"], note=case_name)
