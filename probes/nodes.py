"""Asking every node of a component at the same time: one that hangs must not hide the others."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from targets.target import Node, TargetError

T = TypeVar("T")


def ask(nodes: Sequence[Node], question: Callable[[Node], T]) -> dict[str, T]:
    """Ask each node, give node name -> answer; nodes that do not answer (TargetError) are missing from it.

    The question limits its own time.
    """

    def answered(node: Node) -> T | None:
        try:
            return question(node)
        except TargetError:
            return None

    with ThreadPoolExecutor(max(1, len(nodes))) as threads:
        answers = list(threads.map(answered, nodes))
    return {node.name: answer for node, answer in zip(nodes, answers, strict=True) if answer is not None}
