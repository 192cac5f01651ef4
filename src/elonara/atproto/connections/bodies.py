"""The body of a response, decompressed where need be, and never larger than allowed."""

from __future__ import annotations

import zlib

from elonara.atproto.connections.http1 import Response1
from elonara.atproto.errors import BodyTooLarge, NetworkError


def bounded_body(response: Response1, max_bytes: int) -> bytes:
    """The body, decompressed where the server compressed it though we asked for `identity`.

    Raises BodyTooLarge beyond `max_bytes`, NetworkError for another coding or a broken body.
    """
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding not in {"identity", "", "gzip", "deflate"}:
        raise NetworkError(
            f"the server answered in the coding {coding[:20]!r}, which was not asked for", ambiguous=True
        )
    declared = response.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > max_bytes:
        raise BodyTooLarge(f"the server answered with more than {max_bytes} bytes")
    unpack = zlib.decompressobj(wbits=47) if coding in {"gzip", "deflate"} else None
    chunks: list[bytes] = []
    size = 0
    for raw in response.iter_raw():
        try:
            chunk = unpack.decompress(raw, max_bytes - size + 1) if unpack else raw
        except zlib.error as fault:
            raise NetworkError("the server answered with a broken body", ambiguous=True) from fault
        size += len(chunk)
        if size > max_bytes:
            raise BodyTooLarge(f"the server answered with more than {max_bytes} bytes")
        chunks.append(chunk)
    return b"".join(chunks)
