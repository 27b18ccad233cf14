"""The S3 store, asked through its own socket: buckets, what is said of them, uploads that were never finished."""

import http.client
import re
import socket
from collections.abc import Iterator
from pathlib import Path

from benchmarks.kit.world.where import Facts, Where, short
from targets.lab.layout import names

ANSWER_S = 3.0
ASPECTS = ("policy", "lifecycle", "versioning", "acl", "cors", "encryption", "notification", "replication", "tagging",
           "object-lock", "publicAccessBlock", "ownershipControls", "website", "logging")  # fmt: skip
_UPLOAD = re.compile(r"<Upload>.*?<Key>(.*?)</Key>", re.DOTALL)
_BUCKET = re.compile(r"<Bucket>.*?<Name>(.*?)</Name>", re.DOTALL)
_PASSING = re.compile(r"<(RequestId|HostId)>.*?</\1>")


def objects(where: Where) -> Facts:
    """Ask the store; when it does not answer that is a fact, too."""
    found: dict[str, str] = {}
    for node in names("objects") if where.lab else ():
        found |= store((where.lab or Path()) / node)
    return found


def store(folder: Path) -> dict[str, str]:
    """Ask the store of the node that has this folder."""
    try:
        with short(folder) as name:
            return dict(_asked(f"{name}/socket"))
    except (OSError, http.client.HTTPException) as error:
        return {f"{folder.name}: the store": f"does not answer ({type(error).__name__})"}


def _asked(door: str) -> Iterator[tuple[str, str]]:
    for bucket in _BUCKET.findall(_get(door, "/")):
        yield f"bucket {bucket}", "there"
        yield from ((f"{aspect} of bucket {bucket}", _get(door, f"/{bucket}?{aspect}")) for aspect in ASPECTS)
        uploads = _UPLOAD.findall(_get(door, f"/{bucket}?uploads"))
        yield from ((f"unfinished upload of {key} in bucket {bucket}", "there") for key in uploads)


def _get(door: str, path: str) -> str:
    """Ask, past the signatures which the lab's store does not check; the status and what it says."""
    connection = http.client.HTTPConnection("lab", timeout=ANSWER_S)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(ANSWER_S)
    try:
        connection.sock.connect(door)
        connection.request("GET", path)
        answer = connection.getresponse()
        return f"{answer.status} {_PASSING.sub('', answer.read().decode(errors='replace'))}"
    finally:
        connection.close()
