"""What one picture may cost: a file that is made to cost much is refused, whatever its format."""

import io
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest
from django.core.files.uploadedfile import TemporaryUploadedFile
from PIL import Image
from tests.unit.communities import bad_pictures

from elonara.communities import picture_decoder, picture_structure, pictures
from elonara.communities.picture_structure import TooComplex
from elonara.members.errors import Invalid

TOO_COMPLEX = {
    "scans": lambda: bad_pictures.jpeg_with_scans(400),
    "segments": bad_pictures.jpeg_with_segments,
    "comments of a JPEG": lambda: bad_pictures.jpeg_with_segments(b"\xff\xfe"),
    "quantization tables": lambda: bad_pictures.jpeg_with_tables(0xDB),
    "Huffman tables": lambda: bad_pictures.jpeg_with_tables(0xC4),
    "texts": lambda: bad_pictures.png_with_chunks(b"tEXt", b"a\0b", 300_000),
    "IDATs": bad_pictures.png_with_many_idats,
    "comment of a GIF": bad_pictures.gif_with_comment,
    "frames of a WebP": lambda: bad_pictures.animation("WEBP", 2_001),
}
# Nothing of these costs more than an ordinary picture.
TAKEN = {
    "restarts": bad_pictures.jpeg_with_restarts,
    "zTXt": lambda: bad_pictures.png_with_text(b"zTXt"),
    "iTXt": lambda: bad_pictures.png_with_text(b"iTXt"),
    "APNG": lambda: bad_pictures.animation("PNG"),
    "GIF": lambda: bad_pictures.animation("GIF"),
    "WebP": lambda: bad_pictures.animation("WEBP", 300),
    "interlaced": lambda: bad_pictures.png_of(2000, 2000, interlaced=1, rows=2000 * 6001 + 30_000),
    "more pixels than its size says": lambda: bad_pictures.png_of(100, 100, rows=50_000_000),
    "ten scans": lambda: bad_pictures.jpeg_with_scans(1),
}


@pytest.fixture
def decoder(monkeypatch):
    """Puts some Python code in the place of the decoder."""

    def put(code):
        monkeypatch.setattr(pictures, "DECODER", (sys.executable, "-I", "-c", code))

    return put


@pytest.mark.parametrize("make", TOO_COMPLEX.values(), ids=TOO_COMPLEX)
def test_a_picture_of_too_many_pieces_is_refused_before_it_is_decoded(make):
    data = make()
    assert len(data) < pictures.MAX_FILE_BYTES
    with pytest.raises(TooComplex):
        picture_structure.simplified(data)
    with pytest.raises(Invalid) as refused:
        pictures.prepare(data)
    assert refused.value.errors["picture"] == pictures.TOO_COMPLEX


@pytest.mark.parametrize("make", TAKEN.values(), ids=TAKEN)
def test_what_is_merely_unusual_is_taken(make):
    with Image.open(pictures.prepare(make())) as stored:
        assert stored.format == "JPEG"
        assert getattr(stored, "n_frames", 1) == 1


