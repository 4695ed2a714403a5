"""What the documents print is run; here, how it is read and compared, and what of it is left out."""

from __future__ import annotations

import subprocess

import pytest

from ci import pages
from fixtures.errors import Status, SuiteError

LEFT_OUT = {
    "README.md: conda env create -f ci/environment.yml && conda activate stis-validation": "needs conda",
    "README.md: pytest validation -n auto": "needs conda",
    "ci/README.md: python ci/nightly.py --site site --notify gh          # the same, one GitHub issue a failure": (
        "needs gh and a repository on GitHub, which are on other machines"
    ),
    "ci/README.md: python ci/superdark_study.py --darks 6": "needs CALSTIS, which is in conda",
}
"""All that is never run. Only what needs conda, MAST or CRDS without a stand-in, or other machines may be here."""


def page_of(tmp_path, text):
    path = tmp_path / "page.md"
    path.write_text(text)
    return pages.blocks_of(path)


def test_what_is_left_out_of_the_documents():
    found = dict(pages.left_out())
    assert {one: why for one, why in found.items() if one in LEFT_OUT} == LEFT_OUT
    assert set(found) - set(LEFT_OUT) == set()
    assert all(any(word in why for word in ("conda", "MAST", "CRDS", "machines")) for why in found.values())


def test_the_first_hour_is_a_newcomers_path():
    blocks = [one for one in pages.blocks_of(pages.REPOSITORY / "README.md") if "first-hour" in one.marks]
    commands = [command.text for block in blocks for command in block.commands]
    for part in ("pip install -e . && pytest validation -n auto", "-s upgrade --", "baselines approve --dry-run",
                 "fixtures.archive fetch"):  # fmt: skip
        assert any(part in one for one in commands), part
    assert blocks[0].line < 10


def test_every_page_can_be_read():
    for name in pages.pages():
        assert pages.blocks_of(pages.REPOSITORY / name, name)


def test_commands_have_the_lines_below_them_and_a_status(tmp_path):
    (block,) = page_of(
        tmp_path, "a\n```console\n$ false   # status 1\n$ echo a; echo b\na\nb\n```\n```text\n$ no\n```\n"
    )
    assert block.commands == (pages.Command("false", (), 1), pages.Command("echo a; echo b", ("a", "b"), 0))
    assert block.line == 3


def test_a_comment_before_a_block_says_how_it_is_run(tmp_path):
    text = (
        "<!-- run: first-hour, archive -->\n```console\n$ a\n```\n<!-- run:\nprepare: b: c\n-->\n```console\n$ a\n```\n"
    )
    one, two = page_of(tmp_path, text)
    assert one.marks == {"first-hour": "", "archive": ""}
    assert two.marks == {"prepare": "b: c"}


def test_a_smaller_part_of_the_data_may_be_run(repository, capsys):
    marks = "<!-- run:\nreplace: all => some\nreplace: the data => data\n-->\n"
    repository(f"{marks}```console\n$ echo all the data\nsome data\n```\n")
    assert pages.main([]) == Status.PASSED, capsys.readouterr().out


def test_single_blocks_of_a_page_can_be_run(repository, capsys):
    repository("```console\n$ echo first\nfirst\n```\n\n```console\n$ false\n```\n")
    assert pages.main(["README.md:2"]) == Status.PASSED
    assert "README.md:7" not in capsys.readouterr().out
    assert pages.main(["README.md:3"]) == Status.USAGE
    assert "no block that is run in line 3: they begin in 2, 7" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("```console\nno command\n```\n", "begins with a command"),
        ("<!-- run: someday -->\n```console\n$ a\n```\n", "can't be marked 'someday'"),
    ],
)
def test_a_page_that_is_not_clear_is_refused(tmp_path, text, said):
    with pytest.raises(SuiteError, match=said):
        page_of(tmp_path, text)


@pytest.mark.parametrize(
    ("shown", "printed", "missing"),
    [
        (["[0:50] 3 of 12 in 1.5 s"], "[12:07] 14 of 900 in 0.25 s", ""),
        (["report: reports/2026-11-30T04-01-46Z/report.html"], "report: reports/2031-01-02T03-04-05Z/report.html", ""),
        (["versions: python 3.11.7, ..."], "versions: python 3.13.0, drizzlepac 4.0", ""),
        (["built in ~/x/7d43b484b6e5"], "built in /home/me/x/0001be7f32ab", ""),
        (["one", "two"], "one\nnoise\ntwo\n", ""),
        (["one", "two"], "two\none\n", "two"),
        (["a line that is", "broken in two"], "a line that is broken in two", ""),
        (["PASS: 10 checks"], "FAIL: 10 checks", "PASS: 10 checks"),
        (["safe: 1 of 1"], "regression: 0 of 1", "safe: 1 of 1"),
        (["=== 3 passed in 12.5s ==="], "========= 14 passed in 0.25s ======", ""),
        (["..."], "", ""),
    ],
)
def test_lines_are_compared_in_order_with_numbers_apart(shown, printed, missing):
    assert pages.not_printed(shown, printed, "/home/me") == missing


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Make a repository with one page, in the place of the suite's."""
    folder = tmp_path / "repository"
    folder.mkdir()
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    monkeypatch.setattr(pages, "REPOSITORY", folder)

    def commit(text):
        (folder / "README.md").write_text(text)
        subprocess.run(["git", "-C", folder, "add", "."], check=True)
        named = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        subprocess.run(["git", "-C", folder, *named, "commit", "--quiet", "-m", "a page"], check=True)
        return folder

    return commit


GOOD = """
```console
$ cd .. && export WHO=me && pwd | sed 's/.*\\///'
repository-to-be
$ echo hello $WHO
hello you
$ false
```
"""


def test_a_page_runs_in_one_shell_and_what_is_not_as_printed_is_told(repository, capsys):
    repository(GOOD.replace("repository-to-be", "README.md").replace("hello you", "hello me").replace("false", "true"))
    assert pages.main([]) == Status.PASSED
    repository(GOOD)
    assert pages.main(["README.md"]) == Status.FAILED
    out = capsys.readouterr().out
    assert "not printed: repository-to-be" in out
    assert "not printed: hello you" in out
    assert "status 1, the page says 0" in out
    assert "3 commands of the pages not as printed." in out


def test_a_page_has_an_empty_home_and_the_files_that_are_not_committed_too(repository, capsys):
    folder = repository("```console\n$ ls -A ~ && cat README.md | tail -1\n.gitconfig\nthe end\n```\n")
    (folder / "README.md").write_text((folder / "README.md").read_text() + "the end\n")
    assert pages.main([]) == Status.PASSED, capsys.readouterr().out


def test_a_preparation_that_fails_is_told_and_its_block_is_not_run(repository, capsys):
    repository(
        "<!-- run:\nprepare: exit_with_three() { return 3; }; exit_with_three\n-->\n```console\n$ echo never\n```\n"
    )
    assert pages.main([]) == Status.FAILED
    assert "the preparation ended with 3" in capsys.readouterr().out


def test_a_command_that_ends_the_shell_is_told(repository, capsys):
    repository("```console\n$ exit 0\n```\n")
    assert pages.main([]) == Status.USAGE
    assert "The shell ended in: exit 0" in capsys.readouterr().err
