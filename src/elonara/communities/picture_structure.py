"""What an uploaded picture is made of, read before anything is decoded.

A small file can make a decoder work for minutes: by hundreds of scans, each of which goes over the whole picture, or by
hundreds of thousands of pieces. Ordinary pictures have few of either. This module counts them, in time that the limits
bound, and leaves out what the stored picture will not have anyway. It decodes nothing.
"""

from __future__ import annotations

import re
from itertools import islice
from mmap import mmap
from typing import Final

# Scans of a JPEG. Encoders write 10 for colour, 18 for CMYK; previews in the metadata and a second picture come on top.
MAX_SCANS: Final = 48
MAX_SEGMENTS: Final = 2_000  # of a JPEG, before its first scan. A colour profile takes up to 255, long XMP hundreds.
MAX_CHUNKS: Final = 20_000  # of a PNG. Encoders write at least 4 kB of pixels a chunk, so 20 MB are 5,000.
MAX_BLOCKS: Final = 2_000  # of a GIF before its first frame: comments and application data, 255 bytes each
MAX_FRAMES: Final = 2_000  # of a WebP, whose decoder reads the list of all frames

PNG: Final = b"\x89PNG\r\n\x1a\n"
# What is needed to show the first frame. The rest (texts, which unpack to any size, and animation) is left out.
PNG_CHUNKS: Final = frozenset(
    {b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"eXIf", b"IDAT", b"IEND"}
)


class TooComplex(Exception):
    """The file has more scans, frames or pieces than ordinary pictures have."""


def simplified(data: bytes | mmap) -> bytes | mmap:
    """The file, without what its first frame does not need. Raises TooComplex.

    A file that is none of the formats, or ends too early, is returned as it is: the decoder says so.
    """
    if data[:2] == b"\xff\xd8":
        _count_scans(data)
        _count_segments(data)
    elif data[: len(PNG)] == PNG:
        return _first_frame_of_png(data)
    elif data[:6] in {b"GIF87a", b"GIF89a"}:
        _count_gif_blocks(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP" and _more_than(MAX_FRAMES, b"ANMF", data):
        raise TooComplex("frames")
    return data


def _more_than(most: int, mark: bytes, data: bytes | mmap) -> bool:
    found = re.finditer(re.escape(mark), data)
    return next(islice(found, most, None), None) is not None


def _count_scans(data: bytes | mmap) -> None:
    # In compressed data 0xFF is always followed by zero or a restart marker. So this counts every scan, wherever a
    # decoder may begin or end to read, and in the metadata those of previews.
    if _more_than(MAX_SCANS, b"\xff\xda", data):
        raise TooComplex("scans")


def _count_segments(data: bytes | mmap) -> None:
    at, count = 2, 0
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return  # no marker: the decoder refuses the file or looks for the next one
        marker = data[at + 1]
        if marker in {0xDA, 0xD9}:
            return
        count += 1
        if count > MAX_SEGMENTS:
            raise TooComplex("segments")
        if marker == 0xFF:  # fill
            at += 1
        elif marker in {0x00, 0x01} or 0xD0 <= marker <= 0xD8:  # without a length
            at += 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4])


def _first_frame_of_png(data: bytes | mmap) -> bytes:
    kept: list[bytes | memoryview] = [PNG]
    at, count = len(PNG), 0
    view = memoryview(data)
    while at + 12 <= len(data):
        count += 1
        if count > MAX_CHUNKS:
            raise TooComplex("chunks")
        end = at + 12 + int.from_bytes(data[at : at + 4])
        name = data[at + 4 : at + 8]
        if name in PNG_CHUNKS:
            kept.append(view[at:end])
        if name == b"IEND":
            break
        at = end
    return b"".join(kept)


def _count_gif_blocks(data: bytes | mmap) -> None:
    def table_bytes(flags: int) -> int:
        return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0

    at, count = 13 + table_bytes(data[10] if len(data) > 10 else 0), 0
    while at + 2 <= len(data) and data[at] == 0x21:  # an extension: its label, then blocks up to an empty one
        at += 2
        while at < len(data):
            count += 1
            if count > MAX_BLOCKS:
                raise TooComplex("blocks")
            length = data[at]
            at += 1 + length
            if not length:
                break