def test_texts_and_animation_of_a_png_are_left_out_before_it_is_decoded():
    plain = picture_structure.simplified(bad_pictures.png_with_text())
    assert b"zTXt" not in plain
    assert len(plain) < 1000
    assert b"fcTL" not in picture_structure.simplified(bad_pictures.animation("PNG", 3))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_picture_cut_off_anywhere_is_refused_or_taken_and_never_a_failure(kind, picture):
    data = picture(kind, (40, 30), "P" if kind == "GIF" else "RGB")
    for end in sorted({*range(0, 60, 3), *range(60, len(data), 1 + len(data) // 40)}):
        with suppress(OSError, ValueError, SyntaxError, EOFError):
            assert picture_decoder.prepared(data[:end])


@pytest.mark.parametrize(
    ("kind", "mode", "options", "fits"),
    [
        ("JPEG", "RGB", {}, 400_000),  # decoded shrunk or at 4 bytes a pixel
        ("PNG", "RGB", {}, 500_000),
        ("PNG", "RGBA", {}, 1_100_000),
        ("WEBP", "RGB", {}, 1_600_000),
    ],
)
def test_a_picture_that_takes_too_much_memory_is_refused(picture, monkeypatch, kind, mode, options, fits):
    data = picture(kind, (400, 250), mode, **options)
    monkeypatch.setattr(picture_decoder, "MAX_DECODED_BYTES", fits)
    assert picture_decoder.prepared(data)
    monkeypatch.setattr(picture_decoder, "MAX_DECODED_BYTES", fits - 1)
    with pytest.raises(Image.DecompressionBombError):
        picture_decoder.prepared(data)


@pytest.mark.parametrize(("subsampling", "bytes_a_pixel"), [("4:2:0", 3), ("4:2:2", 4), ("4:4:4", 6)])
def test_a_progressive_jpeg_is_measured_by_what_its_decoder_keeps(picture, monkeypatch, subsampling, bytes_a_pixel):
    data = picture("JPEG", (400, 256), "RGB", progressive=True, subsampling=subsampling)
    monkeypatch.setattr(picture_decoder, "MAX_COEFFICIENT_BYTES", 400 * 256 * bytes_a_pixel)
    assert picture_decoder.prepared(data)
    monkeypatch.setattr(picture_decoder, "MAX_COEFFICIENT_BYTES", 400 * 256 * bytes_a_pixel - 1)
    with pytest.raises(Image.DecompressionBombError):
        picture_decoder.prepared(data)


def test_the_largest_progressive_jpeg_fits_into_the_memory_of_the_process():
    out = io.BytesIO()
    Image.new("RGB", (5160, 5160), "teal").save(out, "JPEG", progressive=True, subsampling="4:2:0")
    with Image.open(pictures.prepare(out.getvalue())) as stored:
        assert max(stored.size) <= 2000


def test_a_jpeg_of_too_many_pixels_is_refused_though_it_would_shrink(picture, monkeypatch):
    monkeypatch.setattr(picture_decoder, "MAX_PIXELS_SHRUNK", 10_000)
    with pytest.raises(Image.DecompressionBombError):
        picture_decoder.prepared(picture(size=(200, 200)))


@pytest.mark.parametrize(
    ("mode", "width"), [("RGB", 3550), ("RGBA", 2400), ("L", 7990), ("P", 7990), ("I;16", 2400), ("LA", 2400)]
)
def test_the_largest_pictures_fit_into_the_memory_of_the_process(mode, width):
    out = io.BytesIO()
    Image.new(mode, (width, width)).save(out, "PNG", compress_level=1)
    with Image.open(pictures.prepare(out.getvalue())) as stored:
        assert stored.size == (2000, 2000)


def test_a_decoder_that_does_not_end_is_killed(decoder, monkeypatch, picture):
    monkeypatch.setattr(pictures, "MAX_SECONDS", 0.5)
    decoder("import time\ntime.sleep(60)")
    began = time.monotonic()
    with pytest.raises(Invalid) as refused:
        pictures.prepare(picture())
    assert time.monotonic() - began < 10
    assert refused.value.errors["picture"] == pictures.TOO_COMPLEX


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass", "-9"),
        ("bytearray(200_000_000)", "MemoryError"),
        ("open('written', 'wb', buffering=0).write(b'x')", "File too large"),
    ],
    ids=["time", "memory", "files"],
)
def test_the_process_is_bounded(code, status, tmp_path):
    """In time, in memory, and it writes no file."""
    begin = "import resource\nfrom elonara.communities.picture_decoder import limit_process\nlimit_process()\n"
    ended = subprocess.run(
        [sys.executable, "-I", "-c", begin + code], capture_output=True, timeout=30, check=False, cwd=tmp_path
    )
    assert ended.returncode
    assert status in f"{ended.returncode} {ended.stderr.decode()}"


def test_a_decoder_that_crashes_takes_nothing_with_it(decoder, picture, caplog):
    decoder("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(Invalid):
        pictures.prepare(picture())
    assert "ended with -11" in caplog.text


def test_the_decoder_sees_no_secret_of_the_site(decoder, monkeypatch, picture):
    monkeypatch.setenv("ELONARA_EMAIL__URL", "smtp://alice:secret@mail.example")
    decoder("import os, sys\nsys.stdout.write(' '.join(os.environ))")
    assert b"ELONARA" not in pictures.prepare(picture()).read()


def test_statuses_and_sentences_agree():
    assert pictures.SENTENCES == {
        picture_decoder.NOT_A_PICTURE: pictures.NOT_A_PICTURE,
        picture_decoder.TOO_MANY_PIXELS: pictures.TOO_MANY_PIXELS,
        picture_decoder.TOO_COMPLEX: pictures.TOO_COMPLEX,
    }


def test_uploads_at_once_wait_for_each_other_and_never_hold_every_thread(decoder, picture):
    decoder("import time\ntime.sleep(1)\nprint('x')")
    data, outcomes = picture(), []

    def upload():
        try:
            pictures.prepare(data)
            outcomes.append("stored")
        except Invalid as refused:
            outcomes.append(refused.errors["picture"])

    threads = [threading.Thread(target=upload) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == sorted([pictures.BUSY] * 4 + ["stored"] * 4)


def test_the_site_itself_loads_no_decoder():
    code = "import elonara.communities.pictures, sys\nassert 'PIL' not in sys.modules"
    ended = subprocess.run([sys.executable, "-c", code], env=dict(os.environ), capture_output=True, check=False)
    assert not ended.stderr, ended.stderr


def test_a_large_upload_is_read_by_the_decoder_alone(picture, monkeypatch):
    with TemporaryUploadedFile("p.jpg", "image/jpeg", 0, None) as upload:
        upload.write(picture(size=(300, 200)))
        upload.flush()
        monkeypatch.setattr(pictures, "_read", None)  # it is not called
        assert pictures.prepare(upload).size
        os.truncate(upload.temporary_file_path(), pictures.MAX_FILE_BYTES + 1)
        with pytest.raises(Invalid) as refused:
            pictures.prepare(upload)
    assert refused.value.errors["picture"] == pictures.TOO_HEAVY


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((2000, 1500), (1000, 750)),
        ((1500, 2000), (750, 1000)),
        ((1999, 1000), (1000, 500)),
        ((800, 600), (800, 600)),
        ((2000, 1), (1000, 1)),
        ((1, 2000), (1, 1000)),
    ],
)
def test_a_stored_picture_is_shrunk_to_its_longer_side(picture, size, expected):
    small = picture_decoder.shrunk(picture(size=size), side=1000, most_bytes=950_000)
    assert Image.open(io.BytesIO(small)).size == expected


def test_a_large_upload_takes_no_memory_for_its_file(picture, tmp_path):
    """It is mapped. What comes by a pipe is read, with the same result."""
    file = tmp_path / "picture.jpg"
    file.write_bytes(picture(size=(300, 200)))
    with file.open("rb") as upload:
        mapped = subprocess.run([*pictures.DECODER, "prepare"], stdin=upload, capture_output=True, check=True).stdout
    piped = subprocess.run(
        [*pictures.DECODER, "prepare"], input=file.read_bytes(), capture_output=True, check=True
    ).stdout
    assert mapped == piped
    assert Image.open(io.BytesIO(mapped)).size == (300, 200)
