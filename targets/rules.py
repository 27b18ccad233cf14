"""Trouble on the way between nodes, as a target can be asked for it: what a rule may say, and what it does."""

from dataclasses import dataclass

from targets.target import BadInput

MODES = ("discard", "drop", "reject", "errors", "delay")
DIRECTIONS = ("both", "there", "back")
MOST_DELAY_S = 60


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Trouble on the way between nodes. It has an id so that it can be taken away again by whoever reads the journal.

    mode      what happens
    drop      nothing passes and nobody is told; what was sent meanwhile arrives after the rule is gone, as by TCP
    discard   a lost host: besides, what is in flight is thrown away, so a connection that was open is reset, not
              resumed, when the rule is gone
    reject    connections are reset and refused
    errors    every HTTP request is answered with `status`, and never reaches its server
    delay     everything takes `seconds` longer on its way; nothing is lost, the order is kept

    Rules that meet on one connection: discard beats drop, drop (of whichever direction) beats reject, reject beats
    errors; delays add up, and errors come delayed.  A connection cannot be opened while either direction is dropped,
    and takes the delay of both directions to open.
    """

    id: str
    sources: tuple[str, ...]  # names of the callers' nodes; "*" is everybody, callers outside the target included
    destinations: tuple[str, ...]  # names of the servers' nodes; "*" is all of them
    mode: str
    direction: str = "both"  # of drop and delay: "there" is from the caller to the server, "back" answers only
    seconds: float = 0.0  # of delay: for each way, so "both" makes a round trip twice as much longer
    status: int = 0  # of errors: 400 to 599

    def __post_init__(self) -> None:
        """Refuse, with BadInput, what no link could do."""
        if wrong := _wrong(self):
            raise BadInput(f"rule {self.id}: {wrong}")


def _wrong(rule: Rule) -> str | None:
    if rule.mode not in MODES:
        return f"mode {rule.mode!r}; use {', '.join(MODES)}"
    if rule.direction not in DIRECTIONS or (rule.direction != "both" and rule.mode not in ("drop", "delay")):
        return f"direction {rule.direction!r} of {rule.mode}; drop and delay take {', '.join(DIRECTIONS)}"
    if rule.mode == "delay" and not 0 < rule.seconds <= MOST_DELAY_S:
        return f"seconds={rule.seconds}; a delay takes up to {MOST_DELAY_S} seconds"
    if rule.mode == "errors" and rule.status not in range(400, 600):
        return f"status={rule.status}; an error is 400 to 599"
    return None
