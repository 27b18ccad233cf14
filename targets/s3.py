"""A client of an S3 store at a target's endpoint, "http://KEY:SECRET@HOST:PORT/BUCKET"."""

from typing import Any
from urllib.parse import urlsplit

ANSWER_S = 2.0


def client(url: str) -> tuple[Any, str]:
    """Give a boto3 client that never tries again behind anybody's back, and the bucket's name."""
    import boto3  # noqa: PLC0415  heavy, and the rest of this room does without it
    from botocore.config import Config  # noqa: PLC0415

    parts = urlsplit(url)
    made = boto3.client(  # type: ignore[no-untyped-call]
        "s3",
        endpoint_url=f"{parts.scheme}://{parts.hostname}:{parts.port}",
        aws_access_key_id=parts.username,
        aws_secret_access_key=parts.password,
        region_name="us-east-1",
        config=Config(  # type: ignore[no-untyped-call]
            connect_timeout=ANSWER_S,
            read_timeout=ANSWER_S,
            retries={"total_max_attempts": 1},
            signature_version="s3v4",
            s3={"addressing_style": "path"},
        ),
    )
    return made, parts.path.strip("/")
