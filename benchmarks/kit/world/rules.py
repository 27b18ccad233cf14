"""The rules on the lab's links: the supervisor is asked, for they are in its memory alone."""

from benchmarks.kit.world.where import Facts, Where
from targets.lab import control
from targets.target import TargetError

_ANSWER_S = 5.0


def rules(where: Where) -> Facts:
    """Name the rules in force."""
    if where.lab is None:
        return {}
    try:
        return dict.fromkeys(control.ask(where.lab, {"do": "links.cuts"}, timeout=_ANSWER_S), "in force")
    except TargetError as error:
        return {"the supervisor": f"does not answer: {error}"}
