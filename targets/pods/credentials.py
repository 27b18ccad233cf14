"""A kubeconfig's credentials, as files that are nowhere but in this process.

The official client writes what a kubeconfig holds itself, keys among it, into temporary files, and takes them away when
its process ends: of one that is killed they stay.  Files in memory (Linux has them) end with whoever made them.
"""

import base64
import os
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kubernetes.config import kube_config
from kubernetes.config.config_exception import ConfigException

_DATA = "-data"  # how the names of what lies in the kubeconfig itself end
_KINDS = {"clusters": "cluster", "users": "user"}


def read(kubeconfig: Path | None, holder: object) -> Any:
    """Read a kubeconfig; what lies in memory for it stays as long as `holder`. ConfigException without one."""
    found = kube_config.KubeConfigMerger(str(kubeconfig or kube_config.KUBE_CONFIG_DEFAULT_LOCATION)).config
    if found is None:
        raise ConfigException("there is no kubeconfig")
    for said in _entries(found.value):
        _into_memory(said, holder)
    return found


def load(configuration: Any, context: str, known: Any) -> None:
    """Set a client's configuration to a context of what was read. ConfigException when it does not have that."""
    loader = kube_config.KubeConfigLoader(config_dict=known, active_context=context, config_base_path=None)
    loader.load_and_set(configuration)


def _entries(known: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for kind, name in _KINDS.items():
        for each in known.get(kind) or ():
            if said := each.value.get(name):
                yield said


def _into_memory(said: dict[str, Any], holder: object) -> None:
    """Have what is said as data be said as a file; where there are none in memory it stays as it is."""
    if not hasattr(os, "memfd_create"):
        return
    for key in [each for each in said if each.startswith(("client-", "certificate-")) and each.endswith(_DATA)]:
        descriptor = os.memfd_create(key)
        weakref.finalize(holder, os.close, descriptor)
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(base64.b64decode(said.pop(key)))
        said[key.removesuffix(_DATA)] = f"/proc/self/fd/{descriptor}"
