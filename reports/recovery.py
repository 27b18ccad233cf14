"""RTO: when callers were served again, and whether that keeps the objective.

t0 is the confirmation of the first injection that is no preparation; the time since that injection began joins the
bound.  An outage is the fault's when a request failed after the injection had begun, or when it had not ended by then:
a request that was in flight when the fault struck belongs to it, although it was meant to leave before.  t5 is the end
of the LAST such outage (a relapse is no recovery), `rto = t5 - t0`, never below 0; without an outage it is 0, give or
take the longest outage that the client could have missed.  Several streams: the worst counts.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reports import outages
from reports.folder import Drill
from reports.outages import Outage
from reports.outcome import Finding, missed, note, unproven
from reports.shapes import NS, Objective, Request
from reports.trial import INTERRUPTED, Fault, healed, in_force
from reports.words import duration, plain, with_bound


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One stream from the fault on; ns."""

    name: str
    outages: tuple[Outage, ...]  # the fault's
    rto_ns: int | None  # None: it never came back
    bound_ns: int
    watched_ns: int  # how long after t0 it was watched
    until_ns: int  # the end of that

    @property
    def downtime_ns(self) -> int | None:
        """All outages together; None when one did not end."""
        times = [o.end_ns - o.start_ns for o in self.outages if o.end_ns is not None]
        return sum(times) if len(times) == len(self.outages) else None


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """The worst of the judged streams, and the spared ones that were hit; ns."""

    rto_ns: int | None
    bound_ns: int
    at_least_ns: int | None  # set when it never came back
    downtime_ns: int | None
    t1_ns: int | None
    t4_ns: int | None
    t5_ns: int | None
    seen: tuple[Seen, ...]
    spared: tuple[Outage, ...]
    outside: Seen | None  # the worst that callers from farther away saw; None: there were none


def measure(drill: Drill, objective: Objective, hit: Fault) -> Recovery | None:
    """Measure the judged and the spared streams; None when no judged stream is on record."""
    judged = tuple(
        _seen(track, objective, hit)
        for track in _tracks(drill, objective.streams)
        if track[-1].intended_ns > hit.t0_ns  # nothing is known of a service that was not watched any more
    )
    if not judged:
        return None
    worst = max(judged, key=_badness)
    back = worst.rto_ns is not None
    outside = [_seen(track, objective, hit) for tracks in drill.outside.values() for track in tracks]
    downtimes = [s.downtime_ns for s in judged]
    return Recovery(
        rto_ns=worst.rto_ns,
        bound_ns=max((s.rto_ns or 0) + s.bound_ns for s in judged) - (worst.rto_ns or 0) if back else worst.bound_ns,
        at_least_ns=None if back else max(0, worst.watched_ns),
        downtime_ns=max(d or 0 for d in downtimes) if back else None,
        t1_ns=min((o.start_ns for s in judged for o in s.outages), default=None),
        t4_ns=worst.outages[0].first_success_ns if worst.outages else None,
        t5_ns=worst.outages[-1].end_ns if worst.outages else None,
        seen=judged,
        spared=tuple(o for track in _tracks(drill, objective.spares) for o in _seen(track, objective, hit).outages),
        outside=max(outside, key=_badness, default=None),
    )


def _badness(seen: Seen) -> tuple[bool, int, int]:
    return seen.rto_ns is None, seen.rto_ns or 0, seen.bound_ns


def _tracks(drill: Drill, names: Iterable[str]) -> Iterator[tuple[Request, ...]]:
    return (track for name in names for track in drill.tracks.get(name, ()))


def _seen(track: tuple[Request, ...], objective: Objective, hit: Fault) -> Seen:
    interval = int(objective.interval_s * NS)
    every = outages.outages(track, interval_ns=interval, window_ns=int(objective.window_s * NS))
    found = tuple(o for o in every if _of_the_fault(o, hit))
    until = track[-1].intended_ns + interval
    watched = until - hit.t0_ns
    if not found:
        since = [s for s in track if s.intended_ns >= hit.struck_ns]
        bound = outages.blind_ns(since, interval_ns=interval)
        return Seen(name=track[0].stream, outages=(), rto_ns=0, bound_ns=bound, watched_ns=watched, until_ns=until)
    end = found[-1].end_ns
    return Seen(
        name=track[0].stream,
        outages=found,
        rto_ns=None if end is None else max(0, end - hit.t0_ns),
        bound_ns=found[-1].bound_ns + hit.blur_ns,
        watched_ns=watched,
        until_ns=until,
    )


