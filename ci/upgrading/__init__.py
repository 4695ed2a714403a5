"""What an upgrade does to the results: environments, runs in them, their comparison, and who is to blame."""
