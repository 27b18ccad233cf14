"""The S3 store, through boto3 in threads of its own: threads that hang must not keep others from working."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from targets.lab.service.queue import Unavailable

ANSWER_S = 0.8
DEADLINE_S = 0.85
_THREADS = 4  # boto3 is heavy Python: many threads at once would starve the event loop, and with it the orders
_ABSENT = ("NoSuchKey", "404")
_NOT_DONE = {*range(400, 500), 503}  # any other error may have struck behind the write


class Refused(Unavailable):
    """The store did not take the request at all."""


class Objects:
    """All access of one API process to the bucket."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self.bucket = self._parts.path.strip("/")
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="s3")
        self._pool.submit(lambda: self._client)  # it takes a while to build

    @cached_property
    def _client(self) -> Any:
        config = Config(  # type: ignore[no-untyped-call]
            connect_timeout=ANSWER_S,
            read_timeout=ANSWER_S,
            retries={"total_max_attempts": 1},
            max_pool_connections=_THREADS,
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        return boto3.client(  # type: ignore[no-untyped-call]
            "s3",
            endpoint_url=f"http://{self._parts.hostname}:{self._parts.port}",
            aws_access_key_id=self._parts.username,
            aws_secret_access_key=self._parts.password,
            region_name="us-east-1",
            config=config,
        )

    async def _within(self, work: Callable[[], Any], seconds: float = DEADLINE_S) -> Any:
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except TimeoutError as error:
            raise Unavailable("objects: no answer in time") from error
        except EndpointConnectionError as error:
            raise Refused(f"objects: {error}") from error
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            raise (Refused if status in _NOT_DONE else Unavailable)(f"objects: {error}") from error
        except (BotoCoreError, OSError) as error:
            raise Unavailable(f"objects: {error}") from error

    async def ping(self) -> None:
        """Raise Unavailable unless the bucket is there."""
        await self._within(lambda: self._client.head_bucket(Bucket=self.bucket))

    async def put(self, key: str, body: bytes) -> None:
        """Store an object. Refused when certainly nothing of it was kept, Unavailable when nobody knows."""
        await self._within(lambda: self._client.put_object(Bucket=self.bucket, Key=key, Body=body))

    async def get(self, key: str) -> bytes | None:
        """Read an object, None when there is none."""

        def read() -> bytes | None:
            try:
                found: bytes = self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            except ClientError as error:
                if error.response["Error"]["Code"] in _ABSENT:
                    return None
                raise
            return found

        found: bytes | None = await self._within(read)
        return found

    async def delete(self, keys: list[str]) -> None:
        """Remove up to 1000 objects in one request; nothing to do for those that are not there."""
        wanted = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
        await self._within(lambda: self._client.delete_objects(Bucket=self.bucket, Delete=wanted))

    async def sizes(self, prefix: str) -> dict[str, int]:
        """List the keys under a prefix, all pages, with their objects' bytes."""

        def read() -> dict[str, int]:
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
            return {row["Key"]: row["Size"] for page in pages for row in page.get("Contents", [])}

        found: dict[str, int] = await self._within(read)
        return found
