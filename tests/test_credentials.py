"""A kubeconfig's credentials: found where it says, and in memory where it holds them itself."""

import base64
import gc
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client

from targets.pods import credentials
from targets.pods.cluster import Cluster
from targets.target import TargetError
from tests.test_clusters import context

KEY = b"-----BEGIN PRIVATE KEY-----\nnot one\n"


class Holder:
    """Has what was read for as long as it lives."""


def known(tmp_path: Path) -> Path:
    """Write a kubeconfig that names one file, from where it lies, and holds the others itself."""
    said = context("here", "https://127.0.0.1:9")
    said["clusters"][0]["cluster"]["certificate-authority"] = "authority.crt"
    user: dict[str, Any] = {"client-certificate-data": "Y2VydGlmaWNhdGU=", "client-key-data": base64.b64encode(KEY)}
    said["users"][0]["user"] = user | {"client-key-data": user["client-key-data"].decode()}
    (tmp_path / "authority.crt").write_text("authority")
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump(said))
    return file


def test_what_it_holds_is_on_no_disk_and_what_it_names_is_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, elsewhere, temporary = known(tmp_path), tmp_path / "elsewhere", tmp_path / "tmp"
    elsewhere.mkdir()
    temporary.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    holder: Any = Holder()
    configuration: Any = client.Configuration()
    credentials.load(configuration, "here", credentials.read(file, holder))
    assert configuration.ssl_ca_cert == str(tmp_path / "authority.crt")
    assert Path(configuration.key_file).read_bytes() == KEY
    assert Path(configuration.cert_file).read_bytes() == b"certificate"
    assert not list(temporary.iterdir())
    del holder
    assert not os.path.exists(configuration.key_file)  # noqa: PTH110  a file in memory has no name to resolve


def test_connections_end_with_whoever_had_a_use_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that goes through many kubeconfigs has no descriptors left otherwise."""
    closed: list[Any] = []
    monkeypatch.setattr(client.ApiClient, "close", lambda its: closed.append(its))  # noqa: PLW0108  a method
    cluster: Any = Cluster(context="here", kubeconfig=known(tmp_path))
    with pytest.raises(TargetError), cluster.asked("readyz"):
        cluster.plain("get", "/readyz")
    assert cluster.core.api_client
    assert not closed
    del cluster
    gc.collect()  # what was raised knew it
    assert len(closed) == 1
