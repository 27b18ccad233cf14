"""Commands inside pods, and what pods answer, through the API server."""

import json
from collections.abc import Sequence
from contextlib import closing

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream
from kubernetes.stream.ws_client import ERROR_CHANNEL
from urllib3.exceptions import HTTPError

from targets.pods.cluster import Cluster
from targets.pods.workloads import Pod
from targets.target import TargetError, VictimGone

Said = tuple[int, str, str]  # exit code, output, errors
NO_CONTAINER = "container not found"  # a kubelet's word for one that has ended
FETCHED_WITHIN_S = (2.0, 2.0)  # to connect, and for an answer


def inside(cluster: Cluster, pod: Pod, argv: Sequence[str], *, timeout: float) -> Said:
    """Run a command in a pod's first container. TargetError when it does not run, or not to its end in time.

    VictimGone when it has ended, and that is not known yet.
    """
    about = f"{pod.namespace}/{pod.name}"
    if not pod.incarnation:
        raise TargetError(f"context {cluster.context}: {about} does not run")
    # a client of its own: while a stream is opened, it can do nothing else
    with closing(cluster.client()) as own, cluster.asked(about):
        api = client.CoreV1Api(own)
        said = stream(
            api.connect_get_namespaced_pod_exec,
            pod.name,
            pod.namespace,
            command=list(argv),
            container=pod.container,
            stderr=True,
            stdin=False,
            stdout=True,
            tty=False,
            _preload_content=False,
        )
        try:
            said.run_forever(timeout=timeout)
            out, err, status = said.read_stdout(), said.read_stderr(), said.read_channel(ERROR_CHANNEL)
        finally:
            said.sock.shutdown()  # its own close waits for a word of the server's, and forgets a connection that broke
    if not status:
        raise TargetError(f"context {cluster.context}: {about}: {argv[0]} did not end within {timeout:.0f} s")
    return _code(json.loads(status)), out or "", err or ""


def fetched(cluster: Cluster, pod: Pod, path: str) -> tuple[int, bytes]:
    """Ask a pod at its first port: status code and body. TargetError when it takes no connections."""
    if not pod.port:
        raise TargetError(f"{pod.name}: its first container says of no port that it listens there")
    try:
        said = cluster.core.connect_get_namespaced_pod_proxy_with_path(
            f"{pod.name}:{pod.port}",
            pod.namespace,
            path.lstrip("/"),
            _preload_content=False,
            _request_timeout=FETCHED_WITHIN_S,  # the API server waits long for a pod that has just died
        )
    except ApiException as error:
        return int(error.status or 0), str(error.body or "").encode()
    except (HTTPError, OSError) as error:
        raise TargetError(f"{pod.name}: no answer to GET {path} ({error})") from error
    return int(said.status), bytes(said.data)


def _code(status: dict[str, object]) -> int:
    if status.get("status") == "Success":
        return 0
    details = status.get("details")
    causes = details.get("causes", []) if isinstance(details, dict) else []
    codes = [each["message"] for each in causes if each.get("reason") == "ExitCode"]
    if not codes:
        said = str(status.get("message"))
        raise (VictimGone if NO_CONTAINER in said else TargetError)(said)
    return int(codes[0])
