"""An upload that is under way for as long as an experiment needs it: half of a body, and the promise of the rest."""

import http.client
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

from targets import s3, where
from targets.target import BadInput, TargetError

SILENCE_S = 0.2  # a store that answers within it did not wait for the rest
ANSWER_S = 5.0

_under_way: dict[str, http.client.HTTPConnection] = {}


def begin_upload(key: str, size: int, sent: int, component: str = "objects") -> dict[str, Any]:
    """Promise the store `size` bytes under `key`, send the first `sent` of them, and stay connected.

    BadInput when that is all of them; TargetError when the store answers already, or breaks the connection: then no
    upload is under way.
    """
    if not 0 <= sent < size:
        raise BadInput(f"begin_upload: sent={sent} of size={size}: no upload is under way after that; send fewer")
    client, bucket = s3.client(where.target().endpoint(component))
    with closing(client):
        signed = client.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": key})
    url = urlsplit(signed)
    if earlier := _under_way.pop(key, None):
        earlier.close()
    connection = http.client.HTTPConnection(str(url.hostname), url.port or 80, timeout=ANSWER_S)
    try:
        connection.putrequest("PUT", f"{url.path}?{url.query}")
        connection.putheader("Content-Length", str(size))
        connection.endheaders()
        connection.send(bytes(sent))
        connection.sock.settimeout(SILENCE_S)
        connection.sock.recv(1)
    except TimeoutError:
        connection.sock.settimeout(ANSWER_S)
        _under_way[key] = connection
        return {"key": key, "size": size, "sent": sent}
    except OSError as error:
        connection.close()
        raise TargetError(f"{component}: the upload broke off at once ({error})") from error
    connection.close()
    raise TargetError(f"{component} answered after {sent} of {size} bytes: no upload is under way")


def end_of_upload(key: str) -> int:
    """Tell how an upload that was begun has ended: the store's status, 0 when the connection broke without one.

    TargetError when it is still under way after 5 s, or was never begun.
    """
    connection = _under_way.pop(key, None)
    if connection is None:
        raise TargetError(f"no upload of {key} was begun")
    try:
        word = connection.sock.recv(12)  # "HTTP/1.1 200"
    except TimeoutError:
        raise TargetError(f"the upload of {key} is still under way after {ANSWER_S:g} s") from None
    except OSError:
        return 0
    finally:
        connection.close()
    return int(word[9:]) if word else 0
