"""Where the modules of ci/ are found, and those that help its tests."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
for folder in (str(HERE.parent), str(HERE)):
    if folder not in sys.path:  # they are programs, not part of the installed package
        sys.path.append(folder)
