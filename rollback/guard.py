"""The door: the only way anything is hurt.

refuse -> plan -> record on disk -> inject -> look whether it bit.  No record, no fault; no live watchdog, no fault;
a fault that never bit is an error, not a success.  Whatever goes wrong, the record stays open for the stop.
"""

import contextlib
import inspect
import time
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from experiments import faults
from rollback import arming, journal, lock, marks
from rollback import stop as stopping
from rollback.arming import Permit
from rollback.journal import Injection
from rollback.session import Overtaken, Session, StoppedByHand
from rollback.watchdog import Watchdog
from targets import blow, places
from targets.abilities import Witnessed
from targets.clustered import Expiring, Spread, Taken
from targets.target import BadInput, DrillyardError, Target

__all__ = ["NeverBit", "Overtaken", "Refused", "Session", "StoppedByHand", "inject", "plan", "refusals", "shut"]

EXPIRES_AFTER_S = 300.0
UNDONE_WITHIN_S = 120.0  # a lease outlasts what is hurt under it
OF_THE_DOOR = ("expires_after_s", "prepares")  # parameters of any injection, not of its fault

_shut: list[str] = []


class Refused(DrillyardError):
    """The door did not open; the text begins with `not injecting: `."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("not injecting: " + "; ".join(reasons))


class NeverBit(DrillyardError):
    """The fault was injected and is not there: a drill without harm proves nothing."""


def shut(*why: str) -> None:
    """Let nothing through from now on, for this reason; without one, open again."""
    _shut[:] = why


def plan(target: Target, fault: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Decide whom a fault would hurt; reads only. BadInput names a fault or a parameter that does not exist."""
    module = faults.load(fault)
    signature = inspect.signature(module.plan)
    params = {key: value for key, value in params.items() if key not in OF_THE_DOOR}
    try:
        signature.bind(target, **params)
    except TypeError as error:
        known = ", ".join(list(signature.parameters)[1:])
        raise BadInput(f"fault {fault!r}: {error}; it takes {known}") from error
    planned = module.plan(target, **params)
    if not planned["victims"]:
        raise BadInput(f"fault {fault!r} with {dict(params)} finds nothing to hurt on {target.address}")
    return planned


def inject(
    session: Session,
    target: Target,
    fault: str,
    *,
    expires_after_s: float = EXPIRES_AFTER_S,
    prepares: bool = False,
    **params: Any,
) -> Injection:
    """Hurt the target, or raise with nobody hurt (Refused, BadInput) or with an open record (everything else).

    `prepares`: it is not the blow but sets the stage for it, so RTO and RPO are not measured from it.
    """
    if _shut:
        raise Refused(*_shut)
    with session.lock:
        _have_alone(session, target.address)
        planned = plan(target, fault, params)
        if reasons := [
            *_stopped(session, fault),
            *refusals(session.permit, session.severity, target, planned, params, unhealed=session.unhealed),
        ]:
            raise Refused(*reasons)
        _announced(session, target, planned, expires_after_s)
        _watched(session)
        record = _recorded(session, target, fault, planned, expires_after_s, prepares=prepares)
        session.in_force[record.id] = fault
        _watched(session).poke()
        struck = _strike(target, record)
        if stopped := _stopped(session, fault):  # meanwhile: that stop may have healed what was not there yet
            stopping.stop(by=f"{marks.BY_HAND}, while it was injected", mine=lambda each: each.id == record.id).check()
            raise Refused(*stopped)
        if struck.heal_started_ns:
            raise DrillyardError(f"{fault} was stopped while it was being injected ({struck.healed_by})")
        return struck


def _have_alone(session: Session, address: str) -> None:
    try:
        session.hold(address)
    except (lock.Busy, StoppedByHand) as reason:
        raise Refused(str(reason)) from reason


def _announced(session: Session, target: Target, planned: Mapping[str, Any], expires_after_s: float) -> None:
    """Say in a shared target who hurts it, and until when. Refused while a drill of another machine is at it."""
    try:
        session.lease(target, expires_after_s + UNDONE_WITHIN_S)
    except Taken as held:
        raise Refused(str(held)) from held
    if isinstance(target, Expiring):
        target.expire(datetime.now(UTC) + timedelta(seconds=expires_after_s))
    if isinstance(target, Witnessed):
        target.foresee([faults.rule(words) for words in planned.get("cuts", ())])


