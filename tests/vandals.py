"""What a negative trial has an experiment do: lose what was promised to be kept."""

from typing import Any
from urllib.parse import urlsplit

import boto3

from targets.where import target


def objects() -> Any:
    """Give a client of the lab's S3 store, and its bucket's name."""
    parts = urlsplit(target().endpoint("objects"))
    client = boto3.client(  # type: ignore[no-untyped-call]
        "s3",
        endpoint_url=f"http://{parts.hostname}:{parts.port}",
        aws_access_key_id=parts.username,
        aws_secret_access_key=parts.password,
        region_name="us-east-1",
    )
    return client, parts.path.strip("/")


def forget_objects(count: int) -> int:
    """Delete the newest objects of the newest ledger in the store; their number."""
    client, bucket = objects()
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="drillyard/ledger/")
    rows = sorted((row["LastModified"], row["Key"]) for page in pages for row in page.get("Contents", []))
    gone = [{"Key": key} for _, key in rows[-count:]]
    client.delete_objects(Bucket=bucket, Delete={"Objects": gone})
    return len(gone)
