"""Whether it was a valid experiment, whether the client was fit to watch it, and whether all was put back.

INVALID beats everything: a fault that was not there, a system that was not healthy until it struck, or a client that
stood still prove nothing, in neither direction.  OPEN findings only keep a drill from being met: an outage that was
seen stays seen when, afterwards, the undo left something behind or a record was lost.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from reports import outages
from reports.folder import Drill
from reports.outcome import Finding, invalid, missed, note, unproven
from reports.shapes import NS, Activity, Injection, Objective, Request
from reports.words import plain

MS = 1_000_000
INTERRUPTED = "interrupted"  # what the harness says of a drill that somebody broke off
ENDED = ("stopped by hand", "overtaken")  # how it begins to speak of one that an emergency stop, or its time, ended
BY_HAND = "by hand"  # how a record begins to say who healed it, when it was such a stop


@dataclass(frozen=True, kw_only=True)
class Fault:
    """When it hit, ns: somewhere between the first moment in which it can have hurt and its confirmation, t0."""

    began_ns: int  # of the first injection, which may be a preparation: until then nothing was touched
    struck_ns: int
    t0_ns: int
    clock_ns: int = 0  # how far the client's clock may be off

    @property
    def blur_ns(self) -> int:
        """How far t0 may be from the truth, on the client's clock."""
        return self.t0_ns - self.struck_ns + self.clock_ns


def fault(drill: Drill) -> Fault | None:
    """Place the fault in time: the first injection that is no preparation. None when it was not confirmed.

    A preparation (a slow link, a setting) makes the blow worse and is none itself: callers must not notice it.
    """
    blow = _blow(drill)
    if blow is None or blow.inject_started_ns is None or blow.injected_at_ns is None:
        return None
    began = min(i.inject_started_ns for i in drill.injections if i.inject_started_ns is not None)
    clock_ns = drill.clock.bound_ns if drill.clock else 0
    struck_ns = blow.hurts_from_ns or blow.inject_started_ns  # older records have none
    return Fault(began_ns=began, struck_ns=struck_ns, t0_ns=blow.injected_at_ns, clock_ns=clock_ns)


def _blow(drill: Drill) -> Injection | None:
    return next((i for i in drill.injections if not i.prepares), None)


def injected(drill: Drill) -> Iterator[Finding]:
    """Demand that the fault was there: what everything is measured from, and what had prepared it."""
    if not drill.injections:
        yield invalid("no injection is on record: nothing was injected, or it was never put back")
    elif _blow(drill) is None:
        yield invalid("every injection on record only prepares: there is no fault to measure from")
    struck = False
    for injection in drill.injections:
        doubt = unproven if struck else invalid
        struck = struck or not injection.prepares
        who = _named(injection)
        if injection.injected_at_ns is None or injection.inject_started_ns is None:
            yield doubt(f"{who} was never confirmed{': ' + plain(injection.error, 300) if injection.error else ''}")
        elif injection.bite is False:
            yield doubt(f"{who} did not bite: it was injected and was not active")
        elif injection.bite is None and not injection.bite_note:
            yield doubt(f"{who} was not proven active")
        if isinstance(by := injection.plan.get("by"), str):
            yield note(f"{who} was kept by {plain(by, 80)}")


def put_back(drill: Drill) -> Iterator[Finding]:
    """Demand that every injection was healed, without residue."""
    for injection in drill.injections:
        who, error = _named(injection), plain(injection.error, 300) if injection.error else ""
        if injection.healed_at_ns is None:
            yield unproven(f"{who} was not put back{': ' + error if error else ''}; run `python -m rollback stop`")
        elif error and injection.injected_at_ns is not None:
            yield unproven(f"{who} was put back, but not without an error: {error}")
        if injection.residue:
            yield unproven(f"{who} left residue: {', '.join(plain(left) for left in injection.residue)}")


def healed(drill: Drill) -> bool:
    """Tell whether every injection was put back without residue."""
    return all(i.healed_at_ns is not None and not i.residue for i in drill.injections)


def in_force(drill: Drill, at_ns: int) -> bool:
    """Tell whether the fault was still there in a drill whose stop is what brings the service back.

    Then nothing that was seen until `at_ns` speaks against the service: it was never given its recovery.
    """
    stop = drill.objective is not None and drill.objective.recovered_by == "stop"
    return stop and any(i.healed_at_ns is None or i.healed_at_ns > at_ns for i in drill.injections)


def _named(injection: Injection) -> str:
    victims = injection.plan.get("victims")
    of = f" of {', '.join(plain(v, 40) for v in victims)}" if isinstance(victims, list) and victims else ""
    return f"the {injection.fault}{of}"


