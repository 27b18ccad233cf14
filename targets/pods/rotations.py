"""Secrets with other values than those who use them know: what runs goes on with the old ones, what starts has the new.

The old ones lie in another Secret beside it meanwhile, whose name anybody can find.
"""

import base64
import json
import secrets
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from targets.pods import expiry, rights
from targets.pods.cluster import Cluster, Conflict, Forbidden
from targets.pods.estates import Estates
from targets.pods.policies import MANAGED, OURS
from targets.pods.workloads import MERGE
from targets.target import BadInput, TargetGone, Unable

ROTATED = f"{OURS}/rotated"  # a label of the Secret that keeps the old values
OF = f"{OURS}/of"  # an annotation of it: the other's name
Values = Mapping[str, str]  # base64, as Secrets have them


class Rotations(Estates):
    """The Secrets beside the nodes."""

    def rotatable(self, component: str, secret: str, keys: Collection[str]) -> str:
        """Name the namespace. BadInput: no such Secret, or key in it; Unable: it cannot be changed, or we may not."""
        (namespace,) = self.namespaces([component])
        self.permitted([namespace], rights.ROTATE)
        found = _read(self.cluster, namespace, secret)
        if found is None:
            raise BadInput(
                f"namespace {namespace} has no Secret {secret!r}; `kubectl get secrets` shows those there are"
            )
        if lacks := sorted(set(keys) - set(found["data"])):
            known = ", ".join(sorted(found["data"]))
            raise BadInput(f"namespace {namespace}: Secret {secret} has no {', '.join(lacks)}; it has {known}")
        if _read(self.cluster, namespace, _place(secret)):
            raise Unable(
                f"namespace {namespace}: Secret {secret} has values of ours already; `rollback stop` ends that"
            )
        if found.get("immutable"):
            raise Unable(f"namespace {namespace}: Secret {secret} is immutable")
        return namespace

    def rotate(self, namespace: str, secret: str, keys: Collection[str]) -> None:
        """Give these keys other values, all without any named, once the old ones are kept; again is as once."""
        rotate(self.cluster, namespace, secret, keys, self.expires_at)

    def rotate_back(self, namespace: str, secret: str) -> None:
        """Give them their old ones; nothing to do when they have them."""
        rotate_back(self.cluster, namespace, secret)

    def rotated(self) -> frozenset[str]:
        """Name the Secrets that have values of ours: "NAMESPACE/NAME"."""
        found: list[tuple[str, str]] = []
        for namespace in self._namespaces():
            with suppress(Forbidden):  # who may not look has not rotated any
                found += kept(self.cluster, namespace)
        return frozenset(f"{namespace}/{secret}" for namespace, secret in found)


def rotate(cluster: Cluster, namespace: str, secret: str, keys: Collection[str], expires: datetime | None) -> None:
    """Keep the old values, then put others of the same length in their place."""
    found = _read(cluster, namespace, secret)
    if found is None:
        raise TargetGone(f"context {cluster.context}: {namespace}: there is no Secret {secret} any more")
    old = {key: value for key, value in found["data"].items() if not keys or key in keys}
    labels = {MANAGED: OURS, ROTATED: "true", "chaos-type": "rotate"}
    said = {OF: secret, **(expiry.said(expires) if expires else {})}
    metadata = {"name": _place(secret), "labels": labels, "annotations": said}
    try:
        with cluster.asked(f"what was in {namespace}/{secret}"):
            cluster.core.create_namespaced_secret(namespace, {"metadata": metadata, "data": old})
    except Conflict:
        kept_already = _read(cluster, namespace, _place(secret))
        if kept_already and kept_already["data"] != {key: found["data"].get(key) for key in kept_already["data"]}:
            return  # these are in force
    _write(cluster, namespace, secret, {key: _other(value) for key, value in old.items()})


def rotate_back(cluster: Cluster, namespace: str, secret: str) -> None:
    """Put the old values back, then keep them no more."""
    if old := _read(cluster, namespace, _place(secret)):
        with suppress(TargetGone):
            _write(cluster, namespace, secret, old["data"])
        with suppress(TargetGone), cluster.asked(f"what was in {namespace}/{secret}"):
            cluster.core.delete_namespaced_secret(_place(secret), namespace)


def kept(cluster: Cluster, namespace: str = "") -> tuple[tuple[str, str], ...]:
    """List the Secrets whose old values are kept, in one namespace or in all: namespace and name."""
    path = f"/api/v1/namespaces/{namespace}/secrets" if namespace else "/api/v1/secrets"
    with cluster.asked("secrets"):
        items = cluster.plain("get", f"{path}?labelSelector={ROTATED}")["items"]
    return tuple((each["metadata"]["namespace"], each["metadata"]["annotations"][OF]) for each in items)


def spelled(cluster: Cluster, namespace: str, secret: str) -> tuple[str, str]:
    """Say in kubectl's words how to put the old values back."""
    old = cluster.kubectl(namespace, f"get secret {_place(secret)} -o jsonpath='{{.data}}'")
    put = cluster.kubectl(namespace, f"patch secret {secret} --type merge -p")
    return (
        f'{put} "{{\\"data\\": $({old})}}"',
        cluster.kubectl(namespace, f"delete secret --ignore-not-found {_place(secret)}"),
    )


def _place(secret: str) -> str:
    return f"{OURS}-kept-{secret}"[:253]


def _other(value: str) -> str:
    """Make up another value of the same length, and of characters that programs expect in one."""
    length = len(base64.b64decode(value))
    return base64.b64encode(secrets.token_hex(length)[:length].encode()).decode()


def _read(cluster: Cluster, namespace: str, name: str) -> dict[str, Any] | None:
    with suppress(TargetGone), cluster.asked(f"Secret {namespace}/{name}"):
        answer = cluster.core.read_namespaced_secret(name, namespace, _preload_content=False)
        found: dict[str, Any] = json.loads(answer.data)
        return found | {"data": found.get("data") or {}}
    return None


def _write(cluster: Cluster, namespace: str, name: str, values: Values) -> None:
    with cluster.asked(f"Secret {namespace}/{name}"):
        cluster.core.patch_namespaced_secret(name, namespace, {"data": dict(values)}, _content_type=MERGE)
