"""The door and the stop as chaostoolkit activities, inside pytest and under `chaos run` alike."""

from dataclasses import asdict
from typing import Any

from experiments import faults
from rollback import guard
from rollback.arming import Permit
from targets import where
from targets.target import DrillyardError, jsonable


class StopMethod(SystemExit):
    """chaostoolkit goes on after a failed action; this is what ends its method, and rollbacks still run."""


_current: list[guard.Session] = []


def use(session: guard.Session | None) -> None:
    """Let the activities of this process act for `session` (None: for nobody)."""
    _current[:] = [session] if session else []
    where.ask_first(session.check if session else None)


def inject(fault: str, **params: Any) -> dict[str, Any]:
    """Hurt the target in force through the door; `params` are the fault's own, `expires_after_s`, `prepares`.

    Returns the injection's record.  On any failure the method ends.
    """
    session = _session()
    try:
        record = guard.inject(session, where.target(), fault, **params)
    except DrillyardError as error:
        session.failure = error
        raise StopMethod(str(error)) from error
    return jsonable(asdict(record))


def stop(only: str | None = None) -> dict[str, Any]:
    """Put back everything that this process has hurt. StopFailed when something stays broken.

    only: a fault's name, for a method that heals one injection and leaves another in force.
    """
    if only is not None:
        faults.load(only)  # BadInput: a misspelt name would heal nothing and say nothing
    stopped = _session().stop(by="rollback", only=only)
    stopped.check()
    return {"healed": [record.id for record in stopped.healed]}


def _session() -> guard.Session:
    if not _current:  # `chaos run` from a shell: disposable targets only, and the watchdog ends the session
        use(guard.Session(permit=Permit(), drill="chaos-run").__enter__())
    return _current[0]
