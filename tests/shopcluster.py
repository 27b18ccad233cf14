"""The shop on a real cluster: opened there, described to Drillyard, closed."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import yaml
from kubernetes import utils

from targets import where
from targets.boxes import image, marked
from targets.pods import clusters, workloads
from targets.pods import lab as lab_there
from targets.pods.cluster import Cluster
from targets.pods.workloads import Selection
from targets.waiting import until

SHOP = Path(__file__).parent / "shop"
LONG_S = 120.0
NAMESPACE = "shop"
WHERE = {
    "web": Selection(namespace=NAMESPACE, select="app=web"),
    "db": Selection(namespace=NAMESPACE, select="app=db", role_label="role"),
}


@contextmanager
def opened() -> Iterator[tuple[Cluster, str]]:
    """Have a cluster with the shop on it, and its image; a cluster is made when none is named."""
    own = os.environ.get(where.KIND_CLUSTER)
    name = own or marked.new()
    if not own:
        clusters.create(name)
    built = image.find(None, print)
    clusters.load(name, built)
    there = clusters.find(name)
    try:
        _open(there, built)
        yield there, built
    finally:
        if own:
            lab_there.remove(there, NAMESPACE, LONG_S)
        else:
            clusters.delete(name)


def _open(there: Cluster, built: str) -> None:
    there.core.create_namespace({"metadata": {"name": NAMESPACE}})
    files = {name: (SHOP / name).read_text() for name in ("db.sh", "web.py")}
    there.core.create_namespaced_config_map(NAMESPACE, {"metadata": {"name": "shop"}, "data": files})
    text = (SHOP / "shop.k8s.yaml").read_text().replace("SHOP_IMAGE", built)
    with closing(there.client()) as own:
        for document in yaml.safe_load_all(text):
            utils.create_from_dict(own, document, namespace=NAMESPACE)
    until(lambda: serves(there), LONG_S, "the shop to open", 0.5)


def serves(there: Cluster) -> bool:
    """Tell whether all its pods are ready."""
    pods = [pod for found in workloads.of(there, WHERE).values() for pod in found]
    return len(pods) == 3 and all(pod.ready for pod in pods)


def system(cluster: Cluster) -> str:
    """Write the shop's TOML as somebody would who has it on a cluster."""
    name = cluster.context.removeprefix("kind-")
    host = clusters.address(name)
    text = (SHOP / "shop.toml").read_text().replace('compose = "docker-compose.yml"\n', "")
    for component, url, more in (
        ("web", f"http://{host}:30780", ""),
        ("db", f"postgresql://clerk:abacus@{host}:30790/stock", 'role_label = "role"\n'),
    ):
        known = f'select = "app={component}"\nnamespace = "{NAMESPACE}"\nurl = "{url}"\n{more}'
        text = text.replace(f"[components.{component}]\n", f"[components.{component}]\n{known}")
    return text
