"""A request -> its body, read no further than a limit, and unpacked no further either."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator

from starlette.exceptions import HTTPException
from starlette.requests import Request

#: The wbits of zlib that mean gzip and nothing else.
GZIP = 16 + zlib.MAX_WBITS


async def read_body(request: Request, *, max_bytes: int) -> bytes:
    """The body, unpacked if it is gzip.

    Raises HTTPException: 413 as soon as it is seen to exceed ``max_bytes``, packed or unpacked; 415 for
    another encoding; 400 for broken gzip.
    """
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip"):
        raise HTTPException(
            415, "only Content-Encoding: gzip, or none, is taken", headers={"Accept-Encoding": "gzip"}
        )
    if declared_bytes(request.headers.get("content-length")) > max_bytes:
        raise too_large(max_bytes)
    chunks = request.stream()
    return b"".join([chunk async for chunk in _within(_unpacked(chunks, encoding, max_bytes), max_bytes)])


def declared_bytes(content_length: str | None) -> int:
    """What Content-Length says; 0 where it says nothing, since the body itself is counted as well."""
    text = content_length or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def too_large(max_bytes: int) -> HTTPException:
    """The refusal of a body that is too long.

    The connection stays open: closing it on a client that still sends would take the answer from it as well.
    """
    return HTTPException(413, f"the body is longer than {max_bytes} bytes; send less at once")


def _unpacked(chunks: AsyncIterator[bytes], encoding: str, max_bytes: int) -> AsyncIterator[bytes]:
    return _gunzip(_within(chunks, max_bytes), max_bytes) if encoding == "gzip" else chunks


async def _within(chunks: AsyncIterator[bytes], max_bytes: int) -> AsyncIterator[bytes]:
    read = 0
    async for chunk in chunks:
        read += len(chunk)
        if read > max_bytes:
            raise too_large(max_bytes)
        yield chunk


async def _gunzip(chunks: AsyncIterator[bytes], max_bytes: int) -> AsyncIterator[bytes]:
    """Unpack chunk by chunk; a bomb is noticed after ``max_bytes`` of output, not after it went off."""
    unpacker = zlib.decompressobj(GZIP)
    try:
        async for chunk in chunks:
            yield unpacker.decompress(chunk, max_bytes + 1)
            if unpacker.unconsumed_tail:
                raise too_large(max_bytes)
    except zlib.error as error:
        raise HTTPException(400, f"the body is no gzip: {error}") from error
    if not unpacker.eof or unpacker.unused_data:
        raise HTTPException(400, "the body is not one whole gzip member")
