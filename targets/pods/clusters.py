"""Clusters made by `kind`: created, found, and taken away; each node is a container of the Docker engine."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml
from docker.errors import DockerException, NotFound

from targets import places
from targets.boxes import engine, marked
from targets.pods import refusals, rights
from targets.pods.cluster import Cluster, connected
from targets.pods.workloads import ZONE
from targets.target import BadInput, TargetError, TargetGone

IMAGE = "DRILLYARD_KIND_IMAGE"  # of the nodes, where kind's own cannot be pulled
ZONES = ("zone-a", "zone-b")  # of the workers
ITS_ZONE = "zone-c"  # of the control plane: in two zones a lost one may take a primary and the standby that confirmed
TRUSTED = "drillyard-kubelets"
CREATED_WITHIN_S, DELETED_WITHIN_S = 300.0, 60.0


def check() -> None:
    """Raise BadInput when there is no kind here."""
    if shutil.which("kind") is None:
        raise BadInput("there is no `kind` command on PATH; install kind, which makes clusters of Docker containers")


def create(name: str) -> None:
    """Make a cluster of three nodes in three zones: two workers, and a control plane that works, too."""
    image = os.environ.get(IMAGE)
    words = [
        "create",
        "cluster",
        "--name",
        name,
        "--config",
        "-",
        "--kubeconfig",
        str(kubeconfig(name)),
        "--wait",
        "2m",
    ]
    _kind(*words, *(["--image", image] if image else []), text=yaml.safe_dump(_config()), within_s=CREATED_WITHIN_S)
    cluster, host = find(name), f"{name}-control-plane"
    with cluster.asked(f"node {host}"):
        cluster.core.patch_node(host, {"metadata": {"labels": {ZONE: ITS_ZONE}}, "spec": {"taints": None}})
    _trust_kubelets(cluster)
    refusals.by_reset([host, f"{name}-worker", f"{name}-worker2"])


def _trust_kubelets(cluster: Cluster) -> None:
    """Let kubelets read what pods need without a look at whether these are theirs.

    The API server knows that a moment later than the kubelet.  One that asks for a new pod's claim in between is told
    that it may not, and asks again after ten seconds and more (seen on two cores, in two of two lost labs).
    """
    body = {
        "apiVersion": f"{rights.GROUP}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": TRUSTED},
        "roleRef": {"apiGroup": rights.GROUP, "kind": "ClusterRole", "name": "system:node"},
        "subjects": [{"apiGroup": rights.GROUP, "kind": "Group", "name": "system:nodes"}],
    }
    with cluster.asked(TRUSTED):
        cluster.plain("post", f"/apis/{rights.GROUP}/v1/clusterrolebindings", body)


def delete(name: str) -> None:
    """Take a cluster away, and the file that leads to it; again is the same as once."""
    _kind("delete", "cluster", "--name", name, "--kubeconfig", str(kubeconfig(name)), within_s=DELETED_WITHIN_S)
    for left in (kubeconfig(name), Path(f"{kubeconfig(name)}.lock")):
        left.unlink(missing_ok=True)


def names() -> tuple[str, ...]:
    """List the clusters of this engine; none without kind."""
    if shutil.which("kind") is None:
        return ()
    return tuple(line for line in _kind("get", "clusters").splitlines() if line and " " not in line)


def ours() -> tuple[str, ...]:
    """List those that were made here."""
    return tuple(name for name in names() if marked.is_ours(name))


def find(name: str) -> Cluster:
    """Give a cluster's API server. TargetGone when kind has no such cluster."""
    file = kubeconfig(name)
    if not file.exists():
        if name not in names():
            raise TargetGone(f"kind:{name}: there is no such cluster; `kind get clusters` shows them")
        _kind("export", "kubeconfig", "--name", name, "--kubeconfig", str(file))
    return connected(f"kind-{name}", file)


def load(name: str, image: str) -> None:
    """Bring an image of the Docker engine to the cluster's nodes."""
    folder = Path(tempfile.gettempdir(), marked.new())  # kind leaves what it has unpacked when it is killed
    folder.mkdir(mode=0o700)
    try:
        _kind("load", "docker-image", image, "--name", name, within_s=CREATED_WITHIN_S, tmp=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def clear_up() -> None:
    """Take away what processes of this machine unpacked to load it, and died."""
    for left in Path(tempfile.gettempdir()).glob("drillyard-*"):
        if marked.is_abandoned(left.name):
            shutil.rmtree(left, ignore_errors=True)


def address(name: str) -> str:
    """Give the control plane's address on the engine's network, which the engine's own machine reaches."""
    try:
        box = engine.client().containers.get(f"{name}-control-plane")
    except NotFound as error:
        raise TargetGone(f"kind:{name}: its control plane's container is not there") from error
    except (DockerException, OSError) as error:
        raise engine.failed(error, f"kind:{name}") from error
    found: dict[str, Any] = next(iter(box.attrs["NetworkSettings"]["Networks"].values()))
    return str(found["IPAddress"])


def kubeconfig(name: str) -> Path:
    """Say where the file lies that leads to a cluster: nobody else's kubeconfig is touched."""
    folder = places.state_dir() / "kind"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / name


def _config() -> dict[str, Any]:
    workers = [{"role": "worker", "labels": {ZONE: zone}} for zone in ZONES]
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "networking": {"serviceSubnet": refusals.SERVICES},
        "nodes": [{"role": "control-plane"}, *workers],
    }


def _kind(*words: str, text: str = "", within_s: float = 60.0, tmp: Path | None = None) -> str:
    """Run kind; TargetError with its own last words when it fails."""
    try:
        ran = subprocess.run(
            [shutil.which("kind") or "kind", *words],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=within_s,
            env={**os.environ, "TMPDIR": str(tmp)} if tmp else None,
        )
    except subprocess.TimeoutExpired as error:
        raise TargetError(f"kind {' '.join(words[:2])} did not end within {within_s:.0f} s") from error
    if ran.returncode:
        raise TargetError(f"kind {' '.join(words[:2])}: {ran.stderr.strip()[-800:]}")
    return ran.stdout
