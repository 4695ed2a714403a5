from __future__ import annotations

import pytest

from baselines.tests.bench import Bench


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """Return a run that can be approved, and a user whom git knows."""
    settings = tmp_path / "gitconfig"
    settings.write_text("[user]\n\tname = Ada Lovelace\n\temail = ada@example.org\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Bench(tmp_path)


@pytest.fixture
def approved(bench, capsys):
    """Return the same after its first approval."""
    assert bench.approve() == 0
    capsys.readouterr()
    return bench
