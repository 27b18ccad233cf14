"""Which namespaces are in use, by whom. A process may end while it is looked at: it then holds none."""

from collections.abc import Iterable
from pathlib import Path

from targets.lab import processes


def ours(kind: str) -> str:
    """Return this process's own namespace of a kind: `net`, `mnt`."""
    return str(Path(f"/proc/self/ns/{kind}").readlink())


def used_by(folder: Path, kind: str) -> set[str]:
    """List the namespaces of a kind that the processes of the lab in this folder are in."""
    return _read(Path(f"/proc/{pid}/ns/{kind}") for pid in processes.members(folder))


def held(kind: str) -> set[str]:
    """List the namespaces of a kind that any process is in, or holds a descriptor of."""
    links = [*Path("/proc").glob(f"[0-9]*/ns/{kind}"), *Path("/proc").glob("[0-9]*/fd/*")]
    return {name for name in _read(links) if name.startswith(f"{kind}:")}


def _read(links: Iterable[Path]) -> set[str]:
    found = set()
    for link in links:
        try:
            found.add(str(link.readlink()))
        except OSError:
            continue
    return found
