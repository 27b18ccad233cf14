"""A cluster's API server, by the name of a context: never the kubeconfig's current one, and named in every message."""

import json
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from kubernetes import client, config, dynamic
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException
from urllib3.exceptions import HTTPError, MaxRetryError, SSLError

from targets.pods import credentials
from targets.target import BadInput, TargetError, TargetGone, Unreached, VictimGone

PATIENCE_S = (3.0, 20.0)  # to connect, and for an answer
INSIDE = "of this pod's own cluster"  # in the place of a context, for who runs in the cluster
PLUGIN = "argo rollouts "  # kubectl takes no flags before a plugin's name
_CURES = {
    401: "its credentials are not accepted; renew them in the kubeconfig",
    403: "it is not permitted; `kubectl auth can-i --list` shows what is",
}


class Forbidden(TargetError):
    """It is not permitted."""


class Conflict(TargetError):
    """Somebody else changed it at the same moment."""


@lru_cache(maxsize=16)
def connected(context: str, kubeconfig: Path | None = None) -> "Cluster":
    """Give the one of this process: its connections are shared, and kept."""
    return Cluster(context=context, kubeconfig=kubeconfig)


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A context, and the kubeconfig that has it (None: where kubectl looks)."""

    context: str
    kubeconfig: Path | None = None
    _made: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def client(self) -> Any:
        """Make a client of this context's own. BadInput without a kubeconfig, or such a context in it."""
        configuration = client.Configuration()
        configuration.connection_pool_maxsize = 32
        configuration.retries = False  # whoever asks tries again, and knows for how long
        try:
            if self.context == INSIDE:
                config.load_incluster_config(client_configuration=configuration)
            else:
                if "known" not in self._made:
                    self._made["known"] = credentials.read(self.kubeconfig, holder=self)
                credentials.load(configuration, self.context, self._made["known"])
        except (ConfigException, OSError) as error:
            raise BadInput(self._no_context(error)) from error
        made = client.ApiClient(configuration)
        setattr(made.rest_client, "request", partial(_patiently, made.rest_client.request))  # noqa: B010  no option for it
        return made

    @property
    def core(self) -> Any:
        """Pods, services, nodes, namespaces, volumes."""
        return self._api(client.CoreV1Api)

    @property
    def apps(self) -> Any:
        """Deployments and StatefulSets."""
        return self._api(client.AppsV1Api)

    @property
    def networking(self) -> Any:
        """NetworkPolicies."""
        return self._api(client.NetworkingV1Api)

    @property
    def rbac(self) -> Any:
        """Roles and their bindings."""
        return self._api(client.RbacAuthorizationV1Api)

    @property
    def coordination(self) -> Any:
        """Leases."""
        return self._api(client.CoordinationV1Api)

    @property
    def authorization(self) -> Any:
        """What is permitted."""
        return self._api(client.AuthorizationV1Api)

    def plain(self, method: str, path: str, body: Any = None, *, kind: str = "application/json") -> dict[str, Any]:
        """Ask for a thing of any kind by its path, as plain JSON; `kind` is that of the body."""
        if "plain" not in self._made:
            self._made["plain"] = dynamic.DynamicClient(self._client(), discoverer=_undiscovered)
        found: dict[str, Any] = self._made["plain"].request(
            method, path, body=body, content_type=kind, serializer=_as_it_is
        )
        return found

    def serves(self, version: str, resource: str) -> bool:
        """Tell whether it has things of an API that not every cluster has: "GROUP/VERSION", "things".

        Asked once, for nobody installs any in the middle of a drill; who may not see them does not have them.
        """
        if (version, resource) not in self._made:
            self._made[version, resource] = resource in self._resources(version)
        found: bool = self._made[version, resource]
        return found

    @contextmanager
    def asked(self, about: str) -> Iterator[None]:
        """Let the API's errors be the house's. TargetGone: `about` is not there; VictimGone: it is another by now."""
        try:
            yield
        except ApiException as error:
            raise self._refusal(error, about) from error
        except (HTTPError, OSError) as error:
            raise Unreached(f"context {self.context}: {about}: {_unreached(error)}") from error

    def kubectl(self, namespace: str, words: str) -> str:
        """Write a kubectl command that means this cluster, whoever types it."""
        named = f"--kubeconfig {self.kubeconfig} " if self.kubeconfig else ""
        where = f"{named}--context {self.context} -n {namespace}"
        return f"kubectl {words} {where}" if words.startswith(PLUGIN) else f"kubectl {where} {words}"

    def _api(self, kind: Any) -> Any:
        return kind(self._client())

    def _client(self) -> Any:
        """Give the one whose connections are kept, for as long as this is in use."""
        if "client" not in self._made:
            self._made["client"] = made = self.client()
            weakref.finalize(self, made.close)
        return self._made["client"]

    def _resources(self, version: str) -> set[str]:
        with suppress(TargetGone, Forbidden), self.asked(f"kinds of {version}"):
            return {each["name"] for each in self.plain("get", f"/apis/{version}")["resources"]}
        return set()

    def _refusal(self, error: ApiException, about: str) -> TargetError:
        said, reason, status = f"context {self.context}: {about}: ", _message(error), error.status
        if not status:  # no answer of the API server's: the client's own words about the way to it
            return Unreached(said + _unmet(reason))
        if status == 403 and not self._is_ready():
            return Unreached(f"{said}the API server is not ready")
        if status == 404:
            return TargetGone(f"{said}there is no such thing")
        if status == 409:
            another = "Precondition" in str(error.body)
            return VictimGone(f"{said}is another one by now") if another else Conflict(said + reason)
        kind = Forbidden if status == 403 else TargetError
        return kind(said + (f"{reason}: {_CURES[status]}" if status in _CURES else reason))

    def _is_ready(self) -> bool:
        """Tell whether the API server says so: one that has just been started permits nobody anything."""
        try:
            self.plain("get", "/readyz")
        except (ApiException, HTTPError, OSError):
            return False
        return True

    def _no_context(self, error: Exception) -> str:
        where = self.kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
        try:
            listed, _ = config.list_kube_config_contexts(str(self.kubeconfig) if self.kubeconfig else None)
        except (ConfigException, OSError):
            return f"context {self.context}: no kubeconfig can be read at {where} ({error}); set KUBECONFIG"
        known = ", ".join(each["name"] for each in listed or []) or "none"
        return f"context {self.context}: {where} does not have it; it has {known}"


def _undiscovered(_client: Any, _cache: Any) -> None:
    """Find out nothing beforehand: that leaves a file behind which others may write."""


def _as_it_is(_client: Any, answer: Any) -> Any:
    return answer


def _patiently(request: Any, *args: Any, **words: Any) -> Any:
    """Never wait for an API server for ever."""
    words["_request_timeout"] = words.get("_request_timeout") or PATIENCE_S
    return request(*args, **words)


def _message(error: ApiException) -> str:
    try:
        return str(json.loads(error.body or "")["message"])
    except (TypeError, ValueError, KeyError):
        return str(error.body or error.reason)[:300]


def _unreached(error: Exception) -> str:
    cause = error.reason if isinstance(error, MaxRetryError) and error.reason else error
    return _unmet(str(cause), refused=isinstance(cause, SSLError))


def _unmet(why: str, *, refused: bool = False) -> str:
    """Say why nobody answers; whoever ends a handshake without a word accepts no certificate, or is not there."""
    if "EOF" not in why and (refused or "SSLError" in why):
        return f"the API server's certificate, or ours, is not accepted ({why}); renew the kubeconfig"
    return f"the API server does not answer ({why})"
