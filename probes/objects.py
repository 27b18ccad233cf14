"""Probes of the S3 store, asked itself and not through the service."""

from contextlib import closing
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from targets import s3
from targets.target import TargetError
from targets.waiting import until
from targets.where import target

BACK_WITHIN_S = 10.0


def stored_bytes(key: str, component: str = "objects") -> int:
    """Say how big the object of that key is, 0 when there is none; waits up to 10 s for a store that restarts.

    To be trusted because it is the store's own answer to a reader; without an answer this is a TargetError.
    """
    client, bucket = s3.client(target().endpoint(component))
    with closing(client):
        found = until(lambda: _size(client, bucket, key), BACK_WITHIN_S, f"{component} to say whether it has {key}")
    return found[0]


def _size(client: Any, bucket: str, key: str) -> tuple[int]:
    try:
        return (int(client.head_object(Bucket=bucket, Key=key)["ContentLength"]),)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return (0,)
        raise TargetError(str(error)) from None
    except BotoCoreError as error:
        raise TargetError(str(error)) from None
