"""Asking the kernel about processes."""

from pathlib import Path


def is_alive(pid: int) -> bool:
    """Returns whether a process runs; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
