"""What `ci/nightly.py` is made of."""