def _of_the_fault(outage: Outage, hit: Fault) -> bool:
    return outage.end_ns is None or outage.end_ns > hit.struck_ns or outage.first_done_ns >= hit.struck_ns


def findings(recovery: Recovery | None, drill: Drill, objective: Objective) -> Iterator[Finding]:
    """Hold the recovery against the objective; what is within its bound of it is too close to call."""
    if recovery is None:
        yield unproven("RTO not measured: no request of the judged streams is on record after the fault")
        return
    for seen in recovery.seen:
        yield from _kept(seen, drill, objective)
    if recovery.outside:
        yield note(_from_outside(recovery.outside))
    broken_off = drill.session and drill.session.error == INTERRUPTED and not drill.session.why_not  # nobody looked
    if drill.session and not drill.session.recovered and not broken_off and recovery.rto_ns is not None:
        says = f"the service did not come back: {plain(drill.session.why_not or 'no reason given')}"
        yield missed(says) if _left_alone(drill, max(s.until_ns for s in recovery.seen)) else unproven(says)
    for name in dict.fromkeys(o.stream for o in recovery.spared):
        first = next(o for o in recovery.spared if o.stream == name)
        lasted = duration((first.end_ns - first.start_ns) / NS) if first.end_ns else "and did not come back"
        yield missed(f"{name} was to be spared and failed, {lasted}: {plain(first.error or 'no reason given')}")


def _from_outside(seen: Seen) -> str:
    if seen.rto_ns is None:
        return f"from outside: {seen.name} did not come back"
    if not seen.outages:
        return f"from outside: callers of {seen.name} did not notice"
    return f"from outside: {seen.name} came back {with_bound(seen.rto_ns / NS, seen.bound_ns / NS)} after the fault"


def _kept(seen: Seen, drill: Drill, objective: Objective) -> Iterator[Finding]:
    promised = f"the objective is {duration(objective.rto_s)}"
    bound = seen.bound_ns / NS
    if seen.rto_ns is None:
        watched = seen.watched_ns / NS
        says = f"{seen.name} did not come back: it still failed {duration(max(0, watched))} after the fault, {promised}"
        if in_force(drill, seen.until_ns):
            yield unproven(f"{says}, but the fault that the stop was to heal was still there")
        elif watched - bound > objective.rto_s or _left_alone(drill, seen.until_ns):
            yield missed(says)
        else:
            yield unproven(f"{says}, and the drill was cut short")
        return
    rto = seen.rto_ns / NS
    says = f"{seen.name} came back {with_bound(rto, bound)} after the fault, {promised}"
    if rto - bound > objective.rto_s:
        yield missed(says)
    elif rto + bound > objective.rto_s:
        yield unproven(f"too close to call: {says}")
    elif objective.recovered_by == "system" and _undo_helped(seen, drill):
        yield unproven(f"{says}, but only once the undo had begun: it was not given its whole objective")


def _left_alone(drill: Drill, until_ns: int) -> bool:
    """Tell whether the fault was gone and the harness watched to the end: then it is the service that stayed away."""
    gone = healed(drill) and all((i.healed_at_ns or 0) <= until_ns for i in drill.injections)
    return gone and drill.session is not None and not drill.session.error


def _undo_helped(seen: Seen, drill: Drill) -> bool:
    """Tell whether an outage that was there before the undo began ended after it; one that the undo made is its own."""
    heals = [i.heal_started_ns for i in drill.injections if i.heal_started_ns is not None]
    return any(o.first_done_ns < heal < (o.end_ns or 0) for o in seen.outages for heal in heals)
