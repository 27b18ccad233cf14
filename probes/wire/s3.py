"""Requests to an S3 store, path style, signed by hand (AWS signature version 4).

By hand because boto3 is blocking, retries, and does not tell whether a request had left; signing is forty lines, and
tests/test_s3.py holds them against botocore's.
"""

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from urllib.parse import parse_qs, quote, unquote, urlsplit

from probes.public import public
from probes.wire.http import Call, prepare

REGION = "us-east-1"
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """A bucket, and who asks for it."""

    root: str  # "http://HOST:PORT"
    name: str
    region: str
    key: str
    secret: str
    token: str  # "" for lasting credentials


def bucket(url: str) -> Bucket:
    """Read "http://KEY:SECRET@HOST:PORT/BUCKET[?region=R]", https and s3+http(s) alike.

    Without a login, $AWS_ACCESS_KEY_ID, $AWS_SECRET_ACCESS_KEY and $AWS_SESSION_TOKEN are used; without a region
    $AWS_REGION.  ValueError when something is missing.
    """
    parts = urlsplit(url.removeprefix("s3+"))
    name = parts.path.strip("/")
    if parts.scheme not in {"http", "https"} or not parts.hostname or not name or "/" in name:
        raise ValueError(f"url is {public(url)!r}; give http://KEY:SECRET@HOST:PORT/BUCKET")
    key, secret, token = unquote(parts.username or ""), unquote(parts.password or ""), ""
    if not key:
        key, secret, token = (
            os.environ.get(f"AWS_{one}", "") for one in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")
        )
    if not key or not secret:
        raise ValueError(
            "there is no login; give KEY:SECRET@ in the URL, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    region = parse_qs(parts.query).get("region", [os.environ.get("AWS_REGION") or REGION])[0]
    root = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return Bucket(root=root, name=name, region=region, key=key, secret=secret, token=token)


def call(at: Bucket, method: str, key: str = "", *, query: Mapping[str, str] = NOTHING, body: str = "") -> Call:
    """Prepare a signed request for an object, or for the bucket itself."""
    path = quote(f"/{at.name}/{key}" if key else f"/{at.name}", safe="/-_.~")
    asked = query_string(query)
    headers = signed(at, method, path, asked, body, now=datetime.now(UTC))
    url = f"{at.root}{path}?{asked}" if asked else f"{at.root}{path}"
    return prepare(url, method, body or None, {**headers, "Content-Type": "application/octet-stream"})


def query_string(query: Mapping[str, str]) -> str:
    """Write a query as it is both sent and signed: in the order of its names."""
    return "&".join(f"{name}={value}" for name, value in sorted((_quoted(n), _quoted(v)) for n, v in query.items()))


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")


def signed(at: Bucket, method: str, path: str, query: str, body: str, *, now: datetime) -> dict[str, str]:
    """Give the headers that prove who asks; `path` and `query` as they are sent."""
    stamp, payload = f"{now:%Y%m%dT%H%M%SZ}", hashlib.sha256(body.encode()).hexdigest()
    headers = {"X-Amz-Content-SHA256": payload, "X-Amz-Date": stamp}
    headers |= {"X-Amz-Security-Token": at.token} if at.token else {}
    proven = {"host": urlsplit(at.root).netloc, **{name.lower(): value for name, value in headers.items()}}
    names = ";".join(sorted(proven))
    lines = [method, path, query, *(f"{name}:{proven[name]}" for name in sorted(proven)), "", names, payload]
    scope = f"{stamp[:8]}/{at.region}/s3/aws4_request"
    request = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{request}"
    signature = _hmac(_signing_key(at, scope), text).hex()
    login = f"AWS4-HMAC-SHA256 Credential={at.key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "Authorization": login}


def _signing_key(at: Bucket, scope: str) -> bytes:
    key = f"AWS4{at.secret}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
