"""What the package index and the main branch are taken to offer, and how they can fail to."""

from __future__ import annotations

import json
import socket
import sys

import pytest
from packaging.version import Version

from ci.night import candidates
from ci.night.candidates import TRIES, new_head, new_releases
from ci.night.state import Record

from .conftest import JSON_PAGE, Index


def offered(made: Index, package: str = "drizzlepac", **how) -> list[str]:
    with candidates.session() as asking:
        return [str(one) for one in candidates.releases(package, made.url, asking, **how)]


def failure(url: str, package: str = "drizzlepac") -> str:
    with candidates.session() as asking, pytest.raises(candidates.NotLookedAt) as caught:
        candidates.releases(package, url, asking)
    said = str(caught.value)
    assert package in said
    assert "\n" not in said
    return said


# --- releases ----------------------------------------------------------------------------------------------


@pytest.fixture(params=["json", "html"])
def either(web, request):
    return Index(web, request.param)


def test_releases_come_in_the_order_of_versions(either):
    for version in ("3.9.1", "3.12.0", "3.10.0", "3.7.1.1"):
        either.release("drizzlepac", version)
    assert offered(either) == ["3.7.1.1", "3.9.1", "3.10.0", "3.11.0", "3.12.0"]


def test_a_name_is_found_however_it_is_spelt(either):
    assert offered(either, "stis_cti") == offered(either, "stis-cti") == ["1.6.2"]


def test_a_yanked_release_is_none(either):
    either.release("drizzlepac", "3.12.0", yanked=True)
    assert "3.12.0" not in offered(either)


def test_a_release_of_which_one_file_is_left_is_one(either):
    either.release("drizzlepac", "3.12.0", yanked="broken wheel")
    either.release("drizzlepac", "3.12.0", "{0}-{1}.tar.gz")
    assert "3.12.0" in offered(either)


def test_pre_releases_count_only_when_asked_for(either):
    for version in ("3.12.0rc1", "3.12.0.dev5"):
        either.release("drizzlepac", version)
    assert offered(either) == ["3.11.0"]
    assert offered(either, pre=True) == ["3.11.0", "3.12.0.dev5", "3.12.0rc1"]


@pytest.mark.parametrize(
    ("file", "facts", "fits"),
    [
        ("{0}-{1}.tar.gz", {}, True),
        ("{0}-{1}.zip", {}, True),
        ("{0}-{1}-py2-none-any.whl", {}, False),
        ("{0}-{1}-cp39-cp39-win32.whl", {}, False),
        ("{0}-{1}-py3-none-any.whl", {"requires-python": ">=99"}, False),
        ("{0}-{1}-py3-none-any.whl", {"requires-python": f"<={sys.version_info[0]}.999"}, True),
        ("{0}-{1}-py3-none-any.whl", {"requires-python": "new"}, False),
        ("{0}-{1}.linux-x86_64.rpm", {}, False),
        ("{0}.exe", {}, False),
        ("{0}-one-py3-none-any.whl", {}, False),
    ],
)
def test_only_a_release_with_a_file_that_fits_is_one(either, file, facts, fits):
    either.release("drizzlepac", "3.12.0", file, **facts)
    assert ("3.12.0" in offered(either)) is fits


def test_a_gateway_that_hiccups_is_asked_again(index_that_hiccups):
    assert offered(index_that_hiccups) == ["3.11.0"]


@pytest.fixture
def index_that_hiccups(web):
    made = Index(web)
    path = "/simple/drizzlepac/"
    good = web.answers[path]
    web.answers[path] = lambda handler: good(handler) if web.asked.count(path) > 1 else handler.send_error(503)
    return made


def test_the_url_is_pips_own(monkeypatch, tmp_path):
    for name in ("PIP_INDEX_URL", "PIP_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://index.example.org/simple\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    assert candidates.default_url() == "https://index.example.org/simple"
    monkeypatch.setenv("PIP_INDEX_URL", "https://other.example.org/simple")
    assert candidates.default_url() == "https://other.example.org/simple"


# --- an index that is dead ---------------------------------------------------------------------------------


def test_an_index_that_refuses_is_told():
    with socket.socket() as taken:  # bound and not listening: refused
        taken.bind(("127.0.0.1", 0))
        said = failure(f"http://127.0.0.1:{taken.getsockname()[1]}/simple/")
    assert "can not be reached" in said
    assert "refused" in said


def test_a_host_without_address_is_told():
    assert "can not be reached" in failure("http://index.invalid/simple/")


@pytest.mark.parametrize(
    ("status", "said"), [(404, "does not know drizzlepac"), (500, "HTTP status 500"), (403, "HTTP status 403")]
)
def test_an_index_that_answers_with_an_error_is_told(web, status, said):
    made = Index(web)
    web.answer("/simple/drizzlepac/", "<h1>no</h1>", status=status)
    assert said in failure(made.url)


def test_an_index_that_is_silent_is_told(web, monkeypatch):
    made = Index(web)
    gate = socket.socketpair()
    web.answers["/simple/drizzlepac/"] = lambda handler: gate[0].recv(1)  # answers nothing until the test is over
    monkeypatch.setattr(candidates, "ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(candidates, "RETRY", 0)
    try:
        assert "in time" in failure(made.url)
    finally:
        gate[1].close()
        gate[0].close()


def test_an_index_that_drips_is_told(index, monkeypatch):
    monkeypatch.setattr("ci.night.candidates.PAGE_SECONDS", 0.0)
    assert "in time" in failure(index.url)


def test_a_page_without_end_is_told(index, monkeypatch):
    monkeypatch.setattr("ci.night.candidates.PAGE_BYTES", 20)
    assert "no page of an index" in failure(index.url)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (JSON_PAGE, b"{"),
        (JSON_PAGE, b"[]"),
        (JSON_PAGE, b"\xff\xfe\x00"),
        (JSON_PAGE, b"[" * 100_000),
        (JSON_PAGE, json.dumps({"meta": {"api-version": "1.0"}, "name": "drizzlepac"}).encode()),
        (JSON_PAGE, json.dumps({"meta": {"api-version": "9.0"}, "name": "drizzlepac", "files": []}).encode()),
        ("image/png", b"\x89PNG"),
    ],
)
def test_garbage_is_told(index, kind, body):
    index.web.answer("/simple/drizzlepac/", body, kind)
    assert "no page of an index" in failure(index.url)


