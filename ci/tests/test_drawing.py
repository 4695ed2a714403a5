"""The drawing of the rooms."""

from __future__ import annotations

import pytest

from ci import drawing
from fixtures.errors import SuiteError


def test_the_page_shows_the_rooms_as_they_import_one_another():
    assert drawing.main(["--check"]) == 0


def test_an_arrow_that_follows_from_others_is_not_drawn():
    assert drawing.needed({("a", "b"), ("b", "c"), ("a", "c")}) == [("a", "b"), ("b", "c")]


def test_a_circle_is_refused():
    with pytest.raises(SuiteError, match="circle: a -> b -> a"):
        drawing.needed({("a", "b"), ("b", "a")})


def test_a_page_that_shows_something_else_is_told_and_mended(tmp_path, monkeypatch, capsys):
    page = tmp_path / "page.md"
    page.write_text("<!-- drawn by ci/drawing.py -->\n```mermaid\nflowchart TD\n```\nend\n")
    monkeypatch.setattr(drawing, "PAGE", page)
    monkeypatch.setattr(drawing, "REPOSITORY", tmp_path)
    monkeypatch.setattr(drawing, "drawing", lambda: "```mermaid\nflowchart TD\n    a --> b\n```\n")
    assert drawing.main(["--check"]) == 1
    assert "page.md shows other rooms" in capsys.readouterr().out
    assert drawing.main([]) == 0
    assert page.read_text().endswith("    a --> b\n```\nend\n")
    assert drawing.main(["--check"]) == 0