def _recorded(
    session: Session,
    target: Target,
    fault: str,
    planned: Mapping[str, Any],
    expires_after_s: float,
    *,
    prepares: bool,
) -> Injection:
    """Write the record down. Refused when that cannot be, or when somebody stopped before it was there to be seen."""
    now = time.monotonic_ns()
    record = Injection(
        id=journal.new_id(session.drill),
        drill=session.drill,
        fault=fault,
        target=target.address,
        plan=planned,
        owner=session.owner,
        folder=str(session.folder) if session.folder else None,
        planned_at_ns=now,
        inject_started_ns=now,
        expires_at_ns=now + int(expires_after_s * 1e9),
        prepares=prepares,
    )
    try:
        journal.write(record)
    except OSError as error:
        raise Refused(f"its record cannot be written ({error}); free or repair {places.state_folder()}") from error
    if stopped := _stopped(session, fault):
        journal.withdraw(record)
        raise Refused(*stopped)
    return record


def _stopped(session: Session, fault: str) -> list[str]:
    why = marks.since(session.born_ns, fault)
    return [f"stopped {why}; begin anew when that is over"] if why else []


def _strike(target: Target, record: Injection) -> Injection:
    try:
        bite, moments = _bite(target, record)
    except BaseException as error:  # an interruption too: the stop has to know that nothing more comes
        why = str(error) if isinstance(error, DrillyardError) else f"{type(error).__name__}: {error}"
        seen = False if isinstance(error, NeverBit) else None
        with contextlib.suppress(OSError):
            journal.stamp(record, inject_failed_ns=time.monotonic_ns(), bite=seen, error=why)
        raise
    note = None if bite else "it bit, and had ended by itself when it was looked at"
    try:
        return journal.stamp(record, **moments, bite=bite, bite_note=note)
    except OSError as full:
        raise DrillyardError(f"{record.fault} is in force, and its record cannot say so ({full})") from full


def _bite(target: Target, record: Injection) -> tuple[bool | None, dict[str, int]]:
    """Inject, and look whether it hurts; gives the moments of the blow, too: looking takes its time."""
    fault = faults.load(record.fault)
    first_ns, last_ns = blow.timed(lambda: fault.inject(target, record.plan))
    bite = fault.active(target, record.plan)
    if bite is False:
        who = f"{record.fault} of {', '.join(record.plan['victims'])}"
        raise NeverBit(f"{who} was injected and does not hurt: the drill would prove nothing")
    return bite, {"hurts_from_ns": first_ns, "injected_at_ns": last_ns}


def refusals(
    permit: Permit,
    severity: str,
    target: Target,
    planned: Mapping[str, Any],
    params: Mapping[str, Any],
    *,
    unhealed: Collection[str] = (),
) -> list[str]:
    """List every reason for which the door would not open for this plan at this moment; reads only.

    `unhealed`: ids of injections that could not be put back, if their records do not say so: a disk may be full.
    """
    components = _components(params)
    reasons = arming.refusals(
        permit,
        target=target.address,
        disposable=target.disposable,
        components=components,
        planned=planned,
        nodes=_nodes(target, components) if permit.max_percent is not None else {},
        namespaces=target.namespaces(components) if isinstance(target, Spread) else (),
        severity=severity,
        now=datetime.now(UTC),
    )
    records, unreadable = journal.open_records()
    left = [r for r in records if r.broken or r.id in unhealed or (r.target == target.address and _abandoned(r))]
    reasons += _forbidden(target, components)
    return [*reasons, *unreadable, *map(_left, left)]


def _abandoned(record: Injection) -> bool:
    """Tell whether it is of no drill under way: its heal or its inject failed, or its owner died."""
    return bool(record.heal_started_ns or record.inject_failed_ns or not record.owner.alive())


def _left(record: Injection) -> str:
    return (
        f"injection {record.id} on {record.target} was not put back ({record.error or 'its owner died'}); run `python "
        "-m rollback stop`, which says how to do it by hand where it cannot"
    )


def _watched(session: Session) -> Watchdog:
    if session.watchdog is None or not session.watchdog.alive():
        raise Refused("no watchdog is alive to put it back if this process dies; start the session again")
    return session.watchdog


def _forbidden(target: Target, components: Collection[str]) -> list[str]:
    said = target.forbidden(components) if isinstance(target, Spread) else ""
    return [f"{target.address} {said}"] if said else []


def _nodes(target: Target, components: Collection[str]) -> dict[str, list[str]]:
    return {name: [node.name for node in target.nodes(name)] for name in components}


def _components(params: Mapping[str, Any]) -> list[str]:
    named = [params[key] for key in ("component", "source", "destination") if key in params]
    return [name for each in named for name in ([each] if isinstance(each, str) else each)]
