"""pytest begins here; the pytest layer itself is loaded before, by `-p fixtures.plugin` in pyproject.toml."""
