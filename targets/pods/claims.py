"""The volumes that are a pod's own: those its StatefulSet claims for it, which can be lost with all that is on them.

What becomes of a volume without its claim says its reclaim policy: usually it is deleted, for good.
"""

import json
from collections.abc import Iterable
from contextlib import suppress

from targets.pods.cluster import Cluster
from targets.pods.workloads import MERGE, Pod
from targets.target import TargetGone, Unable

LOST = "drillyard/lost"  # an annotation of a pod that is held down: its data is gone
OWNER = "StatefulSet/"


def of(cluster: Cluster, pod: Pod) -> tuple[str, ...]:
    """Name the claims that are this pod's own. Unable when it has none: others' would be lost, or nothing."""
    name = pod.owner.removeprefix(OWNER)
    if name == pod.owner:
        raise Unable(f"context {cluster.context}: {pod.namespace}/{pod.name} is no StatefulSet's: it has no volume")
    with cluster.asked(f"statefulset {pod.namespace}/{name}"):
        answer = cluster.apps.read_namespaced_stateful_set(name, pod.namespace, _preload_content=False)
    templates = json.loads(answer.data)["spec"].get("volumeClaimTemplates", [])
    if not templates:
        raise Unable(f"context {cluster.context}: {pod.namespace}/{pod.name} has no volume of its own")
    return tuple(f"{each['metadata']['name']}-{pod.name}" for each in templates)


def mark(cluster: Cluster, pod: Pod) -> None:
    """Have a pod say that its data is gone, from before it is."""
    with cluster.asked(f"{pod.namespace}/{pod.name}"):
        said = {"metadata": {"annotations": {LOST: "true"}}}
        cluster.core.patch_namespaced_pod(pod.name, pod.namespace, said, _content_type=MERGE)


def lose(cluster: Cluster, pod: Pod, claims: Iterable[str]) -> None:
    """Delete them: they go with the pod, and whoever starts it again claims others."""
    mark(cluster, pod)
    for each in claims:
        with suppress(TargetGone), cluster.asked(f"claim {pod.namespace}/{each}"):
            cluster.core.delete_namespaced_persistent_volume_claim(each, pod.namespace, _preload_content=False)
