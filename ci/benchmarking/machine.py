"""What a measurement was made on."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from typing import Any

from fixtures.plugin.provenance import machine
from fixtures.versions import installed_versions


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def facts() -> dict[str, Any]:
    """Return cores, processor, memory [GB], system, versions, and how busy the machine is."""
    found: dict[str, Any] = {
        "cores": cores(),
        "processor": machine()["processor"],
        "memory_gb": None,
        "platform": platform.platform(terse=True),
        "versions": installed_versions(),
        "load": None,
    }
    with suppress(ValueError, OSError):
        found["memory_gb"] = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    with suppress(OSError):
        found["load"] = round(os.getloadavg()[0], 2)
    return found


def sentence(found: dict[str, Any]) -> str:
    """Say it in two lines."""
    memory = f", {found['memory_gb']:g} GB" if found["memory_gb"] else ""
    load = "" if found["load"] is None else f"; load when it began: {found['load']:g}"
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    return f"{found['cores']} cores, {found['processor']}{memory}, {found['platform']}{load}\n{versions}"
