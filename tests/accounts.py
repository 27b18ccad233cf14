"""Accounts of a cluster that may do what we say drills need, and nothing else."""

from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client, utils

from targets.pods import rights
from targets.pods.cluster import Cluster
from targets.target import TargetGone


@contextmanager
def made(cluster: Cluster, namespace: str, name: str, doings: Collection[str], kubeconfig: Path) -> Iterator[None]:
    """Have an account with the Roles that `targets rbac` writes for `doings`; its context has its name."""
    account = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    cluster.core.create_namespaced_service_account(namespace, {"metadata": {"name": name}})
    with closing(cluster.client()) as own:
        for role in rights.roles([namespace], doings):
            role["metadata"]["name"] = name
            kind = role["kind"]
            there = {key: role["metadata"][key] for key in ("name", "namespace") if key in role["metadata"]}
            reference = {"apiGroup": rights.GROUP, "kind": kind, "name": name}
            utils.create_from_dict(own, role)
            utils.create_from_dict(
                own,
                {
                    "apiVersion": role["apiVersion"],
                    "kind": f"{kind}Binding",
                    "metadata": there,
                    "roleRef": reference,
                    "subjects": [account],
                },
            )
        kubeconfig.write_text(yaml.safe_dump(_known(cluster, namespace, name)))
        yield
        everywhere = client.RbacAuthorizationV1Api(own)
        for takes_away in (everywhere.delete_cluster_role, everywhere.delete_cluster_role_binding):
            with suppress(TargetGone), cluster.asked(name):
                takes_away(name)


def _known(cluster: Cluster, namespace: str, name: str) -> dict[str, Any]:
    """Write a kubeconfig with one context, which has to be said."""
    token = cluster.core.create_namespaced_service_account_token(name, namespace, {"spec": {}}).status.token
    theirs: dict[str, Any] = yaml.safe_load(Path(str(cluster.kubeconfig)).read_text())
    (there,) = theirs["clusters"]
    context = {"name": name, "context": {"cluster": there["name"], "user": name}}
    return theirs | {"users": [{"name": name, "user": {"token": token}}], "contexts": [context], "current-context": ""}
