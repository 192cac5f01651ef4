"""Small files that are made to cost much: each is `NAME: function that returns its bytes`."""

import io
import struct
import zlib

from PIL import Image


def jpeg_with_scans(count=400, size=(3000, 3000)):
    """A progressive JPEG whose last scans are repeated: each goes over every block of the picture again."""
    out = io.BytesIO()
    Image.new("RGB", size, "white").save(out, "JPEG", progressive=True)
    data = out.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + b"\xff\xd9"


def jpeg_with_segments(marker=b"\xff\xe5", count=1_000_000):
    """A JPEG with very many empty segments before its first scan."""
    return b"\xff\xd8" + (marker + b"\x00\x02") * count + _jpeg()[2:]


def jpeg_with_tables(marker=0xDB, count=140_000):
    """A JPEG whose quantization table (or, marker 0xC4, whose Huffman table) is repeated."""
    data = _jpeg()
    at = data.index(bytes((0xFF, marker)))
    length = struct.unpack(">H", data[at + 2 : at + 4])[0]
    return data[:at] + data[at : at + 2 + length] * (count * 69 // (2 + length)) + data[at:]


def jpeg_with_restarts(size=(3000, 3000)):
    """A baseline JPEG with a restart marker after every block, and many more than there are blocks."""
    out = io.BytesIO()
    Image.new("RGB", size, "white").save(out, "JPEG", restart_marker_blocks=1)
    restarts = b"".join(bytes((0xFF, 0xD0 + number)) for number in range(8))
    return out.getvalue()[:-2] + restarts * 500_000 + b"\xff\xd9"


def png_with_chunks(name, body, count):
    """A PNG with extra chunks before its pixels."""
    data = _png()
    return data[:33] + chunk(name, body) * count + data[33:]


def png_with_text(name=b"zTXt", count=60):
    """A PNG whose compressed texts unpack to a megabyte each."""
    packed = zlib.compress(bytes(1_000_000), 9)
    body = b"Comment\0\0" + packed if name == b"zTXt" else b"Comment\0\1\0en\0\0" + packed
    return png_with_chunks(name, body, count)


def png_with_many_idats(count=800_000):
    """A PNG with very many empty pieces of pixels."""
    data = _png()
    return data[:33] + chunk(b"IDAT", b"") * count + data[33:]


def png_of(width, height, depth=8, color=2, interlaced=0, rows=100_000):
    """A PNG of some size whose pixels are zeros, as far as they go."""
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced)
    pixels = zlib.compress(bytes(rows), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def gif_with_comment(blocks=39_000):
    """A GIF with one comment of very many pieces."""
    data = _gif()
    at = data.index(b"\x21\xf9") if b"\x21\xf9" in data else data.index(b"\x2c")
    return data[:at] + b"\x21\xfe" + (b"\xff" + b"c" * 255) * blocks + b"\0" + data[at:]


def animation(kind, frames=5000):
    """A GIF, WebP or PNG of very many frames."""
    first, *rest = [Image.new("RGB", (8, 8), (number % 251, number // 251 * 9, 7)) for number in range(frames)]
    out = io.BytesIO()
    first.save(out, kind, save_all=True, append_images=rest, duration=20, lossless=True)
    return out.getvalue()


def chunk(name, body):
    """A chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _jpeg():
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "white").save(out, "JPEG")
    return out.getvalue()


def _png():
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "white").save(out, "PNG")
    return out.getvalue()


def _gif():
    out = io.BytesIO()
    Image.new("P", (64, 48), 7).save(out, "GIF")
    return out.getvalue()


def jpeg_plain(size=(4000, 3000)):
    """An ordinary picture of twelve megapixels, as a telephone takes them."""
    out = io.BytesIO()
    Image.effect_noise(size, 40).convert("RGB").save(out, "JPEG", quality=70)
    return out.getvalue()
