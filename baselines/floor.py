"""The noise floor that the limits rest on: `python -m baselines.floor --help`."""

import sys

from fixtures.baseline.floor import main

if __name__ == "__main__":
    sys.exit(main())