@pytest.mark.parametrize("body", ["", "<html>Sign in to the hotel's network</html>", "\x00\x01<<<"])
def test_a_page_without_files_is_told(index, body):
    index.web.answer("/simple/drizzlepac/", body)
    assert "lists no file" in failure(index.url)


def test_a_page_that_is_cut_is_told(index):
    index.web.answer("/simple/drizzlepac/", "<html>", Content_Length="1000")
    assert "can not be asked" in failure(index.url)


def test_a_password_is_not_told(index):
    address = index.url.replace("http://", "http://me:secret@").replace("/simple/", "/nothing/")
    assert "secret" not in failure(address)


# --- the main branch ---------------------------------------------------------------------------------------


def test_the_head_of_the_main_branch_is_a_candidate(repository):
    found = candidates.main_head(str(repository.folder))
    assert found.requirement == repository.requirement
    assert found.line == candidates.MAIN_LINE
    assert found.name == f"drizzlepac main {repository.git('rev-parse', 'HEAD')[:10]}"
    repository.commit()
    assert candidates.main_head(str(repository.folder)) != found


def test_a_tag_or_branch_of_a_like_name_is_not_the_head(repository):
    repository.git("branch", "old/main")
    repository.git("tag", "refs/heads/main")
    head = repository.commit()
    assert candidates.main_head(str(repository.folder)).requirement.endswith(head)


@pytest.mark.parametrize("name", ["nowhere", "--upload-pack=touch"])
def test_a_repository_that_is_not_there_is_told(tmp_path, name):
    with pytest.raises(candidates.NotLookedAt, match="can not be asked"):
        candidates.main_head(name if name.startswith("-") else str(tmp_path / name))


def test_a_branch_that_is_not_there_is_told(repository):
    with pytest.raises(candidates.NotLookedAt, match="no branch master"):
        candidates.main_head(str(repository.folder), "master")


def test_without_git_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(candidates.NotLookedAt, match="git is not installed"):
        candidates.main_head()


# --- what is new -------------------------------------------------------------------------------------------


def record(version: str, word: str, line: str = "drizzlepac") -> Record:
    made = candidates.release(line, Version(version))
    return Record("2026-11-25T00:00:00", line, made.requirement, made.name, word, word, version)


def due(released: list[str], installed: str | None, *records: Record) -> list[str]:
    found, _ = new_releases("drizzlepac", [Version(one) for one in released], installed, records)
    return [str(one.version) for one in found]


RELEASED = ["3.9.1", "3.10.0", "3.11.0", "3.12.0", "3.12.1"]


def test_new_is_what_is_newer_than_installed():
    assert due(RELEASED, "3.11.0") == ["3.12.0", "3.12.1"]
    assert due(RELEASED, "3.12.1") == []
    assert due(RELEASED, "3.13.0.dev5+g1234") == []


@pytest.mark.parametrize("word", ["safe", "changed", "regression"])
def test_what_was_compared_is_not_compared_again(word):
    assert due(RELEASED, "3.10.0", record("3.12.0", word)) == ["3.12.1"]


@pytest.mark.parametrize("word", ["not installable", "crashes", "timed out", "incomplete", "no verdict"])
def test_what_could_not_be_compared_is_tried_again_some_nights(word):
    tries = [record("3.12.0", word)] * (TRIES - 1)
    assert due(RELEASED, "3.11.0", *tries) == ["3.12.0", "3.12.1"]
    assert due(RELEASED, "3.11.0", *tries, record("3.12.0", word)) == ["3.12.1"]


def test_what_was_overtaken_is_not_tried_again():
    assert due(RELEASED, "3.11.0", record("3.12.0", "crashes"), record("3.12.1", "safe")) == []


def test_another_packages_verdicts_do_not_count():
    assert due(RELEASED, "3.11.0", record("9.0", "safe", "stwcs")) == ["3.12.0", "3.12.1"]


def test_of_a_package_that_is_not_installed_only_the_newest_counts():
    assert due(RELEASED, None) == ["3.12.1"]
    assert due([], None) == []


def test_a_head_is_compared_once_and_tried_again_some_nights():
    found = candidates.head("1" * 40)
    told = Record("2026", found.line, found.requirement, found.name, "safe", "")
    tried = Record("2026", found.line, found.requirement, found.name, "timed out", "")
    assert new_head(found, []) == [found]
    assert new_head(found, [told]) == []
    assert new_head(found, [tried] * (TRIES - 1)) == [found]
    assert new_head(found, [tried] * TRIES) == []
    assert new_head(candidates.head("2" * 40), [told]) != []
