"""Stored baselines: results that somebody trusted, and the tool that approves new ones (`python -m baselines`)."""
