"""Where the modules of ci/ are found."""

from __future__ import annotations

import sys
from pathlib import Path

CI = str(Path(__file__).resolve().parents[1])
if CI not in sys.path:  # they are programs, not part of the installed package
    sys.path.append(CI)