def steady_state(drill: Drill) -> Iterator[Finding]:
    """Hold the experiment's own probes against it: before, during and after."""
    for activity in drill.activities:
        yield from _activity(activity, in_force=in_force(drill, activity.ended_ns or 0))
    told = {a.phase for a in drill.activities if a.tolerance_met is False}
    journal = drill.journal
    if journal is None:
        return  # its file is named among the missing ones
    if journal.before is None:
        yield unproven("the steady state was not looked at before the fault")
    elif not journal.before and "before" not in told:
        yield invalid("the steady state was not met before the fault")
    if journal.after is None and journal.before is not False:
        yield unproven("the steady state was not looked at after the method")
    elif journal.after is False and "after" not in told:
        still = in_force(drill, drill.session.ended_ns if drill.session else 0)
        yield (unproven if still else missed)("the steady state did not come back")


def _activity(activity: Activity, *, in_force: bool) -> Iterator[Finding]:
    name = plain(activity.name, 80)
    error = plain(activity.error or "no reason given", 300)
    if activity.tolerance_met is False and activity.phase in ("before", "method", "after"):
        saw = f"failed: {error}" if activity.status == "failed" else f"saw {plain(activity.output)}"
        when = {"before": "before the fault", "method": "during the drill", "after": "after the recovery"}
        excused = in_force and activity.phase == "after"  # what the method looks at is to hold there and then
        doubt = invalid if activity.phase == "before" else unproven if excused else missed
        yield doubt(f"not as it should be {when[activity.phase]}: the probe {name!r} {saw}")
    elif activity.status != "succeeded" and activity.phase != "rollbacks":  # injections say how the undo went
        yield unproven(f"the {activity.kind} {name!r} {activity.status}: {error}")


def session(drill: Drill) -> Iterator[Finding]:
    """Pass on what the harness said in the end."""
    if drill.session is not None and drill.session.error == INTERRUPTED:
        yield invalid(INTERRUPTED)  # the system was not given its time: even an outage proves nothing
    elif drill.session is not None and (drill.session.error or "").startswith(ENDED):
        yield invalid(plain(drill.session.error, 300))  # neither was this one
    elif by := next((i.healed_by for i in drill.injections if (i.healed_by or "").startswith(BY_HAND)), None):
        yield invalid(f"stopped {plain(by, 300)}")
    elif drill.session is not None and drill.session.error:
        yield unproven(f"the drill was not played to its end: {plain(drill.session.error, 300)}")


def records(drill: Drill) -> Iterator[Finding]:
    """Name the records that are missing or torn, as far as this drill needs them."""
    objective = drill.objective
    names = (*objective.streams, *objective.spares, *objective.ledgers) if objective else ()
    seen = {"samples.jsonl", "writes.jsonl"} if all(name in drill.tracks for name in names) else set()
    seen |= set() if objective and objective.ledgers else {"final_read.json"}
    for name, says in drill.problems.items():
        if not (name in seen and says == f"{name} is missing"):
            yield unproven(says)
    yield from (unproven(f"{name} was cut off in its last line") for name in sorted(drill.torn))
    if not drill.activities and not {"activities.jsonl"} & {*drill.problems, *drill.torn}:
        yield unproven("activities.jsonl is empty")


def watched(drill: Drill, objective: Objective, hit: Fault) -> Iterator[Finding]:
    """Demand a client that was punctual, saw the service well before the fault, and stayed until the end."""
    if drill.clock:
        yield note(f"watched from beside the services, by a clock known to within {drill.clock.bound_ns / MS:.1f} ms")
    names = dict.fromkeys(objective.streams + objective.spares + objective.ledgers)
    for name in names:
        tracks = drill.tracks.get(name, ())
        if not tracks:
            yield unproven(f"{name} was not watched: no request of it is on record")
        for track in tracks:
            yield from _watched(drill, track, objective, hit)


def _watched(drill: Drill, track: tuple[Request, ...], objective: Objective, hit: Fault) -> Iterator[Finding]:
    name, interval, window = track[0].stream, int(objective.interval_s * NS), int(objective.window_s * NS)
    since = hit.began_ns - window
    # the client gives a request up that is later than its timeout, and records it as failed
    late = min(window, max(interval, int(objective.timeout_s * NS)))
    for says in outages.stalls(track, since_ns=since, lag_ns=late, gap_ns=window):
        yield invalid(says)
    # the client calls a window whole when its next request is due: it may strike up to one interval before that
    if track[0].intended_ns > since + interval:
        yield invalid(f"{name} was not watched for a whole window before the fault")
    for outage in outages.outages(track, interval_ns=interval, window_ns=window):
        before = outage.first_done_ns < hit.struck_ns
        if before and (outage.end_ns is None or outage.end_ns > since):
            yield invalid(f"{name} was failing before the fault: {plain(outage.error or 'no reason given')}")
    left = (_last_event(drill, hit) - track[-1].intended_ns) / NS
    if left > objective.window_s:
        yield unproven(f"the client stopped watching {name} {left:.2f} s before the drill ended")


def _last_event(drill: Drill, hit: Fault) -> int:
    """When the watch was still needed: a window after the fault, the last activity, the last heal."""
    ended = [a.ended_ns for a in drill.activities if a.ended_ns is not None]
    return max(hit.t0_ns, *(i.healed_at_ns or 0 for i in drill.injections), *ended)
