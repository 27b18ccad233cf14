"""Runbook for a deleted namespace: backed up before by Velero, restored from that once it is found to be gone."""

import time
from functools import partial
from typing import Any

from targets import where
from targets.clustered import Housed, Spread
from targets.target import Unable
from targets.waiting import until

KEPT_S = 3600.0
POLL_S = 0.2


def back_up(component: str, kept_s: float = KEPT_S) -> dict[str, str]:
    """Back up the namespace of a component; Velero removes that after `kept_s` seconds.

    Gives the backup's name by namespace. Unable without Velero, TargetError when it fails.
    """
    housed, namespaces = _those_of(component)
    return {each: housed.back_up(each, kept_s) for each in namespaces}


def restore(component: str, detect_within_s: float = 30.0) -> dict[str, Any]:
    """Wait until the namespace of a component is gone, then restore it from the newest backup there is.

    Returns the backups' names, and moments; once its workloads have all pods.  TargetError when it is there still, when
    there is no backup, or when restoring fails.
    """
    housed, namespaces = _those_of(component)
    for each in namespaces:
        until(partial(_is_gone, housed, each), detect_within_s, f"namespace {each} to be gone", POLL_S)
    detected_ns = time.monotonic_ns()
    backups = {each: housed.restore(each) for each in namespaces}
    return {"backups": backups, "detected_ns": detected_ns, "recovery_started_ns": detected_ns}


def _is_gone(housed: Housed, namespace: str) -> bool:
    return housed.standing(namespace) is None


def _those_of(component: str) -> tuple[Housed, list[str]]:
    target = where.target()
    if not isinstance(target, Housed) or not isinstance(target, Spread):
        raise Unable(f"target {target.address} has no namespaces to back up")
    return target, sorted(target.namespaces([component]))
