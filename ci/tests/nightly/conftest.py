"""A package index, a repository, an upgrade program, `gh` and a web server: all stand-ins, all on this machine."""

from __future__ import annotations

import html
import json
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ci import nightly
from ci.night import work

STANDINS = Path(__file__).parent / "standins"
PYTHON = (sys.executable, "-I", "-S")  # without what is installed, which takes a while to find
INSTALLED = {"drizzlepac": "3.11.0", "stwcs": "1.7.7", "tweakwcs": "0.9.3", "stis_cti": "1.6.2"}
JSON_PAGE = "application/vnd.pypi.simple.v1+json"


@dataclass
class Web:
    """A web server: what it answers at each path, and what it was asked."""

    url: str = ""
    answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    posted: list[bytes] = field(default_factory=list)

    def answer(self, path: str, body: bytes | str, kind: str = "text/html", status: int = 200, **headers: str) -> None:
        content = body.encode() if isinstance(body, str) else body

        def write(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.end_headers()
            handler.wfile.write(content)

        self.answers[path] = write


@contextmanager
def serving() -> Iterator[Web]:
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            web.asked.append(self.path)
            if self.path in web.answers:
                web.answers[self.path](self)
            else:
                self.send_error(404)

        def do_POST(self):
            web.posted.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.do_GET()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield web
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as made:
        yield made


class Index:
    """A package index, in JSON or HTML."""

    def __init__(self, web: Web, style: str = "json") -> None:
        self.web, self.style = web, style
        self.url = f"{web.url}/simple/"
        self.files: dict[str, list[dict]] = {}
        for package, version in INSTALLED.items():
            self.release(package, version)

    def release(self, package: str, version: str, file: str = "{0}-{1}-py3-none-any.whl", **facts: object) -> None:
        name = file.format(package, version)
        self.files.setdefault(package, []).append({"filename": name, "url": f"../../f/{name}", "hashes": {}, **facts})
        self.publish(package)

    def publish(self, package: str) -> None:
        path = f"/simple/{package.replace('_', '-')}/"
        files = self.files[package]
        if self.style == "json":
            page = {"meta": {"api-version": "1.0"}, "name": package, "files": files}
            self.web.answer(path, json.dumps(page), JSON_PAGE)
            return
        rows = []
        for one in files:
            said = f' data-requires-python="{html.escape(one["requires-python"])}"' if "requires-python" in one else ""
            said += ' data-yanked="broken"' if one.get("yanked") else ""
            rows.append(f'<a href="{one["url"]}"{said}>{one["filename"]}</a><br>')
        self.web.answer(path, f"<!DOCTYPE html><html><body>{''.join(rows)}</body></html>", "text/html; charset=utf-8")


@pytest.fixture
def index(web: Web) -> Index:
    return Index(web)


@dataclass
class World:
    """Everything around a night, and a way to run one."""

    folder: Path
    index: Index
    plans: dict[str, dict] = field(default_factory=dict)

    @property
    def site(self) -> Path:
        return self.folder / "site"

    def plan(self, candidate: str, **what: object) -> None:
        """Say what the upgrade program does with a candidate."""
        self.plans[candidate] = what
        (self.folder / "plan.json").write_text(json.dumps(self.plans))

    def calls(self) -> list[dict]:
        path = self.folder / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def compared(self) -> list[str]:
        return [one["candidate"] for one in self.calls()]

    def arguments(self, *more: str, **instead: str) -> list[str]:
        given = {
            "packages": ",".join(INSTALLED),
            "index": self.index.url,
            "site": str(self.site),
            "work": str(self.folder),
            "reports": str(self.folder / "reports"),
            "upgrade-command": shlex.join([*PYTHON, str(STANDINS / "upgrade.py"), str(self.folder)]),
            "history-command": shlex.join([*PYTHON, str(STANDINS / "history.py")]),
            **instead,
        }
        options = [word for name, value in given.items() for word in (f"--{name}", value)]
        return [*options, *([] if "main-url" in instead else ["--no-main"]), *more]

    def night(self, *more: str, **instead: str) -> int:
        return nightly.main(self.arguments(*more, **instead))

    def state(self) -> dict:
        return json.loads((self.site / "state.json").read_text())

    def words(self) -> list[tuple[str, str]]:
        return [(one["name"], one["word"]) for one in self.state()["records"]]


@pytest.fixture
def world(tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(
        work, "installed_versions", lambda names: {name: INSTALLED.get(name, "not installed") for name in names}
    )
    made = World(tmp_path, index)
    (tmp_path / "plan.json").write_text("{}")
    return made


class GitHub:
    """What the stand-in `gh` holds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.write({"issues": [], "labels": [], "calls": []})

    def read(self) -> dict:
        return json.loads(self.path.read_text())

    def write(self, held: dict) -> None:
        self.path.write_text(json.dumps(held))

    def fail(self, at: str = "", **how: object) -> None:
        """Make a command fail; without one none fails any more."""
        self.write({**self.read(), "fault": {"at": at, **how} if at or how else {}})

    @property
    def issues(self) -> list[dict]:
        return self.read()["issues"]


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitHub:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "gh").write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {STANDINS / "gh.py"} "$@"\n')
    (folder / "gh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("GH_STANDIN", str(tmp_path / "github.json"))
    return GitHub(tmp_path / "github.json")


class Repository:
    """A git repository with a main branch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "--quiet", "--initial-branch=main", ".")
        self.commit()

    def git(self, *words: str) -> str:
        who = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org", "-c", "commit.gpgsign=false"]
        return subprocess.run(
            ["git", *who, *words], cwd=self.folder, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self) -> str:
        self.git("commit", "--quiet", "--allow-empty", "--message", "more")
        return self.git("rev-parse", "HEAD")

    @property
    def requirement(self) -> str:
        return f"drizzlepac @ git+{self.folder}@{self.git('rev-parse', 'HEAD')}"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    folder = tmp_path / "drizzlepac"
    folder.mkdir()
    return Repository(folder)
