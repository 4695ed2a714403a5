"""What `ci/benchmark.py` is made of."""
