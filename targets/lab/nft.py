"""Packets dropped by the kernel (nftables) inside a node's network namespace. Standard library only.

One table for each rule, called after it, so that whoever looks into the namespace sees what is in force.
Dropped on input: there the packet has really left, so a caller learns nothing, not even by an error of its own.
"""

import asyncio
import re
import subprocess
import tempfile
from collections.abc import Iterable

from targets.lab import children, spaces
from targets.target import TargetError

_ANSWER_S = 5.0


async def drop(space: int, rule_id: str, ports: Iterable[int], direction: str) -> None:
    """Drop what passes between the namespace's node and those doors: requests ("there"), answers ("back") or both."""
    await _nft(space, dropping(rule_id, ports, there="input" if direction != "back" else "", back=direction != "there"))


def dropping(rule_id: str, ports: Iterable[int], *, there: str, back: bool) -> str:
    """Write the script that drops requests to those ports on a hook ("" lets them pass), and answers from them."""
    listed = ", ".join(map(str, ports))
    name = table(rule_id)
    lines = [f"add table inet {name}", f"delete table inet {name}", f"add table inet {name}"]
    if there:
        lines.append(f"add chain inet {name} there {{ type filter hook {there} priority 0 ; }}")
        lines.append(f"add rule inet {name} there tcp dport {{ {listed} }} drop")
    if back:
        lines.append(f"add chain inet {name} back {{ type filter hook input priority 0 ; }}")
        lines.append(f"add rule inet {name} back tcp sport {{ {listed} }} drop")
    return "\n".join(lines)


def passing(rule_id: str) -> str:
    """Write the script that takes that away again, if it is there."""
    name = table(rule_id)
    return f"add table inet {name}\ndelete table inet {name}"


async def undrop(space: int, rule_id: str) -> None:
    """Let it pass again; nothing to do when there is no such rule."""
    await _nft(space, passing(rule_id))


async def is_dropping(space: int, rule_id: str) -> bool:
    """Look into the namespace whether the rule is there."""
    return f"table inet {table(rule_id)}\n" in await _nft(space, "list tables") + "\n"


def table(rule_id: str) -> str:
    """Name the table of a rule."""
    return re.sub(r"[^A-Za-z0-9]", "_", f"rule_{rule_id}")


async def _nft(space: int, script: str) -> str:
    """Run nft inside. No thread takes part: the supervisor forks, and must have one only."""
    with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as said:
        told.write(script.encode())
        told.seek(0)
        process = subprocess.Popen(  # noqa: ASYNC220  starting it takes a millisecond
            [spaces.nft() or "nft", "-f", "-"],
            stdin=told,
            stdout=said,
            stderr=said,
            preexec_fn=lambda: spaces.enter(space),  # noqa: PLW1509
        )
        try:
            await asyncio.wait_for(children.exited(process), _ANSWER_S)
        except TimeoutError:
            process.kill()
            raise TargetError(f"nft did not end within {_ANSWER_S:.0f} s") from None
        finally:
            code = process.wait()
        said.seek(0)
        text = said.read().decode(errors="replace")
    if code:
        raise TargetError(f"nft refuses {script!r}: {text.strip()}")
    return text
