"""The process that decodes one picture: `python -m elonara.communities.picture_decoder`, started by `pictures`.

Decoding is done by libraries in C on bytes that anybody uploads. Here it may neither take long nor much memory, and
when it crashes the site goes on. The file comes by standard input, the JPEG goes to standard output, and the exit
status says how it went. Nothing of the site is imported, so that its start is quick: no Django, no settings, no keys.
"""

from __future__ import annotations

import io
import mmap
import resource
import sys
import warnings
from contextlib import suppress
from typing import IO, Any, Final

from PIL import Image, ImageOps, UnidentifiedImageError

from elonara.communities.picture_structure import TooComplex, simplified

# Exit statuses. 1 and 2 are Python's own.
NOT_A_PICTURE, TOO_MANY_PIXELS, TOO_COMPLEX, TOO_LARGE_TO_SHRINK = 10, 11, 12, 13

MAX_SIDE_PIXELS: Final = 2000  # of the stored picture
# For a JPEG, which Pillow can decode at a smaller scale, so that it takes little memory.
MAX_PIXELS_SHRUNK = 50_000_000
# Memory that decoding may take, and what it takes per pixel (measured as the peak of the process, Pillow 13).
MAX_DECODED_BYTES = 64_000_000
# Of a progressive JPEG libjpeg keeps the coefficients of the whole picture, whatever the scale at which it is decoded:
# two bytes for each sample of each component. 24 megapixels as cameras sample them (4:2:0) take 72 MB.
MAX_COEFFICIENT_BYTES = 80_000_000
BYTES_PER_SAMPLE = 2
BYTES_PER_PIXEL = {"1": 1, "L": 1, "P": 1, "RGB": 5}  # by Pillow mode
BYTES_PER_PIXEL_CONVERTED = 11  # of every other mode, which has to be converted
BYTES_PER_PIXEL_WEBP = 16
BYTES_PER_PIXEL_SHRUNK = 4  # of a JPEG
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
JPEGS = frozenset({"JPEG", "MPO"})  # as Pillow calls them; MPO: several in one file, of which the first is taken

# What the process may take: address space beyond that of the libraries, and processor time.
MAX_BYTES: Final = 112 * 1024 * 1024
MAX_CPU_SECONDS: Final = 10


def main(argv: list[str]) -> int:
    """`prepare`, or `shrink SIDE BYTES`. Returns the exit status."""
    limit_process()
    data = _standard_input()
    try:
        if argv[0] == "shrink":
            small = shrunk(data, side=int(argv[1]), most_bytes=int(argv[2]))
            if small is None:
                return TOO_LARGE_TO_SHRINK
        else:
            small = prepared(data)
    except TooComplex:
        return TOO_COMPLEX
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError):
        return TOO_MANY_PIXELS
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError):
        return NOT_A_PICTURE
    sys.stdout.buffer.write(small)
    return 0


def limit_process() -> None:
    """Bound what this process may take from now on. The system ends it where that is not enough."""
    used = 0
    with suppress(OSError), open("/proc/self/statm", encoding="ascii") as status:  # noqa: PTH123 - pathlib is not loaded
        used = int(status.read().split()[0]) * resource.getpagesize()
    limits = {resource.RLIMIT_CPU: MAX_CPU_SECONDS, resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: 0}
    if used:
        limits[resource.RLIMIT_AS] = used + MAX_BYTES
    for kind, most in limits.items():
        with suppress(OSError, ValueError):  # a system without it, or a lower limit is set already
            resource.setrlimit(kind, (most, most))


def _standard_input() -> bytes | mmap.mmap:
    """The file; one on the disk is mapped, so that it takes no memory of this process."""
    with suppress(OSError, ValueError):  # a pipe, or an empty file
        return mmap.mmap(sys.stdin.fileno(), 0, access=mmap.ACCESS_READ)
    return sys.stdin.buffer.read()


