"""Workloads of a cluster of your own: `kubernetes:CONTEXT`, with the components' selectors in the system's TOML."""

import os
from collections.abc import Sequence

from targets import systems, where
from targets.pods import sweep as sweeping
from targets.pods import workloads
from targets.pods.cluster import connected
from targets.pods.target import KubernetesTarget
from targets.pods.workloads import Selection
from targets.target import BadInput

SCHEME = "kubernetes"
KIND = "kind-"  # how the contexts begin that kind makes


def attach(address: str) -> KubernetesTarget:
    """Open the workloads of $DRILLYARD_SYSTEM on a named context. BadInput: no such context, or nothing selected."""
    context, system = _context(address), os.environ.get(where.SYSTEM, "lab")
    if lab := _lab(context, address, system):
        return lab
    found = selections(system)
    target = KubernetesTarget(connected(context), address, found)
    erased = target.erased()
    for name, pods in target.everywhere().items():  # named now, before anything is hurt
        if not pods and not workloads.owners(target.cluster, found[name]) and found[name].namespace not in erased:
            raise BadInput(
                f"context {context}: no pod and no workload in namespace {found[name].namespace} has "
                f"{found[name].select!r}, which is to be component {name!r}"
            )
    return target


def attach_lab(address: str, system: str) -> KubernetesTarget:
    """Open the lab that stands in a kind cluster. BadInput: there is none, or the system says where its pods are."""
    if lab := _lab(_context(address), address, system):
        return lab
    raise BadInput(f"--target {address}: no lab stands there, or --system {system} says itself where its pods are")


def _lab(context: str, address: str, system: str) -> KubernetesTarget | None:
    """Open the lab that stands in a kind cluster, for a system that does not say where its pods are.

    Like anybody's workloads there it has to be armed.  BadInput when there are several.
    """
    if any(each.select for each in systems.load(system).components.values()) or not context.startswith(KIND):
        return None
    from targets.pods import kindlab, lab  # noqa: PLC0415  the Docker engine's client, which other clusters need not have

    cluster = connected(context)
    there = lab.of(cluster)
    if len(there) > 1:
        raise BadInput(f"context {context} has several labs: name one, --target {' or '.join(_labs(context, there))}")
    if not there:
        return None
    target = kindlab.KindTarget(context.removeprefix(KIND), cluster, there[0])
    target.address, target.disposable = address, False
    return target


def _labs(context: str, namespaces: Sequence[str]) -> list[str]:
    return [f"kind:{context.removeprefix(KIND)}/{each}" for each in namespaces]


def selections(named: str) -> dict[str, Selection]:
    """Read from a system's file where the pods of its components are. BadInput when it says so of none."""
    found = {
        name: Selection(
            namespace=each.namespace,
            select=each.select,
            url=each.url,
            inside=each.inside,
            role_label=each.role_label,
        )
        for name, each in systems.load(named).components.items()
        if each.select
    }
    if not found:
        raise BadInput(
            f'--system {named}: no component says where its pods are; give it `select = "app=NAME"`, and `namespace`'
        )
    return found


def sweep(address: str) -> tuple[str, ...]:
    """Put back everything of ours in the cluster, by its labels alone; names what was there."""
    return sweeping.sweep(connected(_context(address)))


def _context(address: str) -> str:
    scheme, _, context = address.partition(":")
    if scheme != SCHEME or not context:
        raise BadInput(
            f"--target {address}: a cluster is named kubernetes:CONTEXT; `kubectl config get-contexts` shows them"
        )
    return context


def create(**_: object) -> KubernetesTarget:
    """Refuse: somebody else's cluster is attached to."""
    raise BadInput("--target kubernetes: name the context: kubernetes:CONTEXT; for a lab of its own use --target kind")
