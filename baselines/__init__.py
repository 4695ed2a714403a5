"""Stored baselines: results that somebody trusted (`python -m baselines`); the code is in `fixtures.baseline`."""
