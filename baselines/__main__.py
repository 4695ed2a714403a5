"""Look at the stored baselines, approve the mosaics of a run as new ones: `python -m baselines --help`."""

import sys

from fixtures.baseline.approval.cli import main

if __name__ == "__main__":
    sys.exit(main())
