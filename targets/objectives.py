"""What a drill is held to: the system's objectives, narrowed by the drill's own sentence."""

from targets import durations
from targets.systems import System
from targets.target import BadInput


def narrowed(system: System, component: str, key: str, written: str, drill: str = "") -> float:
    """Give the objective `key` ("rto" or "rpo") of a component in seconds, narrowed to what a drill wrote, if anything.

    What the system's file promises for the drill of that name comes before what the drill wrote.
    BadInput for a duration that is none, and for one wider than the system's.
    """
    held: float = getattr(system.component(component), key)
    if not written:
        return held
    try:
        wanted = durations.seconds(written)
    except ValueError as error:
        raise BadInput(f"drill({key}={written!r}): {error}") from None
    promised: float | None = getattr(system.drills.get(drill), key, None)
    wanted = wanted if promised is None else promised
    if wanted > held:
        raise BadInput(
            f"drill({key}={written!r}): wider than the {held:g} s that {system.name!r} promises for {component}; "
            "a drill may only narrow an objective"
        )
    return wanted
