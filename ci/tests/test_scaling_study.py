"""The study of how cost grows: its fit, and a small run."""

from __future__ import annotations

import pytest

from ci.scaling_study import exponent, main


def test_the_exponent_is_that_of_the_power():
    assert exponent([(x, 3 * x**1.5) for x in (10, 30, 100)]) == pytest.approx(1.5)
    assert exponent([(10, 1.0)]) != exponent([(10, 1.0)])  # NaN


def test_a_small_run_tells_what_each_way_took(capsys):
    assert main(["--exposures", "2,3", "--ways", "one,second"]) == 0
    lines = capsys.readouterr().out.splitlines()
    expected = [[way, str(n), str(5 * n + 1)] for n in (2, 3) for way in ("one", "second")]
    assert [line.split()[1:6:2] for line in lines[2:6]] == expected