def prepared(data: bytes | mmap.mmap) -> bytes:
    """An upload as a JPEG of at most 2000 pixels a side, upright, without metadata. Raises what `main` tells apart."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(_file(simplified(data)), formats=FORMATS) as image:
            _refuse_bombs(image)
            image.thumbnail((MAX_SIDE_PIXELS, MAX_SIDE_PIXELS))
            # In place, because a copy of the pixels would be the peak of the memory.
            ImageOps.exif_transpose(image, in_place=True)
            return _jpeg(_flat(image), 85)


def shrunk(data: bytes | mmap.mmap, *, side: int, most_bytes: int) -> bytes | None:
    """One of our stored pictures as a smaller JPEG of at most `most_bytes`; None where no step is small enough."""
    with Image.open(_file(data), formats=("JPEG",)) as image:
        # Where it can be, it is decoded at half the scale already, which takes a quarter of the memory.
        longer = max(image.size)
        image.draft("RGB", (max(1, image.width * side // longer), max(1, image.height * side // longer)))
        for step in (1.0, 0.75, 0.5, 0.35):
            image.thumbnail((round(side * step), round(side * step)))
            for quality in (82, 70, 55):
                small = _jpeg(image, quality)
                if len(small) <= most_bytes:
                    return small
    return None


def _file(data: bytes | mmap.mmap) -> IO[bytes]:
    if isinstance(data, bytes):
        return io.BytesIO(data)
    # Decoded from the file itself, a block at a time: what has been read through the mapping counts as our memory.
    data.madvise(mmap.MADV_DONTNEED)
    sys.stdin.buffer.seek(0)
    return sys.stdin.buffer


def _refuse_bombs(image: Any) -> None:
    # Before anything is decoded: the size comes from the header.
    pixels = image.width * image.height
    bytes_per_pixel = BYTES_PER_PIXEL.get(image.mode, BYTES_PER_PIXEL_CONVERTED)
    if image.format == "WEBP":
        bytes_per_pixel = BYTES_PER_PIXEL_WEBP
    elif image.format in JPEGS:
        if pixels > MAX_PIXELS_SHRUNK or _coefficient_bytes(image) > MAX_COEFFICIENT_BYTES:
            raise Image.DecompressionBombError
        image.draft("RGB", (MAX_SIDE_PIXELS // 2, MAX_SIDE_PIXELS // 2))
        pixels, bytes_per_pixel = image.width * image.height, BYTES_PER_PIXEL_SHRUNK
    if pixels * bytes_per_pixel > MAX_DECODED_BYTES:
        raise Image.DecompressionBombError


def _coefficient_bytes(image: Any) -> int:
    """What libjpeg keeps of a progressive JPEG while it is decoded; 0 for a baseline one."""
    if not image.info.get("progressive"):
        return 0
    factors: list[tuple[int, int]] = [(across, down) for _, across, down, _ in image.layer]
    most = max(across for across, _ in factors) * max(down for _, down in factors)
    return sum(across * down for across, down in factors) * int(image.width * image.height) * BYTES_PER_SAMPLE // most


def _flat(image: Any) -> Any:
    """The image in RGB, on white where it is transparent."""
    if image.mode == "RGB":
        return image
    if "A" in image.getbands() or "transparency" in image.info:
        layered = image.convert("RGBA")
        white = Image.new("RGB", layered.size, "white")
        white.paste(layered, mask=layered.getchannel("A"))
        return white
    return image.convert("RGB")


def _jpeg(image: Any, quality: int) -> bytes:
    # Keeps a short colour profile, without which pictures of phones turn pale; drops EXIF, comments and the rest.
    profile = image.info.get("icc_profile") or b""
    out = io.BytesIO()
    kept = profile if image.mode == "RGB" and len(profile) <= 4096 else None
    # Not `optimize`: it makes the file 6 % smaller, and takes 7 MB more for a picture of this size.
    image.save(out, "JPEG", quality=quality, exif=b"", comment=b"", icc_profile=kept)
    return out.getvalue()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
